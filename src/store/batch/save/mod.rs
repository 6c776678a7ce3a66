//! Saving what a batch has changed: each changed row once, then the log, then the heads.
//!
//! Unique keys are a net under the account lock: a conflict is an error, never ignored.

mod log;
mod parked;
mod people;
mod results;
mod tickets;
mod values;

use crate::{
    domain::{Origin, Timestamp, WorkingSet},
    store::{
        Error, Result, Tx,
        stage::{Int, Stage, Staged, Text},
    },
};

impl Tx<'_> {
    /// Saves a working set. `now` is when its events count as received.
    pub async fn save_batch(&mut self, set: &mut WorkingSet, now: Timestamp) -> Result<()> {
        set.settle_held();
        self.save_contacts(set, now).await?;
        self.save_requesters(set).await?;
        self.save_tickets(set).await?;
        self.save_parked(set).await?;
        self.save_results(set, now).await?;
        self.save_values(set).await?;
        self.append_triggers(set).await?;
        self.save_accounts(set).await?;
        self.save_heard(set, now).await?;
        // What permanently deleted tickets have left behind everywhere.
        self.erase_tickets(&set.erased).await?;
        let mapped = set.erased.iter().filter(|(key, _)| set.mappings.contains_key(key));
        self.erase_values(mapped).await?;
        Ok(())
    }

    async fn save_heard(&mut self, set: &WorkingSet, now: Timestamp) -> Result<()> {
        static UPDATE: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text), ("last_event_at", Int)],
            "update connections
                set last_event_at = stage.last_event_at
               from stage
              where connections.account_id = stage.account_id
                and connections.connection_id = stage.connection_id",
        );
        let mut update = UPDATE.stage();
        for key in &set.heard {
            let connection = key.connection.to_string();
            update.push([key.account.as_str().into(), connection.into(), now.as_micros().into()]);
        }
        update.execute(self).await?;
        Ok(())
    }
}

/// The stage for a row that is to be inserted or updated; none for one that is as it was loaded.
fn either<'s, 'a>(
    pending: Option<Origin>,
    insert: &'s mut Stage<'a>,
    update: &'s mut Stage<'a>,
) -> Option<&'s mut Stage<'a>> {
    pending.map(|origin| match origin {
        Origin::New => insert,
        Origin::Stored => update,
    })
}

fn json(content: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(content)
        .map_err(|error| Error::Refused(sqlx::Error::Encode(error.into())))
}
