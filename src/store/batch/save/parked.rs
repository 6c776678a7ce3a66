//! Saving the events that wait, and deleting those that no longer do.

use super::json;
use crate::{
    domain::{Origin, WorkingSet},
    store::{
        Result,
        batch::row::{NewParkedContent, hash_text},
        stage::{Int, Long, Stage, Staged, Text},
    },
};

pub(super) static INSERT_PARKED_EVENTS: Staged = Staged::new(
    &[
        ("account_id", Text),
        ("connection_id", Text),
        ("event_id", Text),
        ("ticket_id", Int),
        ("requester_id", Int),
        ("kind", Text),
        ("updated_at", Int),
        ("observed_at", Int),
        ("content", Long),
        ("content_hash", Text),
        ("parked_at", Int),
    ],
    "insert into parked_events (account_id, connection_id, event_id, ticket_id, requester_id,
                                kind, updated_at, observed_at, content, content_hash, parked_at)
     select account_id, connection_id, event_id, ticket_id, requester_id, kind, updated_at,
            observed_at, content, content_hash, parked_at
       from stage",
);

pub(super) static DELETE_PARKED_EVENTS: Staged = Staged::new(
    &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
    "delete from parked_events
      where (account_id, connection_id, event_id) in
            (select stage.account_id, stage.connection_id, stage.event_id from stage)",
);

/// Events that wait from now on, and those that no longer do or are put anew.
pub(super) fn parked(set: &WorkingSet) -> Result<[Stage<'_>; 2]> {
    let (mut insert, mut delete) = (INSERT_PARKED_EVENTS.stage(), DELETE_PARKED_EVENTS.stage());
    for ((key, id), parked) in &set.parked {
        let Some(origin) = parked.pending() else { continue };
        let connection = key.connection.to_string();
        if origin == Origin::Stored {
            let connection = connection.clone();
            delete.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
        }
        let Some(row) = parked.get() else { continue };
        let content = NewParkedContent {
            ticket: &row.snapshot.ticket,
            requester_name: &row.snapshot.requester.name,
            created_as: row.snapshot.created_as.as_deref(),
        };
        insert.push([
            key.account.as_str().into(),
            connection.into(),
            id.as_str().into(),
            row.ticket_id.get().into(),
            row.snapshot.requester.id.get().into(),
            row.snapshot.kind.as_str().into(),
            row.version.updated_at.as_micros().into(),
            row.version.observed.at.as_micros().into(),
            json(&content)?.into(),
            hash_text(&row.content_hash).into(),
            row.parked_at.as_micros().into(),
        ]);
    }
    Ok([insert, delete])
}
