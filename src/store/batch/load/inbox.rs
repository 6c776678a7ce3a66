//! Loading which of a batch's hints wait already.

use super::{BatchKeys, keys::by_event_id};
use crate::{
    domain::WorkingSet,
    store::{
        Result,
        batch::row::{connection_key, corrupt},
        stage::{Stage, Staged, Text},
    },
};

/// Account, connection and id of a hint that waits.
type HintRecord = (String, String, String);

pub(super) static HINTS: Staged = Staged::query(
    &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
    "i.account_id, i.connection_id, i.event_id",
    "from stage s
       join inbox i
         on i.account_id = s.account_id
        and i.connection_id = s.connection_id
        and i.event_id = s.event_id",
);

/// Without rows where the batch has no hints: then it is not sent.
pub(super) fn hints(keys: &BatchKeys) -> Stage<'_> {
    by_event_id(&HINTS, &keys.hints)
}

pub(super) fn keep_inbox(set: &mut WorkingSet, records: Vec<HintRecord>) -> Result<()> {
    for (account, connection, event) in records {
        let key = connection_key("inbox", account, &connection)?;
        set.inbox.insert((key, event.try_into().map_err(corrupt("inbox"))?));
    }
    Ok(())
}
