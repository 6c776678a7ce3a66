//! Whether a delivery comes from the webhook of a connection: its secrets, kept open for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::error;

use super::Keyring;
use crate::{
    domain::{ConnectionId, ConnectionKey, Secret, Timestamp},
    error::Result,
    store::{SealedSigning, Store, WebhookOwner},
    zendesk::{Forged, SigningSecret, verify},
};

/// How long secrets are used before they are read again: a database that is asked by every delivery
/// would be asked thousands of times a second, and a change is seen within seconds.
const CACHE_LIFE: Duration = Duration::from_secs(5);
/// How old secrets have to be before a signature that fits none of them has them read again: a new
/// secret is noticed at once, and a forger makes the database work once a second.
const MISMATCH_LIFE: Duration = Duration::from_secs(1);
/// The most connections whose secrets are kept, at some hundred bytes each.
const MAX_CACHED: usize = 10_000;
/// How long after a change the secret before is good: deliveries are tried again for minutes.
const PREVIOUS_SECRET_LIFE: Duration = Duration::from_hours(1);

/// What deliveries are checked with. Cheap to clone.
#[derive(Clone)]
pub struct SigningSecrets {
    store: Store,
    keyring: Keyring,
    cache: Arc<Mutex<HashMap<ConnectionId, Cached>>>,
}

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The connection's webhook sent it, just now.
    Genuine(ConnectionKey),
    Forged(Forged),
    /// No connection has this id, or it takes no events.
    NoConnection,
    /// There is nothing to check with yet, or it does not open: nobody can tell.
    NoSecret,
}

/// A delivery, as far as its signature is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The header of the time, empty where it is missing.
    pub timestamp: &'a str,
    /// The header of the signature, empty where it is missing.
    pub signature: &'a str,
    pub body: &'a [u8],
}

#[derive(Clone)]
struct Cached {
    connection: ConnectionKey,
    secrets: Arc<[SigningSecret]>,
    read_at: Instant,
}

impl SigningSecrets {
    /// Reads from this store, and opens with these keys.
    #[must_use]
    pub fn new(store: Store, keyring: Keyring) -> Self {
        Self { store, keyring, cache: Arc::default() }
    }

    /// Checks a delivery to the webhook of the connection with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check(
        &self,
        id: ConnectionId,
        signed: Signed<'_>,
        now: Timestamp,
    ) -> Result<Checked> {
        let Some(cached) = self.cached(id) else { return self.check_afresh(id, signed, now).await };
        match signed.check(&cached, now) {
            Checked::Forged(Forged::Mismatch) if cached.read_at.elapsed() >= MISMATCH_LIFE => {
                self.check_afresh(id, signed, now).await
            }
            checked => Ok(checked),
        }
    }

    async fn check_afresh(
        &self,
        id: ConnectionId,
        signed: Signed<'_>,
        now: Timestamp,
    ) -> Result<Checked> {
        let read_at = Instant::now();
        let owner = self.store.webhook_owner(id).await?;
        let owner = owner.filter(|owner| owner.state.accepts_events());
        let Some(WebhookOwner { key: connection, state: _, signing }) = owner else {
            self.forget(id);
            return Ok(Checked::NoConnection);
        };
        let secrets = signing.map(|signing| self.open(&connection, &signing, now));
        let secrets: Arc<[SigningSecret]> = secrets.unwrap_or_default().into();
        let cached = Cached { connection, secrets, read_at };
        let checked = signed.check(&cached, now);
        if cached.secrets.is_empty() {
            self.forget(id);
        } else {
            self.keep(id, cached);
        }
        Ok(checked)
    }

    /// The secrets that are good now. One that does not open is said here.
    fn open(
        &self,
        connection: &ConnectionKey,
        signing: &SealedSigning,
        now: Timestamp,
    ) -> Vec<SigningSecret> {
        let previous_is_good = signing.changed_at.plus(PREVIOUS_SECRET_LIFE) > now;
        let good = if previous_is_good { 2 } else { 1 };
        let opened = signing.places(connection).take(good).filter_map(|(sealed, place)| {
            let secret = self.keyring.open(sealed, place).map_err(|problem| problem.to_string());
            let read =
                |secret: Secret| SigningSecret::try_from(secret).map_err(|problem| problem.0);
            secret.and_then(read).map_err(|cause| report(connection, &cause)).ok()
        });
        opened.collect()
    }

    fn cached(&self, id: ConnectionId) -> Option<Cached> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(&id).filter(|cached| cached.read_at.elapsed() < CACHE_LIFE).cloned()
    }

    fn keep(&self, id: ConnectionId, cached: Cached) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_CACHED {
            cache.retain(|_, cached| cached.read_at.elapsed() < CACHE_LIFE);
        }
        // Full of fresh ones: more connections than are kept are at work, and this one is read anew.
        if cache.len() < MAX_CACHED || cache.contains_key(&id) {
            cache.insert(id, cached);
        }
    }

    fn forget(&self, id: ConnectionId) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Signed<'_> {
    fn check(&self, cached: &Cached, now: Timestamp) -> Checked {
        let Self { timestamp, signature, body } = *self;
        match verify(&cached.secrets, timestamp, signature, body, now) {
            Ok(()) => Checked::Genuine(cached.connection.clone()),
            Err(Forged::Mismatch) if cached.secrets.is_empty() => Checked::NoSecret,
            Err(forged) => Checked::Forged(forged),
        }
    }
}

fn report(key: &ConnectionKey, cause: &str) {
    let ConnectionKey { account, connection } = key;
    error!(%account, %connection, cause, "the signing secret of a webhook is of no use");
}
