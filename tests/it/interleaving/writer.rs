//! Who writes: the callers of a service, and what works on its store by itself.

use ticketsync::{
    clock,
    service::{Keyring, Pruner, PrunerOptions, rotation::Rotation},
    store::Store,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::support::{Clients, ENCRYPTION_KEYS};

/// A key that the service has before the tests begin to replace it.
const OLDER_KEY: &str = "older:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// The keys that a service has while they are replaced.
pub fn keys() -> String {
    format!("{ENCRYPTION_KEYS},{OLDER_KEY}")
}

/// The same, as a service holds them.
pub fn keyring() -> Keyring {
    keys().parse().unwrap()
}

/// A service's callers, and the store that its pruner and `ticketsync keys` write to.
#[derive(Clone)]
pub struct Writer {
    pub clients: Clients,
    pub store: Store,
}

impl Writer {
    /// One round of the pruner.
    pub async fn prune(&self) -> Result<(), Status> {
        let pruner = Pruner::new(self.store.clone(), PrunerOptions::default());
        Ok(pruner.round(clock::now(), &CancellationToken::new()).await.map(drop)?)
    }

    /// `ticketsync keys rotate`.
    pub async fn rotate_keys(&self) -> Result<(), Status> {
        self.seal_with(&keyring()).await
    }

    /// Puts everything back to the time before the key was replaced.
    pub async fn seal_with_the_older_key(&self) {
        self.seal_with(&format!("{OLDER_KEY},{ENCRYPTION_KEYS}").parse().unwrap()).await.unwrap();
    }

    async fn seal_with(&self, keyring: &Keyring) -> Result<(), Status> {
        let rotation = Rotation::run(&self.store, keyring).await?;
        assert!(rotation.unopened.is_empty(), "{rotation:?}");
        Ok(())
    }
}
