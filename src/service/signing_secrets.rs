//! Whether a delivery comes from the webhook of a connection: its secrets, kept open for a moment.

mod cache;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::counter;
use tokio::time::{Instant, timeout};
use tracing::{debug, error};

use self::cache::{CACHE_LIFE, Cache, Found, Owner};
use super::{Keyring, batched_reads::BatchedReads};
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

/// What deliveries are checked with. Cheap to clone.
#[derive(Clone)]
pub struct SigningSecrets {
    store: Store,
    keyring: Keyring,
    cache: Arc<Mutex<Cache>>,
    /// Together and one after the other: a guess costs whoever makes it a signature's shape, and many
    /// of them must hold up neither a genuine delivery nor whoever else wants the store.
    reads: BatchedReads<ConnectionId, Found>,
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
        Self { store, keyring, cache: Arc::default(), reads: BatchedReads::default() }
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
        let found = self.reads.read(id, |ids| self.look_up(ids, now)).await?;
        // Why somebody else's read failed, they say.
        found.ok_or(Error::StoreUnavailable)
    }

    /// What is known of these ids. One whose connection does not read is left out.
    async fn look_up(
        &self,
        ids: HashSet<ConnectionId>,
        now: Timestamp,
    ) -> Result<HashMap<ConnectionId, Found>> {
        let mut all = self.read_meanwhile(&ids);
        let unread: Vec<_> = ids.into_iter().filter(|id| !all.contains_key(id)).collect();
        if unread.is_empty() {
            return Ok(all);
        }
        counter!("ticketsync_webhook_secret_reads_total").increment(1);
        let read_at = Instant::now();
        let mut owners = self.store.webhook_owners(&unread).await?;
        for id in unread {
            let found = match owners.remove(&id) {
                None => Found::Nobody,
                Some(Ok(owner)) => self.found(owner, read_at, now),
                Some(Err(cause)) => {
                    error!(connection = %id, %cause, "a connection does not read");
                    continue;
                }
            };
            self.cache().keep(id, &found, read_at);
            all.insert(id, found);
        }
        Ok(all)
    }

    /// What others have read of these ids while whoever asks waited for the turn: fresh enough for
    /// all who ask, whatever brought them.
    fn read_meanwhile(&self, ids: &HashSet<ConnectionId>) -> HashMap<ConnectionId, Found> {
        let cache = self.cache();
        ids.iter().filter_map(|id| Some((*id, cache.find(*id, MISMATCH_LIFE)?))).collect()
    }

    fn found(&self, owner: WebhookOwner, read_at: Instant, now: Timestamp) -> Found {
        let WebhookOwner { key: connection, state, webhook, signing } = owner;
        if !state.accepts_events() {
            return Found::Closed;
        }
        let secrets = signing.map(|signing| self.open(&connection, &signing, now));
        let secrets = secrets.unwrap_or_default().into();
        Found::Owner(Owner { connection, webhook, secrets, read_at })
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
