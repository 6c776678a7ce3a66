//! Loading what became of the events before.

use super::{BatchKeys, keys::by_event_id};
use crate::{
    domain::{Kept, WorkingSet},
    store::{
        Result,
        batch::row::ResultRecord,
        stage::{Stage, Staged, Text},
    },
};

pub(super) static RESULTS: Staged = Staged::query(
    &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
    "e.account_id, e.connection_id, e.event_id, e.ticket_id, e.outcome, e.contact_id, e.position,
     e.content_hash",
    "from stage s
       join events e
         on e.account_id = s.account_id
        and e.connection_id = s.connection_id
        and e.event_id = s.event_id",
);

pub(super) fn results(keys: &BatchKeys) -> Stage<'_> {
    by_event_id(&RESULTS, &keys.events)
}

pub(super) fn keep_results(set: &mut WorkingSet, records: Vec<ResultRecord>) -> Result<()> {
    for record in records {
        let (key, row) = record.read()?;
        set.results.insert(key, Kept::stored(row));
    }
    Ok(())
}
