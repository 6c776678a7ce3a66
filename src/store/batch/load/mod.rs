//! Loading what is known of everything a batch touches, after its accounts are locked.

mod accounts;
mod inbox;
mod keys;
mod parked;
mod people;
mod results;
mod tickets;
mod values;

use std::collections::HashSet;

pub use self::keys::BatchKeys;
use crate::{
    domain::{ConnectionKey, WorkingSet, ZendeskId},
    store::{Result, Tx, stage::Bundle},
};

/// What the keys of the events lead to.
static LOAD: Bundle<5> = Bundle::new([
    &accounts::CONNECTIONS,
    &results::RESULTS,
    &tickets::TICKETS,
    &people::CONTACTS,
    &people::REQUESTERS,
]);

/// Has the statement planned that loads most batches.
pub(super) async fn rehearse(tx: &mut Tx<'_>) -> Result<()> {
    tx.load_events(&mut WorkingSet::default(), &mut BatchKeys::default()).await
}

/// The tickets of parked events.
static LOAD_TICKETS: Bundle<1> = Bundle::new([&tickets::TICKETS]);

/// What the ids of hints lead to: nothing of their tickets is looked at.
static LOAD_HINTS: Bundle<3> =
    Bundle::new([&accounts::CONNECTIONS, &results::RESULTS, &inbox::HINTS]);

impl Tx<'_> {
    /// Locks the accounts of a batch in sorted order, then loads what is known of everything it
    /// touches. The lock is a statement of its own: a row that is locked and read in one comes from
    /// the statement's snapshot, which may be older than the lock.
    pub async fn load_batch(&mut self, mut keys: BatchKeys) -> Result<WorkingSet> {
        let mut set = WorkingSet::default();
        let accounts = accounts::lock(&keys).fetch(self).await?;
        accounts::keep_accounts(&mut set, accounts)?;
        if keys.has_events() {
            self.load_events(&mut set, &mut keys).await?;
        } else {
            self.load_hints(&mut set, &keys).await?;
        }
        Ok(set)
    }

    async fn load_hints(&mut self, set: &mut WorkingSet, keys: &BatchKeys) -> Result<()> {
        let stages = [accounts::connections(keys), results::results(keys), inbox::hints(keys)];
        let [connections, results, hints] = LOAD_HINTS.fetch(self, stages).await?;
        accounts::keep_connections(set, connections.read()?)?;
        results::keep_results(set, results.read()?)?;
        inbox::keep_inbox(set, hints.read()?)
    }

    /// Loads what events lead to, and hints where there are any among them.
    async fn load_events(&mut self, set: &mut WorkingSet, keys: &mut BatchKeys) -> Result<()> {
        let stages = [
            accounts::connections(keys),
            results::results(keys),
            tickets::tickets(&keys.tickets),
            people::contacts(keys),
            people::requesters(&keys.requesters),
        ];
        let [connections, results, tickets, contacts, requesters] =
            LOAD.fetch(self, stages).await?;
        accounts::keep_connections(set, connections.read()?)?;
        results::keep_results(set, results.read()?)?;
        tickets::keep_tickets(set, &tickets)?;
        people::keep_contacts(set, contacts.read()?)?;
        people::keep_requesters(set, requesters.read()?)?;
        inbox::keep_inbox(set, inbox::hints(keys).fetch(self).await?)?;
        if set.accounts.values().any(|account| account.get().parked_count > 0) {
            self.load_released(set, keys).await?;
        }
        self.load_owners(set, keys).await?;
        self.load_mappings(set).await
    }

    /// Loads the parked events that the batch may release, and what these lead to in their turn.
    async fn load_released(&mut self, set: &mut WorkingSet, keys: &mut BatchKeys) -> Result<()> {
        let (known_tickets, known_requesters) = (keys.tickets.clone(), keys.requesters.clone());
        self.load_parked(set, keys).await?;
        let others = tickets::tickets(keys.tickets.difference(&known_tickets));
        if !others.is_empty() {
            let [tickets] = LOAD_TICKETS.fetch(self, [others]).await?;
            tickets::keep_tickets(set, &tickets)?;
        }
        let others = keys.requesters.difference(&known_requesters);
        people::keep_requesters(set, people::requesters(others).fetch(self).await?)
    }

    /// Loads the requesters of tickets that belong to others than the events tell: few do.
    async fn load_owners(&mut self, set: &mut WorkingSet, keys: &BatchKeys) -> Result<()> {
        let owners: HashSet<(ConnectionKey, ZendeskId)> = set
            .tickets
            .iter()
            .filter_map(|((connection, _), ticket)| {
                let content = ticket.get().standing.content()?;
                Some((connection.clone(), content.requester_id))
            })
            .filter(|owner| !keys.requesters.contains(owner))
            .collect();
        people::keep_requesters(set, people::requesters(&owners).fetch(self).await?)
    }
}
