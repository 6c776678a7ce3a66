//! Loading which of a batch's hints wait already.

use serde::Deserialize;

use super::BatchKeys;
use crate::{
    domain::WorkingSet,
    store::{
        Result,
        batch::row::{connection_key, corrupt},
        stage::{Stage, Staged, Text},
    },
};

/// A hint that waits.
#[derive(sqlx::FromRow, Deserialize)]
pub(super) struct HintRecord {
    account_id: String,
    connection_id: String,
    event_id: String,
}

static HINTS: Staged = Staged::query(
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
    let mut stage = HINTS.stage();
    for (key, id) in &keys.hints {
        let connection = key.connection.to_string();
        stage.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
    }
    stage
}

pub(super) fn keep_inbox(set: &mut WorkingSet, records: Vec<HintRecord>) -> Result<()> {
    for record in records {
        let key = connection_key("inbox", record.account_id, &record.connection_id)?;
        let id = record.event_id.try_into().map_err(corrupt("inbox"))?;
        set.inbox.insert((key, id));
    }
    Ok(())
}
