//! Saving what a batch has changed: each changed row once, then the log, then the heads.
//!
//! Unique keys are a net under the account lock: a conflict is an error, never ignored.

mod contents;
mod inbox;
mod log;
mod parked;
mod people;
mod results;
mod tickets;
mod values;

use self::contents::Contents;
use crate::{
    domain::{Origin, Timestamp, WorkingSet},
    store::{
        Error, Result, Tx,
        stage::{Bundle, Int, Stage, Staged, Text},
    },
};

/// All that a batch usually writes. No two of these touch the same row.
static SAVE: Bundle<9> = Bundle::new([
    &people::INSERT_CONTACTS,
    &people::INSERT_REQUESTERS,
    &people::UPDATE_REQUESTERS,
    &tickets::INSERT_TICKETS,
    &tickets::UPDATE_TICKETS,
    &results::INSERT_EVENTS,
    &log::INSERT_TRIGGERS,
    &log::UPDATE_ACCOUNTS,
    &UPDATE_CONNECTIONS,
]);

/// What happens once to a row, if ever: a contact that the platform made is synced, an event that was
/// parked is decided. Kept apart: a write costs its start also where it has no rows.
static SAVE_DECIDED: Bundle<2> = Bundle::new([&people::UPDATE_CONTACTS, &results::UPDATE_EVENTS]);

/// What field mappings write. Kept apart: most batches write none.
static SAVE_VALUES: Bundle<3> =
    Bundle::new([&values::INSERT_VALUES, &values::UPDATE_VALUES, &values::DELETE_VALUES]);

static UPDATE_CONNECTIONS: Staged = Staged::new(
    &[("account_id", Text), ("connection_id", Text), ("last_event_at", Int)],
    "update connections
        set last_event_at = stage.last_event_at
       from stage
      where connections.account_id = stage.account_id
        and connections.connection_id = stage.connection_id",
);

impl Tx<'_> {
    /// Saves a working set. `now` is when its events count as received.
    pub async fn save_batch(&mut self, set: &mut WorkingSet, now: Timestamp) -> Result<()> {
        set.settle_held();
        let [insert_parked, delete_parked] = parked::parked(set)?;
        // A parked event that is put anew is deleted and inserted.
        delete_parked.execute(self).await?;
        insert_parked.execute(self).await?;
        let [insert_contacts, update_contacts] = people::contacts(set, now);
        let [insert_requesters, update_requesters] = people::requesters(set);
        let contents = Contents::of(set)?;
        let [insert_tickets, update_tickets] = tickets::tickets(set, &contents);
        let [insert_events, update_events] = results::results(set, now);
        let nobody = UPDATE_CONNECTIONS.stage();
        let heard = heard(set, now);
        // With the hints where there are any: a batch of hints alone saves nothing else.
        let (of_events, of_hints) =
            if set.hints.is_empty() { (heard, nobody) } else { (nobody, heard) };
        let stages = [
            insert_contacts,
            insert_requesters,
            update_requesters,
            insert_tickets,
            update_tickets,
            insert_events,
            log::triggers(set, &contents)?,
            log::accounts(set),
            of_events,
        ];
        SAVE.execute(self, stages).await?;
        SAVE_DECIDED.execute(self, [update_contacts, update_events]).await?;
        let [insert_hints, delete_hints] = inbox::hints(set)?;
        inbox::SAVE.execute(self, [insert_hints, inbox::upkeep(set), of_hints]).await?;
        // Stored before deleted: a batch may hold a hint and the event that was made of it.
        delete_hints.execute(self).await?;
        SAVE_VALUES.execute(self, values::values(set)).await?;
        // What permanently deleted tickets have left behind everywhere.
        self.erase_tickets(&set.erased).await?;
        let mapped = set.erased.iter().filter(|(key, _)| set.mappings.contains_key(key));
        self.erase_values(mapped).await?;
        Ok(())
    }
}

/// Has the statement planned that saves most batches.
pub(super) async fn rehearse(tx: &mut Tx<'_>) -> Result<()> {
    SAVE.rehearse(tx).await
}

/// The connections that an event came in for.
fn heard(set: &WorkingSet, now: Timestamp) -> Stage<'_> {
    let mut update = UPDATE_CONNECTIONS.stage();
    for key in &set.heard {
        let connection = key.connection.to_string();
        update.push([key.account.as_str().into(), connection.into(), now.as_micros().into()]);
    }
    update
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
