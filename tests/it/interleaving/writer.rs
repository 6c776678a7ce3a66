//! Who writes: the callers of a service, and what works on its store by itself.

use ticketsync::{
    clock,
    proto::v1::{ContactFieldType, TicketField},
    service::{Keyring, Pruner, PrunerOptions, rotation::Rotation},
    store::Store,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    mapping::{create, update},
    support::{Clients, Connected, ENCRYPTION_KEYS, created},
};

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
    /// Has the first event of a connection write to two contact fields, of which the one that is
    /// answered is not mapped any more.
    pub async fn map_fields(&self, to: &Connected) -> String {
        let field = async |name: &str| {
            let made = create(&self.clients, &to.account_id, name, ContactFieldType::Text, &[]);
            made.await.unwrap().contact_field_id
        };
        let (status, spare) = (field("status").await, field("spare").await);
        let both = [(TicketField::Status, status.as_str()), (TicketField::Subject, &spare)];
        update(&self.clients, to, &both).await.unwrap();
        let first = created("before-1", 1).requester(901, "ann@example.com");
        self.clients.send(to, first).await.unwrap();
        update(&self.clients, to, &both[..1]).await.unwrap();
        spare
    }

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
