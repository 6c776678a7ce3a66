//! Loading the parked events that a batch may touch.

use super::{
    BatchKeys,
    keys::{by_event_id, by_id},
};
use crate::{
    domain::{Kept, WorkingSet},
    store::{
        Result, Tx,
        batch::row::ParkedRecord,
        stage::{Int, Staged, Text},
    },
};

/// The parked events of a batch's connections that have one of the staged values in this column.
macro_rules! parked_by {
    ($column:literal, $kind:ident) => {
        Staged::query(
            &[("account_id", Text), ("connection_id", Text), ($column, $kind)],
            "p.account_id, p.connection_id, p.event_id, p.kind, p.updated_at, p.observed_at,
             p.content, p.content_hash, p.parked_at",
            concat!(
                "from stage s
               join parked_events p
                 on p.account_id = s.account_id
                and p.connection_id = s.connection_id
                and p.",
                $column,
                " = s.",
                $column
            ),
        )
    };
}

impl Tx<'_> {
    /// Loads the parked events that the batch may release, replace or outdate: those of its ids, of
    /// its requesters and of its tickets, and all others of the tickets these belong to.
    pub(super) async fn load_parked(
        &mut self,
        set: &mut WorkingSet,
        keys: &mut BatchKeys,
    ) -> Result<()> {
        static BY_EVENT: Staged = parked_by!("event_id", Text);
        static BY_REQUESTER: Staged = parked_by!("requester_id", Int);
        static BY_TICKET: Staged = parked_by!("ticket_id", Int);
        let found = by_event_id(&BY_EVENT, &keys.events).fetch::<ParkedRecord>(self).await?;
        keep_parked(set, keys, found)?;
        // An event that is sent or tried again may release all that its requester waits with.
        let again = set.parked.iter().filter_map(|((connection, _), parked)| {
            Some((connection.clone(), parked.get().as_ref()?.snapshot.requester.id))
        });
        keys.shown.extend(again);

        let found = by_id(&BY_REQUESTER, &keys.shown).fetch::<ParkedRecord>(self).await?;
        keep_parked(set, keys, found)?;

        let found = by_id(&BY_TICKET, &keys.tickets).fetch::<ParkedRecord>(self).await?;
        keep_parked(set, keys, found)
    }
}

fn keep_parked(
    set: &mut WorkingSet,
    keys: &mut BatchKeys,
    records: Vec<ParkedRecord>,
) -> Result<()> {
    for record in records {
        let ((connection, id), row) = record.read()?;
        keys.tickets.insert((connection.clone(), row.ticket_id));
        keys.requesters.insert((connection.clone(), row.snapshot.requester.id));
        set.parked.insert((connection, id), Kept::stored(Some(row)));
    }
    Ok(())
}
