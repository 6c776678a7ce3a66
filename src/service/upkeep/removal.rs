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
    domain::{
        Connection, ConnectionKey, ConnectionState, Secret, Timestamp, WebhookId, WebhookState,
    },
    error::{Error, Result},
    service::{access::Purpose, writes::in_time},
    store::{self, Lease, StoredWebhook, Tx},
    zendesk::{self, WebhookPlace},
};

/// How long a try to take away the webhook may take, and one to revoke the token: a person waits for the
/// first of each. They are disconnected by then, whatever Zendesk says.
const PART_TIMEOUT: Duration = Duration::from_secs(5);
/// How long each may take where nobody waits for it.
const UNWATCHED_PART_TIMEOUT: Duration = Duration::from_secs(30);
/// How long both may take together, where somebody waits, and how long another process is waited for before.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after it was ended it is tried where Zendesk stays away, whatever is wrong there. Refresh
/// tokens do not live much longer.
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
    /// Takes away what a connection that was ended has left at Zendesk, as far as that answers in
    /// time; what it does not is done later. Never dropped halfway: it ends by itself in time.
    pub(in crate::service) async fn remove_now(&self, key: &ConnectionKey) -> Result<Removal> {
        let Some((lease, left)) = self.lease_of(key).await? else {
            return Ok(Removal::Unconfirmed);
        };
        let visit = Visit::begin(self.clone(), lease, left, CancellationToken::new()).await?;
        let Some(mut visit) = visit else { return Ok(Removal::Unconfirmed) };
        if !visit.is_to_be_removed() {
            // Somebody has connected it again while this waited: what they need done is due still.
            visit.due(visit.now());
            visit.release(Ok(())).await;
            return Ok(Removal::Unconfirmed);
        }
        let (removal, end) = match visit.remove_within(PART_TIMEOUT).await {
            Ok(removal) => (removal, Ok(())),
            Err(setback) => (Removal::Unconfirmed, Err(setback)),
        };
        visit.release(end).await;
        Ok(removal)
    }

    /// Has what a connection leaves at Zendesk taken away by who ends it and calls
    /// [`Upkeep::remove_now`] next, or by anybody if that does not happen. Comes in the transaction that
    /// ends it.
    pub(in crate::service) async fn reserve_removal(
        tx: &mut Tx<'_>,
        key: &ConnectionKey,
    ) -> Result<()> {
        // Not due before, so that who waits for the lease has it first.
        Ok(tx.revive_upkeep(key, REMOVAL_TIMEOUT).await?)
    }

    /// The lease of a connection, once another process that looks after it just now has let it go.
    async fn lease_of(&self, key: &ConnectionKey) -> Result<Option<(Lease, store::Upkeep)>> {
        let begun = Instant::now();
        loop {
            let claimed = self.store.claim_upkeep_of(key, &self.owner, LEASE).await?;
            if claimed.is_some() || begun.elapsed() >= REMOVAL_TIMEOUT {
                return Ok(claimed);
            }
            sleep(POLL).await;
        }
    }
}

impl Visit {
    /// Takes away what an ended connection has left at Zendesk, where nobody waits for it.
    pub(super) async fn finish_removal(&mut self) -> Result<Removal, Setback> {
        self.remove_within(UNWATCHED_PART_TIMEOUT).await
    }

    /// Takes away what an ended connection has left at Zendesk, and forgets its tokens. Where Zendesk
    /// refuses, nothing can be done about what is left.
    async fn remove_within(&mut self, limit: Duration) -> Result<Removal, Setback> {
        if self.connection.webhook != WebhookState::Removing {
            return Ok(Removal::Unconfirmed);
        }
        let purpose = if self.is_ended() { Purpose::Removal } else { Purpose::Sync };
        let known = in_time(self.stored()).await?.id;
        // Zendesk may refuse the one and still allow the other.
        let webhooks = self.part("webhook", limit, self.remove_webhooks(purpose, known)).await?;
        let token = if self.is_ended() {
            self.part("token", limit, self.revoke()).await?
        } else {
            // One that somebody is connecting again keeps its new tokens.
            Removal::Confirmed
        };
        let removal = match (webhooks, token) {
            (Removal::Confirmed, Removal::Confirmed) => Removal::Confirmed,
            (Removal::Unconfirmed, _) | (_, Removal::Unconfirmed) => Removal::Unconfirmed,
        };
        in_time(self.settle_removal()).await?;
        Ok(removal)
    }

    /// Does a part of it. An error is to be tried again.
    async fn part(
        &self,
        what: &'static str,
        limit: Duration,
        attempt: impl Future<Output = Result<(), Setback>>,
    ) -> Result<Removal, Setback> {
        let attempt = timeout(limit, attempt).await;
        match attempt.unwrap_or_else(|_| Err(out_of_time().into())) {
            Ok(()) => Ok(Removal::Confirmed),
            Err(Setback::Failed(error)) if self.is_final(&error) => {
                warn!(cause = %error, what, "given up, it may still be at Zendesk");
                Ok(Removal::Unconfirmed)
            }
            Err(setback) => Err(setback),
        }
    }

    /// Each is tried, whatever becomes of the others.
    async fn remove_webhooks(
        &self,
        purpose: Purpose,
        known: Option<WebhookId>,
    ) -> Result<(), Setback> {
        let (found, mut end) = match self.found_webhooks(purpose).await {
            Ok(found) => (found, Ok(())),
            Err(setback) => (Vec::new(), Err(setback)),
        };
        // The known one may have been made for another address.
        let others = found.iter().filter(|found| Some(*found) != known.as_ref());
        for webhook in known.iter().chain(others) {
            let deleted = self.delete(purpose, webhook).await;
            end = match end {
                Ok(()) => deleted,
                // What can be tried again is to be.
                Err(Setback::Failed(error)) if self.is_final(&error) => {
                    deleted.and(Err(error.into()))
                }
                Err(setback) => Err(setback),
            };
        }
        end
    }

    /// Those that were made for this connection, known or not: an answer may have been lost.
    async fn found_webhooks(&self, purpose: Purpose) -> Result<Vec<WebhookId>, Setback> {
        let Some(base) = &self.upkeep.options.webhook_base_url else { return Ok(Vec::new()) };
        let (key, endpoint) = (&self.connection.key, base.endpoint(self.connection.key.connection));
        let (name, endpoint) = (webhook_name(key), endpoint.as_str());
        let found = self.find(purpose, WebhookPlace { name: &name, endpoint }).await?;
        Ok(found.into_iter().map(|webhook| webhook.id).collect())
    }

    async fn revoke(&self) -> Result<(), Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let revoke = |token: Secret| async move { zendesk.revoke(subdomain, &token).await };
        self.call(Purpose::Removal, zendesk.request_timeout(), revoke).await
    }

    /// Whether trying again is of no use.
    fn is_final(&self, error: &Error) -> bool {
        let is_refusal = match error {
            Error::ConnectionNotAuthorized => true,
            // A client that Zendesk does not know is the operator's to put right.
            Error::Zendesk(error) if error.is_unknown_client() => false,
            Error::Zendesk(error) => matches!(
                error,
                zendesk::Error::Unauthorized { .. }
                    | zendesk::Error::Forbidden { .. }
                    | zendesk::Error::NotFound { .. }
                    | zendesk::Error::Refused { .. }
            ),
            // A secret that does not open here may open on another replica, or after a restart with all
            // the keys.
            Error::Internal(_) => false,
            // The database: that is between us and it.
            _ => return false,
        };
        // What is due with the webhook since then is that it goes.
        let begun_at = self.left.webhook_due_at;
        is_refusal && self.is_ended() || is_out_of_patience(begun_at, self.now())
    }

    fn is_to_be_removed(&self) -> bool {
        self.is_ended() && self.connection.webhook == WebhookState::Removing
    }

    /// Whether nobody will give other tokens. One that is being connected again has some, or will have,
    /// and whoever gives them may be allowed more.
    fn is_ended(&self) -> bool {
        self.connection.state == ConnectionState::Disconnected
    }

    /// Forgets what could be used at Zendesk, unless somebody has begun to connect it again meanwhile, or
    /// has even ended it again: then there are new tokens, to do with them what was given up or that
    /// have to go too, and all of it is done anew.
    async fn settle_removal(&mut self) -> Result<(), Setback> {
        let key = &self.connection.key;
        let mut tx = self.upkeep.store.begin().await?;
        let locked = tx.lock_account(&key.account).await?;
        let mut locked = locked.ok_or(Error::ConnectionNotFound)?;
        if !tx.is_as_claimed(&self.lease).await? {
            return Ok(());
        }
        let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
        if self.is_ended() {
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

/// Whether a removal that began then has been tried for long enough.
fn is_out_of_patience(begun_at: Option<Timestamp>, now: Timestamp) -> bool {
    begun_at.is_some_and(|begun_at| begun_at.plus(REMOVAL_PATIENCE) < now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_is_tried_for_a_week_to_the_microsecond() {
        let begun_at = Timestamp::EPOCH.plus(Duration::from_hours(1));
        let week = begun_at.plus(Duration::from_hours(7 * 24));
        let after = week.plus(Duration::from_micros(1));
        let over = [begun_at, week, after].map(|now| is_out_of_patience(Some(begun_at), now));
        assert_eq!(over, [false, false, true]);
        assert!(!is_out_of_patience(None, after));
    }
}
