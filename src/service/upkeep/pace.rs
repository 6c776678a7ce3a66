//! How fast one process calls Zendesk for each connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::visit::{Setback, Visit};
use crate::{
    domain::{ConnectionId, Pace, Timestamp},
    error::Error,
    service::access::Purpose,
    zendesk::Rate,
};

/// How long to rest before it is seen to that the lease lasts: half of one.
const REST: Duration = Duration::from_secs(30);

/// The paces of the connections that were called of late. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Paces {
    begun: Instant,
    known: Arc<Mutex<HashMap<ConnectionId, Pace>>>,
}

impl Default for Paces {
    fn default() -> Self {
        Self { begun: Instant::now(), known: Arc::default() }
    }
}

impl Paces {
    /// Counts a call, and answers how long it has to wait.
    fn take(&self, connection: ConnectionId) -> Duration {
        let now = self.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, pace| !pace.is_idle(now));
        known.entry(connection).or_default().take(now)
    }

    fn heed(&self, connection: ConnectionId, rate: Rate) {
        let now = self.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(connection).or_default().heed(rate.limit, rate.remaining, now);
    }

    /// Time since this process began: a clock that is set back would have calls wait for it.
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus(self.begun.elapsed())
    }
}

impl Visit {
    /// Counts a call, and waits until it may be made. A removal is counted and does not wait: it is a
    /// handful of calls, the last ones of its tokens, and a person waits for it.
    pub(super) async fn keep_pace(&self, purpose: Purpose) -> Result<(), Setback> {
        let mut wait = self.upkeep.paces.take(self.connection.key.connection);
        if purpose == Purpose::Removal {
            return Ok(());
        }
        while !wait.is_zero() {
            let part = wait.min(REST);
            self.hold(part).await?;
            let rest = async {
                sleep(part).await;
                Ok::<_, Error>(())
            };
            self.unless_stopping(rest).await?;
            wait -= part;
        }
        Ok(())
    }

    /// Takes note of what Zendesk says of its limit.
    pub(super) fn heed(&self, rate: Option<Rate>) {
        if let Some(rate) = rate {
            self.upkeep.paces.heed(self.connection.key.connection, rate);
        }
    }
}
