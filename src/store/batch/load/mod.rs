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
    store::{Result, Tx},
};

impl Tx<'_> {
    /// Locks the accounts of a batch in sorted order, then loads what is known of everything it
    /// touches. The lock is a statement of its own: a row that is locked and read in one comes from
    /// the statement's snapshot, which may be older than the lock.
    pub async fn load_batch(&mut self, mut keys: BatchKeys) -> Result<WorkingSet> {
        let mut set = WorkingSet::default();
        self.lock_accounts(&mut set, &keys).await?;
        self.load_connections(&mut set, &keys).await?;
        // Not sent where no connection ever had a mapping, like what is saved of them.
        self.load_mappings(&mut set).await?;
        self.load_results(&mut set, &keys).await?;
        if set.accounts.values().any(|account| account.get().parked_count > 0) {
            self.load_parked(&mut set, &mut keys).await?;
        }
        self.load_tickets(&mut set, &mut keys).await?;
        self.load_requesters(&mut set, &keys).await?;
        self.load_contacts(&mut set, &keys).await?;
        self.load_values(&mut set).await?;
        Ok(set)
    }
}
