//! Writes that a caller who hangs up cannot tear.

use std::{future::Future, time::Duration};

use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::error::{Error, Result};

/// How long a caller waits for a write: longer than the slowest takes that still moves, below the
/// server's own limit of a call.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a write may take of which no caller is told any more, with all its transactions and calls to
/// Zendesk: longer than the slowest, the refresh of tokens. A database host that is gone without a word
/// answers never, and keeps a connection of the pool until somebody drops it.
const WRITE_LIMIT: Duration = Duration::from_mins(2);
/// How long a transaction may take that is one of many, or that nobody waits for: longer than a lock is
/// waited for.
const TRANSACTION_LIMIT: Duration = Duration::from_secs(30);

/// Runs transactions on tasks of their own. A cancelled call drops its future wherever it stands; a
/// transaction dropped inside `begin` can leave a pooled connection in an open transaction, on
/// which later writes answer OK and vanish (transact-rs/sqlx #4385). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writes {
    tracker: TaskTracker,
    limit: Duration,
}

impl Default for Writes {
    fn default() -> Self {
        Self { tracker: TaskTracker::new(), limit: WRITE_LIMIT }
    }
}

impl Writes {
    /// The same, but that a write is dropped after so long.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Runs a write to its end, whether or not the caller stays to hear of it, unless it stands still.
    ///
    /// # Errors
    /// What the write answers; [`Error::Internal`] if it panicked, [`Error::OutcomeUnknown`] if it
    /// stands where it is, on a database that says nothing.
    pub fn run<T, F>(&self, write: F) -> impl Future<Output = Result<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let limit = self.limit;
        let whole =
            async move { timeout(limit, write).await.unwrap_or(Err(Error::OutcomeUnknown)) };
        self.run_in_steps(Box::pin(whole))
    }

    /// The same for a write of many transactions, each of them `in_time`: together they may take as
    /// long as they move.
    ///
    /// # Errors
    /// Those of [`Writes::run`].
    pub async fn run_in_steps<T, F>(&self, write: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let ended = timeout(PATIENCE, self.tracker.spawn(write.in_current_span())).await;
        ended
            .map_err(|_| Error::OutcomeUnknown)?
            .unwrap_or_else(|error| Err(Error::Internal(format!("a write was lost: {error}"))))
    }

    /// Waits until every write under way has ended.
    pub async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Ends a transaction that stands still on a database which says nothing. Whether it was committed is
/// not known then.
pub(super) async fn in_time<T, E>(transaction: impl Future<Output = Result<T, E>>) -> Result<T, E>
where
    E: From<Error>,
{
    timeout(TRANSACTION_LIMIT, transaction)
        .await
        .unwrap_or_else(|_| Err(Error::OutcomeUnknown.into()))
}
