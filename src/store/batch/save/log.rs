//! Appending to the trigger logs, and moving the heads of their accounts.

use super::json;
use crate::{
    domain::{Position, WorkingSet},
    store::{
        Result, Tx,
        stage::{Int, Long, Staged, Text},
    },
};

impl Tx<'_> {
    pub(super) async fn append_triggers(&mut self, set: &WorkingSet) -> Result<()> {
        static INSERT: Staged = Staged::new(
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
        let mut insert = INSERT.stage();
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
                json(&*trigger.ticket)?.into(),
                json(&trigger.changes)?.into(),
            ]);
        }
        insert.execute(self).await?;
        Ok(())
    }

    pub(super) async fn save_accounts(&mut self, set: &WorkingSet) -> Result<()> {
        static UPDATE: Staged = Staged::new(
            &[("account_id", Text), ("head", Int), ("last_commit_at", Int), ("parked_count", Int)],
            "update accounts
                set head = stage.head,
                    last_commit_at = stage.last_commit_at,
                    parked_count = stage.parked_count
               from stage
              where accounts.account_id = stage.account_id",
        );
        let mut update = UPDATE.stage();
        for (account, row) in set.accounts.iter().filter(|(_, row)| row.pending().is_some()) {
            let row = row.get();
            update.push([
                account.as_str().into(),
                row.head.get().into(),
                row.last_commit_at.as_micros().into(),
                row.parked_count.into(),
            ]);
        }
        update.execute(self).await?;
        Ok(())
    }
}
