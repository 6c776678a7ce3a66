//! Replacing keys: which of them seal what is stored, and sealing it anew.

use std::collections::BTreeMap;

use tracing::warn;

use super::{
    Keyring,
    keyring::{KeyId, OpenError, key_of},
};
use crate::{
    domain::{AccountId, Sealed, SecretPlace},
    error::Result,
    store::{Resealed, SealedSecret, Store},
};

/// How many secrets are read at a time.
const PAGE_SECRETS: i64 = 500;
/// How often to look for secrets that a process with an older first key has sealed meanwhile.
const MAX_PASSES: usize = 5;

/// How many stored secrets each key seals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    pub by_key: BTreeMap<KeyId, u64>,
    /// Texts that no keyring made.
    pub malformed: u64,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rotation {
    /// How many secrets were sealed anew.
    pub resealed: u64,
    /// How many secrets did not open, by the reason.
    pub unopened: BTreeMap<String, u64>,
}

impl Inventory {
    /// Counts what is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take(store: &Store) -> Result<Self> {
        let mut inventory = Self::default();
        let mut after = None;
        loop {
            let page = store.sealed_secrets(after.as_ref(), PAGE_SECRETS).await?;
            for secret in &page {
                match key_of(&secret.sealed) {
                    Ok(key) => *inventory.by_key.entry(key).or_default() += 1,
                    Err(_) => inventory.malformed += 1,
                }
            }
            match page.last() {
                Some(last) => after = Some(last.sealed.clone()),
                None => return Ok(inventory),
            }
        }
    }

    /// Warns of stored secrets that these keys do not open: their connections have to be authorised
    /// again, unless the key is found.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn warn_of_missing(store: &Store, keyring: &Keyring) -> Result<()> {
        let inventory = Self::take(store).await?;
        for key in inventory.missing_from(keyring) {
            let secrets = inventory.by_key.get(key);
            warn!(%key, secrets, "stored tokens are encrypted with a key that is not given");
        }
        Ok(())
    }

    /// The keys that seal stored secrets and are not among these: what they seal cannot be opened.
    pub fn missing_from<'a>(&'a self, keyring: &'a Keyring) -> impl Iterator<Item = &'a KeyId> {
        self.by_key.keys().filter(|key| !keyring.key_ids().any(|known| known == *key))
    }
}

impl Rotation {
    /// Seals everything with the first key that it does not seal yet, each secret under its
    /// account's lock. Stopped at any moment it can be run again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(store: &Store, keyring: &Keyring) -> Result<Self> {
        let mut rotation = Self::default();
        for _ in 0..MAX_PASSES {
            let resealed = rotation.resealed;
            rotation.pass(store, keyring).await?;
            if rotation.resealed == resealed {
                break;
            }
        }
        Ok(rotation)
    }

    async fn pass(&mut self, store: &Store, keyring: &Keyring) -> Result<()> {
        self.unopened.clear();
        let mut after = None;
        loop {
            let page = store.sealed_secrets(after.as_ref(), PAGE_SECRETS).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.sealed.clone());
            let mut by_account: BTreeMap<AccountId, Vec<(SealedSecret, Sealed)>> = BTreeMap::new();
            for secret in page {
                if key_of(&secret.sealed).as_ref() == Ok(keyring.sealing_key()) {
                    continue;
                }
                match reseal(keyring, &secret) {
                    Ok(sealed) => by_account
                        .entry(secret.connection.account.clone())
                        .or_default()
                        .push((secret, sealed)),
                    Err(problem) => *self.unopened.entry(problem.to_string()).or_default() += 1,
                }
            }
            for (account, secrets) in by_account {
                self.resealed += replace(store, &account, &secrets).await?;
            }
        }
    }
}

fn reseal(keyring: &Keyring, secret: &SealedSecret) -> Result<Sealed, OpenError> {
    let place = SecretPlace { connection: &secret.connection, column: secret.column };
    keyring.seal(&keyring.open(&secret.sealed, place)?, place)
}

/// Replaces secrets of one account, and answers how many of them were still there.
async fn replace(
    store: &Store,
    account: &AccountId,
    secrets: &[(SealedSecret, Sealed)],
) -> Result<u64> {
    let mut tx = store.begin().await?;
    tx.lock_account(account).await?;
    let mut replaced = 0;
    for (secret, sealed) in secrets {
        match tx.reseal(secret, sealed).await? {
            Resealed::Replaced => replaced += 1,
            Resealed::Gone => {}
        }
    }
    tx.commit().await?;
    Ok(replaced)
}
