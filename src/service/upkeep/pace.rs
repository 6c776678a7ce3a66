//! How fast one process calls Zendesk for each connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;

use super::visit::{Setback, Visit};
use crate::{
    clock,
    domain::{ConnectionId, Pace, Timestamp},
    error::Error,
    zendesk::Rate,
};

/// The paces of the connections that were called of late. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Paces(Arc<Mutex<HashMap<ConnectionId, Pace>>>);

impl Paces {
    /// Counts a call, and answers how long it has to wait.
    fn take(&self, connection: ConnectionId, now: Timestamp) -> Duration {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.retain(|_, pace| !pace.is_idle(now));
        paces.entry(connection).or_default().take(now)
    }

    fn heed(&self, connection: ConnectionId, rate: Rate, now: Timestamp) {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.entry(connection).or_default().heed(rate.limit, rate.remaining, now);
    }
}

impl Visit {
    /// Waits until the connection's next call may be made.
    pub(super) async fn keep_pace(&self) -> Result<(), Setback> {
        let wait = self.upkeep.paces.take(self.connection.key.connection, clock::now());
        let rest = async {
            sleep(wait).await;
            Ok::<_, Error>(())
        };
        self.unless_stopping(rest).await
    }

    /// Takes note of what Zendesk says of its limit.
    pub(super) fn heed(&self, rate: Option<Rate>, now: Timestamp) {
        if let Some(rate) = rate {
            self.upkeep.paces.heed(self.connection.key.connection, rate, now);
        }
    }
}
