//! Saving tickets at their newest version.

use super::{contents::Contents, either};
use crate::{
    domain::{Position, WorkingSet},
    store::{
        batch::row::state,
        stage::{Int, Kind, Long, Stage, Staged, Text},
    },
};

const TICKETS_COLUMNS: &[(&str, Kind)] = &[
    ("account_id", Text),
    ("connection_id", Text),
    ("ticket_id", Int),
    ("state", Text),
    ("requester_id", Int),
    ("created_at", Int),
    ("updated_at", Int),
    ("observed_at", Int),
    ("observed_event_id", Text),
    ("created_logged", Int),
    ("last_position", Int),
    ("content", Long),
];

pub(super) static INSERT_TICKETS: Staged = Staged::new(
    TICKETS_COLUMNS,
    "insert into tickets (account_id, connection_id, ticket_id, state, requester_id, created_at,
                          updated_at, observed_at, observed_event_id, created_logged,
                          last_position, content)
     select account_id, connection_id, ticket_id, state, requester_id, created_at, updated_at,
            observed_at, observed_event_id, created_logged, last_position, content
       from stage",
);

pub(super) static UPDATE_TICKETS: Staged = Staged::new(
    TICKETS_COLUMNS,
    "update tickets
        set state = stage.state,
            requester_id = stage.requester_id,
            created_at = stage.created_at,
            updated_at = stage.updated_at,
            observed_at = stage.observed_at,
            observed_event_id = stage.observed_event_id,
            created_logged = stage.created_logged,
            last_position = stage.last_position,
            content = stage.content
       from stage
      where tickets.account_id = stage.account_id
        and tickets.connection_id = stage.connection_id
        and tickets.ticket_id = stage.ticket_id",
);

/// Tickets that are new, and those that have changed.
pub(super) fn tickets<'a>(set: &'a WorkingSet, contents: &'a Contents) -> [Stage<'a>; 2] {
    let (mut insert, mut update) = (INSERT_TICKETS.stage(), UPDATE_TICKETS.stage());
    for ((key, id), ticket) in &set.tickets {
        let Some(stage) = either(ticket.pending(), &mut insert, &mut update) else { continue };
        let row = ticket.get();
        let content = row.standing.content();
        stage.push([
            key.account.as_str().into(),
            key.connection.to_string().into(),
            id.get().into(),
            state(row).into(),
            content.map(|ticket| ticket.requester_id.get()).into(),
            content.map(|ticket| ticket.created_at.as_micros()).into(),
            row.version.updated_at.as_micros().into(),
            row.version.observed.at.as_micros().into(),
            row.version.observed.event_id.as_str().into(),
            i64::from(row.created_logged).into(),
            row.last_position.map(Position::get).into(),
            content.map(|ticket| contents.text(ticket)).into(),
        ]);
    }
    [insert, update]
}
