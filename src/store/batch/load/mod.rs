//! Loading what is known of everything a batch touches, after its accounts are locked.

mod accounts;
mod keys;
mod parked;
mod people;
mod results;
mod tickets;
mod values;

pub use self::keys::BatchKeys;
use crate::{
    domain::WorkingSet,
    store::{Result, Tx, stage::Bundle},
};

/// What the keys of the events lead to. The lock comes first, a statement of its own: a row that is
/// locked and read in one comes from the statement's snapshot, which may be older than the lock.
static LOAD: Bundle<5> = Bundle::new([
    &accounts::LOCK,
    &accounts::CONNECTIONS,
    &results::RESULTS,
    &tickets::TICKETS,
    &people::CONTACTS,
]);

impl Tx<'_> {
    /// Locks the accounts of a batch in sorted order, then loads what is known of everything it
    /// touches.
    pub async fn load_batch(&mut self, mut keys: BatchKeys) -> Result<WorkingSet> {
        let mut set = WorkingSet::default();
        let stages = [
            accounts::lock(&keys),
            accounts::connections(&keys),
            results::results(&keys),
            tickets::tickets(&keys.tickets),
            people::contacts(&keys),
        ];
        let [accounts, connections, results, tickets, contacts] = LOAD.fetch(self, stages).await?;
        accounts::keep_accounts(&mut set, accounts.read()?)?;
        accounts::keep_connections(&mut set, connections.read()?)?;
        results::keep_results(&mut set, results.read()?)?;
        tickets::keep_tickets(&mut set, &mut keys, tickets.read()?)?;
        people::keep_contacts(&mut set, contacts.read()?)?;
        if set.accounts.values().any(|account| account.get().parked_count > 0) {
            let loaded = keys.tickets.clone();
            self.load_parked(&mut set, &mut keys).await?;
            let others: Vec<_> = keys.tickets.difference(&loaded).cloned().collect();
            let others = tickets::tickets(&others).fetch(self).await?;
            tickets::keep_tickets(&mut set, &mut keys, others)?;
        }
        let requesters = people::requesters(&keys).fetch(self).await?;
        people::keep_requesters(&mut set, requesters)?;
        self.load_mappings(&mut set).await?;
        Ok(set)
    }
}
