//! Whether a delivery comes from the webhook of a connection: its secrets, kept open for a moment.

mod cache;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::counter;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};
use tracing::{debug, error};

use self::cache::{CACHE_LIFE, Cache, Found, Owner};
use super::{Keyring, shared_reads::SharedReads};
use crate::{
    domain::{ConnectionId, ConnectionKey, Secret, Timestamp, WebhookState},
    error::{Error, Result},
    store::{SealedSigning, Store, WebhookOwner},
    zendesk::{Forged, Presented, SigningSecret, Window},
};

/// How old secrets have to be before a signature that fits none of them has them read again: a new
/// secret is noticed at once, and a forger makes the database work once a second.
const MISMATCH_LIFE: Duration = Duration::from_secs(1);
/// How long after a change the secret before is good: deliveries are tried again for minutes.
const PREVIOUS_SECRET_LIFE: Duration = Duration::from_hours(1);
/// How long the secrets of a delivery are waited for that is refused whatever they are.
const LATE_CHECK_LIMIT: Duration = Duration::from_secs(1);

/// How many ids are looked up at once of which no connection is known: each costs whoever guesses it
/// a signature's shape, and the database a read. The others wait, so that most of the store's
/// connections are left to those who do not guess.
const MAX_STRANGERS: usize = 2;

/// What deliveries are checked with. Cheap to clone.
#[derive(Clone)]
pub struct SigningSecrets {
    store: Store,
    keyring: Keyring,
    cache: Arc<Mutex<Cache>>,
    /// None is a read that failed.
    reads: SharedReads<ConnectionId, Option<Found>>,
    strangers: Arc<Semaphore>,
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

impl SigningSecrets {
    /// Reads from this store, and opens with these keys.
    #[must_use]
    pub fn new(store: Store, keyring: Keyring) -> Self {
        let strangers = Arc::new(Semaphore::new(MAX_STRANGERS));
        Self { store, keyring, cache: Arc::default(), reads: SharedReads::default(), strangers }
    }

    /// Checks a delivery to the webhook of the connection with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check(
        &self,
        id: ConnectionId,
        presented: Presented<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Checked> {
        match presented.window(now) {
            Window::Inside => self.check_inside(id, &presented, body, now).await,
            Window::Outside => Ok(self.check_outside(id, &presented, body, now).await),
        }
    }

    async fn check_inside(
        &self,
        id: ConnectionId,
        presented: &Presented<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Checked> {
        let found = self.find(id, CACHE_LIFE, now).await?;
        let checked = found.check(presented, body, now);
        match (&found, &checked) {
            (Found::Owner(owner), Checked::Forged(Forged::Mismatch))
                if owner.read_at.elapsed() >= MISMATCH_LIFE =>
            {
                Ok(self.find(id, MISMATCH_LIFE, now).await?.check(presented, body, now))
            }
            _ => Ok(checked),
        }
    }

    /// Checks one that was signed too long ago, or too far ahead. It is refused whoever signed it; but
    /// if it is genuine one of two clocks is wrong, and that is to be said.
    async fn check_outside(
        &self,
        id: ConnectionId,
        presented: &Presented<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Checked {
        let found = timeout(LATE_CHECK_LIMIT, self.find(id, CACHE_LIFE, now)).await;
        let found = found.unwrap_or(Err(Error::StoreUnavailable));
        match found.map(|found| found.check(presented, body, now)) {
            Ok(Checked::NoSecret) => Checked::Forged(Forged::OutsideWindowUnproven),
            Ok(checked) => checked,
            Err(error) => {
                debug!(cause = %error, "a delivery's signature could not be checked");
                Checked::Forged(Forged::OutsideWindowUnproven)
            }
        }
    }

    /// What is known of the id, by a read no older than this.
    async fn find(&self, id: ConnectionId, max_age: Duration, now: Timestamp) -> Result<Found> {
        if let Some(found) = self.cache().find(id, max_age) {
            return Ok(found);
        }
        let mut failure = None;
        let read = async {
            // Somebody may have read it while this one began to wait.
            if let Some(found) = self.cache().find(id, max_age) {
                return Some(found);
            }
            let _turn = self.turn(id).await;
            self.look_up(id, now).await.map_err(|error| failure = Some(error)).ok()
        };
        let found = self.reads.read(id, read).await;
        // Why somebody else's read failed, they say.
        found.ok_or_else(|| failure.unwrap_or(Error::StoreUnavailable))
    }

    /// Waits until this id may be looked up: one that is a connection's as far as is known, at once.
    async fn turn(&self, id: ConnectionId) -> Option<SemaphorePermit<'_>> {
        if self.cache().knows(id) {
            return None;
        }
        // Never closed.
        self.strangers.acquire().await.ok()
    }

    async fn look_up(&self, id: ConnectionId, now: Timestamp) -> Result<Found> {
        counter!("ticketsync_webhook_secret_reads_total").increment(1);
        let read_at = Instant::now();
        let owner = self.store.webhook_owners(&[id]).await?.remove(&id).transpose()?;
        let found = match owner {
            None => Found::Nobody,
            Some(WebhookOwner { state, .. }) if !state.accepts_events() => Found::Closed,
            Some(WebhookOwner { key: connection, state: _, webhook, signing }) => {
                let secrets = signing.map(|signing| self.open(&connection, &signing, now));
                let secrets = secrets.unwrap_or_default().into();
                Found::Owner(Owner { connection, webhook, secrets, read_at })
            }
        };
        self.cache().keep(id, &found, read_at);
        Ok(found)
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

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    fn check(&self, presented: &Presented<'_>, body: &[u8], now: Timestamp) -> Checked {
        let owner = match self {
            Self::Nobody | Self::Closed => return Checked::NoConnection,
            Self::Owner(owner) => owner,
        };
        match presented.verify(&owner.secrets, body, now) {
            Ok(()) => Checked::Genuine(owner.connection.clone()),
            // One that is being made anew signs with a secret that is not known yet.
            Err(Forged::Mismatch)
                if owner.secrets.is_empty() || owner.webhook == WebhookState::Pending =>
            {
                Checked::NoSecret
            }
            Err(forged) => Checked::Forged(forged),
        }
    }
}

fn report(key: &ConnectionKey, cause: &str) {
    let ConnectionKey { account, connection } = key;
    error!(%account, %connection, cause, "the signing secret of a webhook is of no use");
}
