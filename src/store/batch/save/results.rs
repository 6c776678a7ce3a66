//! Saving what became of each event id.

use super::either;
use crate::{
    domain::{Position, Timestamp, WorkingSet},
    store::{
        batch::row::hash_text,
        stage::{Int, Kind, Stage, Staged, Text},
    },
};

const RESULTS_COLUMNS: &[(&str, Kind)] = &[
    ("account_id", Text),
    ("connection_id", Text),
    ("event_id", Text),
    ("ticket_id", Int),
    ("outcome", Text),
    ("contact_id", Text),
    ("position", Int),
    ("content_hash", Text),
    ("received_at", Int),
];

pub(super) static INSERT_EVENTS: Staged = Staged::new(
    RESULTS_COLUMNS,
    "insert into events (account_id, connection_id, event_id, ticket_id, outcome, contact_id,
                         position, content_hash, received_at)
     select account_id, connection_id, event_id, ticket_id, outcome, contact_id, position,
            content_hash, received_at
       from stage",
);

pub(super) static UPDATE_EVENTS: Staged = Staged::new(
    RESULTS_COLUMNS,
    "update events
        set ticket_id = stage.ticket_id,
            outcome = stage.outcome,
            contact_id = stage.contact_id,
            position = stage.position,
            content_hash = stage.content_hash
       from stage
      where events.account_id = stage.account_id
        and events.connection_id = stage.connection_id
        and events.event_id = stage.event_id",
);

/// What became of the events, and of those before them that were decided now.
pub(super) fn results(set: &WorkingSet, now: Timestamp) -> [Stage<'_>; 2] {
    let (mut insert, mut update) = (INSERT_EVENTS.stage(), UPDATE_EVENTS.stage());
    for ((key, id), result) in &set.results {
        let Some(stage) = either(result.pending(), &mut insert, &mut update) else { continue };
        let row = result.get();
        stage.push([
            key.account.as_str().into(),
            key.connection.to_string().into(),
            id.as_str().into(),
            row.effect.ticket_id.get().into(),
            row.effect.outcome.as_str().into(),
            row.effect.contact_id.map(|id| id.to_string()).into(),
            row.effect.position.map(Position::get).into(),
            row.content_hash.as_ref().map(hash_text).into(),
            now.as_micros().into(),
        ]);
    }
    [insert, update]
}
