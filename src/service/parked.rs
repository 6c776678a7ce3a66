//! Trying parked events again.

use rand::RngExt as _;

use super::{OnCommit, Writes};
use crate::{
    clock,
    domain::{ConnectionKey, EventId, ZendeskId},
    error::{Error, Result},
    store::{BatchKeys, Store, StoredEvent},
};

/// Tries parked events again. Cheap to clone.
#[derive(Clone)]
pub struct Parked {
    store: Store,
    writes: Writes,
    on_commit: OnCommit,
}

impl Parked {
    /// Works on this store; what it logs is told of like a batch's.
    pub const fn new(store: Store, writes: Writes, on_commit: OnCommit) -> Self {
        Self { store, writes, on_commit }
    }

    /// Applies those of the events whose requester is known by now; the others stay parked. Answers
    /// all, in the order asked.
    ///
    /// # Errors
    /// [`Error::EventNotFound`] when one of them is not parked; nothing is done then.
    pub async fn retry(
        &self,
        connection: ConnectionKey,
        ids: Vec<EventId>,
    ) -> Result<Vec<StoredEvent>> {
        let Self { store, writes, on_commit } = self.clone();
        writes.run(retry(store, on_commit, connection, ids)).await
    }
}

async fn retry(
    store: Store,
    on_commit: OnCommit,
    connection: ConnectionKey,
    ids: Vec<EventId>,
) -> Result<Vec<StoredEvent>> {
    let mut tx = store.begin().await?;
    let mut set = tx.load_batch(BatchKeys::of_parked(&connection, &ids)).await?;
    match set.connections.get(&connection) {
        None => return Err(Error::ConnectionNotFound),
        Some(state) if !state.accepts_events() => return Err(Error::ConnectionNotActive),
        Some(_) => {}
    }
    let requesters: Vec<ZendeskId> = ids
        .iter()
        .map(|id| {
            let parked = set.parked.get(&(connection.clone(), id.clone()))?;
            Some(parked.get().as_ref()?.snapshot.requester.id)
        })
        .collect::<Option<_>>()
        .ok_or(Error::EventNotFound)?;
    let now = clock::now();
    set.retry(&connection, requesters, now, &mut || rand::rng().random());
    tx.save_batch(&mut set, now).await?;
    let events = tx.events(&connection, &ids).await?;
    tx.commit().await?;
    if !set.triggers.is_empty() {
        on_commit(&connection.account);
    }
    ids.iter()
        .map(|id| events.iter().find(|event| event.id == *id).cloned())
        .collect::<Option<_>>()
        .ok_or_else(|| Error::Internal("a parked event has no result".into()))
}
