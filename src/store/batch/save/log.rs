//! Appending to the trigger logs, and moving the heads of their accounts.

use super::{contents::Contents, json};
use crate::{
    domain::{Position, WorkingSet},
    store::{
        Result,
        stage::{Int, Long, Stage, Staged, Text},
    },
};

pub(super) static INSERT_TRIGGERS: Staged = Staged::new(
    &[
        ("account_id", Text),
        ("position", Int),
        ("kind", Text),
        ("entropy", Int),
        ("connection_id", Text),
        ("ticket_id", Int),
        ("event_id", Text),
        ("contact_id", Text),
        ("observed_at", Int),
        ("committed_at", Int),
        ("previous_position", Int),
        ("ticket", Long),
        ("changes", Long),
    ],
    "insert into triggers (account_id, position, kind, entropy, connection_id, ticket_id,
                           event_id, contact_id, observed_at, committed_at, previous_position,
                           ticket, changes)
     select account_id, position, kind, entropy, connection_id, ticket_id, event_id, contact_id,
            observed_at, committed_at, previous_position, ticket, changes
       from stage",
);

/// The new rows of the logs.
pub(super) fn triggers<'a>(set: &'a WorkingSet, contents: &'a Contents) -> Result<Stage<'a>> {
    let mut insert = INSERT_TRIGGERS.stage();
    for trigger in &set.triggers {
        insert.push([
            trigger.connection.account.as_str().into(),
            trigger.position.get().into(),
            trigger.kind.as_str().into(),
            trigger.entropy.into(),
            trigger.connection.connection.to_string().into(),
            trigger.ticket_id.get().into(),
            trigger.observed.event_id.as_str().into(),
            trigger.contact_id.to_string().into(),
            trigger.observed.at.as_micros().into(),
            trigger.committed_at.as_micros().into(),
            trigger.previous_position.map(Position::get).into(),
            contents.text(&trigger.ticket).into(),
            json(&trigger.changes)?.into(),
        ]);
    }
    Ok(insert)
}

pub(super) static UPDATE_ACCOUNTS: Staged = Staged::new(
    &[("account_id", Text), ("head", Int), ("last_commit_at", Int), ("parked_count", Int)],
    "update accounts
        set head = stage.head,
            last_commit_at = stage.last_commit_at,
            parked_count = stage.parked_count
       from stage
      where accounts.account_id = stage.account_id",
);

/// The accounts whose log or parked events have changed.
pub(super) fn accounts(set: &WorkingSet) -> Stage<'_> {
    let mut update = UPDATE_ACCOUNTS.stage();
    for (account, row) in set.accounts.iter().filter(|(_, row)| row.pending().is_some()) {
        let row = row.get();
        update.push([
            account.as_str().into(),
            row.head.get().into(),
            row.last_commit_at.as_micros().into(),
            row.parked_count.into(),
        ]);
    }
    update
}
