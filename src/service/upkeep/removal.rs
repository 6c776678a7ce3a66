//! What a connection that was ended has left at Zendesk, taken away: at once, or once Zendesk is back.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    LEASE, Upkeep,
    visit::{Setback, Visit, out_of_time},
    webhook::webhook_name,
};
use crate::{
    clock,
    domain::{
        Connection, ConnectionKey, ConnectionState, Secret, Timestamp, WebhookId, WebhookState,
    },
    error::{Error, Result},
    service::access::Purpose,
    store::{self, Lease, StoredWebhook, Tx},
    zendesk::{self, WebhookPlace},
};

/// How long one try may take in all: a person waits for the first. They are disconnected by then,
/// whatever Zendesk says.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it is tried where Zendesk stays away. Refresh tokens do not live much longer.
const REMOVAL_PATIENCE: Duration = Duration::from_hours(7 * 24);
/// How often it is looked whether another process has let go of the connection.
const POLL: Duration = Duration::from_millis(50);

/// Whether what a connection has left at Zendesk is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    Confirmed,
    /// Zendesk was away or refused, or there was nothing to take away.
    Unconfirmed,
}

impl Upkeep {
    /// Takes away what a connection that has just been ended has left at Zendesk, as far as that
    /// answers in time; what it does not is done later. `claimed` is the connection's lease, if it
    /// could be had; else this waits for it. Never dropped halfway: it ends by itself in time.
    pub(in crate::service) async fn remove_now(
        &self,
        key: &ConnectionKey,
        claimed: Option<(Lease, store::Upkeep)>,
    ) -> Result<Removal> {
        let Some((lease, left)) = self.lease_of(key, claimed).await? else {
            return Ok(Removal::Unconfirmed);
        };
        let visit = Visit::begin(self.clone(), lease, left, CancellationToken::new()).await?;
        let Some(mut visit) = visit else { return Ok(Removal::Unconfirmed) };
        let (removal, end) = match visit.finish_removal().await {
            Ok(removal) => (removal, Ok(())),
            Err(setback) => (Removal::Unconfirmed, Err(setback)),
        };
        visit.release(end).await;
        Ok(removal)
    }

    /// Has what a connection has left at Zendesk taken away by whoever calls [`Upkeep::remove_now`], or
    /// by anybody if that does not happen. Gives the lease, unless another process looks after the
    /// connection just now. Comes in the transaction that ends it.
    pub(in crate::service) async fn begin_removal(
        &self,
        tx: &mut Tx<'_>,
        key: &ConnectionKey,
        now: Timestamp,
    ) -> Result<Option<(Lease, store::Upkeep)>> {
        // Who waits for the lease is to have it before others do.
        tx.revive_upkeep(key, now.plus(REMOVAL_TIMEOUT)).await?;
        Ok(tx.claim_upkeep_of(key, &self.owner, LEASE).await?)
    }

    /// Waits until another process that looks after the connection just now has let it go.
    async fn lease_of(
        &self,
        key: &ConnectionKey,
        claimed: Option<(Lease, store::Upkeep)>,
    ) -> Result<Option<(Lease, store::Upkeep)>> {
        let begun = Instant::now();
        let mut claimed = claimed;
        while claimed.is_none() && begun.elapsed() < REMOVAL_TIMEOUT {
            sleep(POLL).await;
            let mut tx = self.store.begin().await?;
            claimed = tx.claim_upkeep_of(key, &self.owner, LEASE).await?;
            tx.commit().await?;
        }
        Ok(claimed)
    }
}

impl Visit {
    /// Takes away what an ended connection has left at Zendesk, and forgets its tokens. Where Zendesk
    /// refuses, nothing can be done about what is left.
    pub(super) async fn finish_removal(&mut self) -> Result<Removal, Setback> {
        if self.connection.webhook != WebhookState::Removing {
            return Ok(Removal::Unconfirmed);
        }
        let attempt = timeout(REMOVAL_TIMEOUT, self.take_away()).await;
        let removal = match attempt.unwrap_or_else(|_| Err(out_of_time().into())) {
            Ok(()) => Removal::Confirmed,
            Err(Setback::Failed(error)) if self.is_final(&error) => {
                warn!(cause = %error, "webhook and token are forgotten, and may still be at Zendesk");
                Removal::Unconfirmed
            }
            Err(setback) => return Err(setback),
        };
        self.settle_removal().await?;
        Ok(removal)
    }

    async fn take_away(&self) -> Result<(), Setback> {
        // One that somebody is connecting again keeps its new tokens.
        let ended = self.connection.state == ConnectionState::Disconnected;
        let purpose = if ended { Purpose::Removal } else { Purpose::Sync };
        for webhook in self.webhooks_to_remove(purpose).await? {
            self.delete(purpose, &webhook).await?;
        }
        if ended {
            let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
            let revoke = |token: Secret| async move { zendesk.revoke(subdomain, &token).await };
            self.call(purpose, zendesk.request_timeout(), revoke).await?;
        }
        Ok(())
    }

    /// The webhook that is known, and those that were made and are not: their answers were lost.
    async fn webhooks_to_remove(&self, purpose: Purpose) -> Result<Vec<WebhookId>, Setback> {
        let known = self.stored().await?.id;
        let Some(base) = &self.upkeep.options.webhook_base_url else {
            return Ok(known.into_iter().collect());
        };
        let (key, endpoint) = (&self.connection.key, base.endpoint(self.connection.key.connection));
        let (name, endpoint) = (webhook_name(key), endpoint.as_str());
        let found = self.find(purpose, WebhookPlace { name: &name, endpoint }).await?;
        let mut ids: Vec<WebhookId> = found.into_iter().map(|webhook| webhook.id).collect();
        // It may have been made for another address.
        ids.extend(known.filter(|known| !ids.contains(known)));
        Ok(ids)
    }

    /// Whether trying again is of no use.
    fn is_final(&self, error: &Error) -> bool {
        match error {
            Error::ConnectionNotAuthorized | Error::Internal(_) => true,
            Error::Zendesk(error) => match error {
                zendesk::Error::Unauthorized { .. }
                | zendesk::Error::Forbidden { .. }
                | zendesk::Error::NotFound { .. }
                | zendesk::Error::Refused { .. } => true,
                _ => {
                    let since = self.left.trouble.as_ref().map(|trouble| trouble.since);
                    since.is_some_and(|since| since.plus(REMOVAL_PATIENCE) < clock::now())
                }
            },
            _ => false,
        }
    }

    /// Forgets what could be used at Zendesk, unless the connection was finished again meanwhile.
    async fn settle_removal(&mut self) -> Result<(), Setback> {
        let key = &self.connection.key;
        let mut tx = self.upkeep.store.begin().await?;
        let locked = tx.lock_account(&key.account).await?;
        let mut locked = locked.ok_or(Error::ConnectionNotFound)?;
        let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
        if connection.webhook != WebhookState::Removing {
            return Ok(());
        }
        if connection.state == ConnectionState::Disconnected {
            tx.save_tokens(key, None).await?;
        }
        let removed: Connection = connection.removed();
        tx.save_webhook(key, &StoredWebhook::default()).await?;
        tx.save_connection(&mut locked, &removed).await?;
        tx.commit().await?;
        self.connection = removed;
        Ok(())
    }
}
