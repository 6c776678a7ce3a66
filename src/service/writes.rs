//! Writes that a caller who hangs up cannot tear.

use std::{future::Future, time::Duration};

use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::error::{Error, Result};

/// How long a caller waits for a write: longer than the slowest takes that still moves, below the
/// server's own limit of a call.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs transactions on tasks of their own. A cancelled call drops its future wherever it stands; a
/// transaction dropped inside `begin` can leave a pooled connection in an open transaction, on
/// which later writes answer OK and vanish (transact-rs/sqlx #4385). Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Writes {
    tracker: TaskTracker,
}

impl Writes {
    /// Runs a write to its end, whether or not the caller stays to hear of it.
    ///
    /// # Errors
    /// What the write answers; [`Error::Internal`] if it panicked, [`Error::OutcomeUnknown`] if it
    /// stands where it is, on a database that says nothing.
    pub async fn run<T, F>(&self, write: F) -> Result<T>
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
