//! Contacts that the platform names, and contacts that are erased.

use super::Writes;
use crate::{
    clock,
    domain::{AccountId, Contact, ContactId, Email},
    error::{Error, Result},
    store::{Erased, Store},
};

/// Writes contacts. Cheap to clone.
#[derive(Clone)]
pub struct Contacts {
    store: Store,
    writes: Writes,
}

impl Contacts {
    /// Writes contacts to this store.
    #[must_use]
    pub const fn new(store: Store, writes: Writes) -> Self {
        Self { store, writes }
    }

    /// Creates a contact that the platform has. An account that is new is taken up.
    ///
    /// # Errors
    /// [`Error::ContactExists`] when another one has the e-mail address.
    pub async fn create(&self, account: AccountId, email: Email, name: String) -> Result<Contact> {
        let store = self.store.clone();
        self.writes
            .run(async move {
                let mut tx = store.begin().await?;
                tx.take_up_account(&account, clock::now()).await?;
                if tx.contact_id_with_email(&account, &email.key()).await?.is_some() {
                    return Err(Error::ContactExists);
                }
                // After the lock, so that ids grow in the order in which contacts come to be.
                let now = clock::now();
                let id = ContactId::new(now, rand::random());
                let contact = Contact { id, email, name, synced: false, created_at: now };
                tx.insert_contact(&account, &contact).await?;
                tx.commit().await?;
                Ok(contact)
            })
            .await
    }

    /// Erases a contact for good.
    ///
    /// # Errors
    /// [`Error::ContactNotFound`] when the account has no such contact.
    pub async fn erase(&self, account: AccountId, contact: ContactId) -> Result<Erased> {
        let store = self.store.clone();
        self.writes
            .run(async move {
                let mut tx = store.begin().await?;
                let mut locked = tx.lock_account(&account).await?.ok_or(Error::ContactNotFound)?;
                let erased =
                    tx.erase_contact(&account, contact).await?.ok_or(Error::ContactNotFound)?;
                locked.parked_count -= erased.parked_count;
                tx.save_account(&locked).await?;
                tx.commit().await?;
                Ok(erased)
            })
            .await
    }
}
