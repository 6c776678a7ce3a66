//! Saving hints, and deleting those whose tickets were fetched and applied. A batch without either
//! sends nothing of this.

use std::collections::HashMap;

use super::{UPDATE_CONNECTIONS, json};
use crate::{
    domain::{ConnectionKey, Timestamp, WaitingHint, WorkingSet},
    store::{
        Result,
        stage::{Bundle, Int, Long, Stage, Staged, Text},
    },
};

/// New hints, when they want to be fetched, and that something came in.
pub(super) static SAVE: Bundle<3> = Bundle::new([&INSERT_HINTS, &MAKE_DUE, &UPDATE_CONNECTIONS]);

static INSERT_HINTS: Staged = Staged::new(
    &[
        ("account_id", Text),
        ("connection_id", Text),
        ("event_id", Text),
        ("ticket_id", Int),
        ("kind", Text),
        ("occurred_at", Int),
        ("updated_at", Int),
        ("detail", Long),
        ("received_at", Int),
        ("due_at", Int),
        ("attempt_count", Int),
    ],
    "insert into inbox (account_id, connection_id, event_id, ticket_id, kind, occurred_at,
                        updated_at, detail, received_at, due_at, attempt_count)
     select account_id, connection_id, event_id, ticket_id, kind, occurred_at, updated_at, detail,
            received_at, due_at, attempt_count
       from stage",
);

static DELETE_HINTS: Staged = Staged::new(
    &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
    "delete from inbox
      where (account_id, connection_id, event_id) in
            (select stage.account_id, stage.connection_id, stage.event_id from stage)",
);

/// Has connections due at the moment that this reads out of the stage, or before.
macro_rules! make_due {
    ($due_at:literal) => {
        concat!(
            "insert into upkeep (account_id, connection_id, lease_until, epoch, due_at,
                                 paused_until, failure_count)
             select account_id, connection_id, 0, 0, ",
            $due_at,
            ", 0, 0
               from stage
              where true
             on conflict (account_id, connection_id) do update
                set due_at = excluded.due_at
              where upkeep.due_at is null
                 or upkeep.due_at > excluded.due_at"
        )
    };
}

/// Locks a row that says so already, and does not write it: whoever lets go of a connection has the
/// row locked too, and so learns of every hint.
///
/// Due by the database's clock at the latest: this replica's may be ahead of it, and what is due after
/// the end of a lease is not noticed by who lets it go. `SQLite` has one process, and one clock.
static MAKE_DUE: Staged = Staged::two_writes(
    &[("account_id", Text), ("connection_id", Text), ("due_at", Int)],
    make_due!("least(due_at, cast(extract(epoch from clock_timestamp()) * 1000000 as bigint))"),
    make_due!("due_at"),
);

/// Hints that wait from now on, and those that no longer do.
pub(super) fn hints(set: &WorkingSet) -> Result<[Stage<'_>; 2]> {
    let (mut insert, mut delete) = (INSERT_HINTS.stage(), DELETE_HINTS.stage());
    // A new one was not fetched yet, and has no delay.
    for (key, WaitingHint { hint, received_at, due_at, attempt_count, delay: _ }) in &set.hints {
        insert.push([
            key.account.as_str().into(),
            key.connection.to_string().into(),
            hint.id.as_str().into(),
            hint.ticket_id.get().into(),
            hint.kind.as_str().into(),
            hint.occurred_at.map(Timestamp::as_micros).into(),
            hint.updated_at.map(Timestamp::as_micros).into(),
            hint.detail.as_ref().map(json).transpose()?.into(),
            received_at.as_micros().into(),
            due_at.as_micros().into(),
            (*attempt_count).into(),
        ]);
    }
    for (key, id) in &set.settled {
        let connection = key.connection.to_string();
        delete.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
    }
    Ok([insert, delete])
}

/// Has whoever looks after the connections come in time for their new hints.
pub(super) fn upkeep(set: &WorkingSet) -> Stage<'_> {
    let mut due: HashMap<&ConnectionKey, Timestamp> = HashMap::new();
    for (key, hint) in &set.hints {
        let known = due.entry(key).or_insert(hint.due_at);
        *known = hint.due_at.min(*known);
    }
    let mut stage = MAKE_DUE.stage();
    for (key, due_at) in due {
        let connection = key.connection.to_string();
        stage.push([key.account.as_str().into(), connection.into(), due_at.as_micros().into()]);
    }
    stage
}
