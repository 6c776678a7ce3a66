//! The webhook of a connection: there, fit, alone, and its secret known here.

use tracing::{info, warn};

use super::{
    jittered,
    visit::{Setback, Visit, trouble_of},
};
use crate::{
    domain::{
        Connection, ConnectionKey, ConnectionState, Secret, SecretColumn, SecretPlace, SyncProblem,
        Timestamp, WebhookId, WebhookState,
    },
    error::{Error, Result},
    service::{access::Purpose, writes::in_time},
    store::{SealedSigning, StoredWebhook},
    zendesk::{self, FoundWebhook, SigningSecret, WebhookFitness, WebhookPlace},
};

impl Visit {
    /// Looks after the webhook where that is due. One that Zendesk does not let us look after keeps
    /// nothing else from being done.
    pub(super) async fn keep_webhook(&mut self) -> Result<(), Setback> {
        if self.connection.state != ConnectionState::Active {
            return Ok(());
        }
        let now = self.now();
        let later = now.plus(jittered(self.upkeep.options.webhook_interval));
        if let Some(due_at) = self.left.webhook_due_at.filter(|due_at| *due_at > now) {
            // Only a look at the webhook shows that it is forbidden no more.
            let before = self.left.trouble.clone();
            self.trouble = before.filter(|trouble| trouble.problem == SyncProblem::Forbidden);
            self.due(due_at);
            return Ok(());
        }
        let Some(base) = &self.upkeep.options.webhook_base_url else {
            // Another replica, or the next start, may know where Zendesk is to call.
            self.due(later);
            return Ok(());
        };
        let endpoint = base.endpoint(self.connection.key.connection);
        match self.ensure(&endpoint).await {
            Ok(()) => {}
            Err(Setback::Failed(error @ Error::Zendesk(zendesk::Error::Forbidden { .. }))) => {
                warn!(cause = %error, "the webhook may not be looked after");
                self.trouble = trouble_of(&error, now);
            }
            Err(setback) => return Err(setback),
        }
        self.left.webhook_due_at = Some(later);
        self.due(later);
        Ok(())
    }

    /// Sees to it that there is one fit webhook of ours, and that its secret is known here. Stopped
    /// anywhere it can be done again.
    async fn ensure(&mut self, endpoint: &str) -> Result<(), Setback> {
        let name = webhook_name(&self.connection.key);
        let place = WebhookPlace { name: &name, endpoint };
        let found = self.find(Purpose::Sync, place).await?;
        let known = in_time(self.stored()).await?.id;
        let (kept, surplus) = choose(found, known.as_ref());
        if kept.is_none() && self.connection.webhook == WebhookState::Registered {
            warn!("the webhook at Zendesk is gone or unfit: making it anew");
            in_time(self.save(None)).await?;
        }
        let id = match kept {
            Some(id) => id,
            None => self.create(place).await?,
        };
        let secret = self.signing_secret(&id).await?;
        // One that was made for another address is found by its id only, which is about to go.
        if let Some(elsewhere) = known.filter(|known| *known != id && !surplus.contains(known)) {
            self.delete(Purpose::Sync, &elsewhere).await?;
        }
        in_time(self.save(Some((&id, secret.secret())))).await?;
        // Last, so that there is no moment without a webhook.
        for webhook in surplus {
            self.delete(Purpose::Sync, &webhook).await?;
        }
        Ok(())
    }

    pub(super) async fn find(
        &self,
        purpose: Purpose,
        place: WebhookPlace<'_>,
    ) -> Result<Vec<FoundWebhook>, Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let find =
            |token: Secret| async move { zendesk.find_webhooks(subdomain, &token, place).await };
        self.call(purpose, zendesk.request_timeout(), find).await
    }

    pub(super) async fn delete(
        &self,
        purpose: Purpose,
        webhook: &WebhookId,
    ) -> Result<(), Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let delete =
            |token: Secret| async move { zendesk.delete_webhook(subdomain, &token, webhook).await };
        self.call(purpose, zendesk.request_timeout(), delete).await
    }

    async fn create(&self, place: WebhookPlace<'_>) -> Result<WebhookId, Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let create =
            |token: Secret| async move { zendesk.create_webhook(subdomain, &token, place).await };
        self.call(Purpose::Sync, zendesk.request_timeout(), create).await
    }

    async fn signing_secret(&self, webhook: &WebhookId) -> Result<SigningSecret, Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let ask =
            |token: Secret| async move { zendesk.signing_secret(subdomain, &token, webhook).await };
        self.call(Purpose::Sync, zendesk.request_timeout(), ask).await
    }

    /// What is known here of the webhook.
    pub(super) async fn stored(&self) -> Result<StoredWebhook> {
        let mut tx = self.upkeep.store.begin().await?;
        Ok(tx.webhook(&self.connection.key).await?)
    }

    /// Takes note of the webhook, or that it is to be made, unless the connection was ended meanwhile:
    /// then what was made is taken away with the rest.
    async fn save(&mut self, webhook: Option<(&WebhookId, &Secret)>) -> Result<(), Setback> {
        let key = &self.connection.key;
        let mut tx = self.upkeep.store.begin().await?;
        let locked = tx.lock_account(&key.account).await?;
        let mut locked = locked.ok_or(Error::ConnectionNotFound)?;
        let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
        if !connection.state.accepts_events() {
            return Ok(());
        }
        let stored = tx.webhook(key).await?;
        let (stored, state) = match webhook {
            None => (stored, WebhookState::Pending),
            Some((id, secret)) => {
                (self.renewed(stored, id, secret, self.now())?, WebhookState::Registered)
            }
        };
        let changed = Connection { webhook: state, ..connection.clone() };
        if changed != connection || stored != tx.webhook(key).await? {
            tx.save_webhook(key, &stored).await?;
            tx.save_connection(&mut locked, &changed).await?;
            tx.commit().await?;
            info!(state = state.as_str(), "webhook");
        }
        self.connection = changed;
        Ok(())
    }

    /// The webhook as it is to be stored. A secret that has changed stays valid for a while: what it
    /// signed may be under way.
    fn renewed(
        &self,
        stored: StoredWebhook,
        id: &WebhookId,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<StoredWebhook> {
        let place = |column| SecretPlace { connection: &self.connection.key, column };
        let keyring = &self.upkeep.keyring;
        let id = Some(id.clone());
        // One that does not open, for want of its key, verifies nothing any more.
        let before = stored.signing.as_ref().and_then(|signing| {
            keyring.open(&signing.current, place(SecretColumn::SigningSecret)).ok()
        });
        if before.as_ref() == Some(secret) {
            return Ok(StoredWebhook { id, ..stored });
        }
        let seal = |secret: &Secret, column| keyring.seal(secret, place(column));
        let previous = SecretColumn::PreviousSigningSecret;
        let signing = SealedSigning {
            current: seal(secret, SecretColumn::SigningSecret)?,
            previous: before.map(|before| seal(&before, previous)).transpose()?,
            changed_at: now,
        };
        Ok(StoredWebhook { id, signing: Some(signing) })
    }
}

/// The name at Zendesk. The random id in it keeps installations from taking each other's.
pub(super) fn webhook_name(key: &ConnectionKey) -> String {
    format!("ticketsync {}", key.connection)
}

/// Which webhook stays, and which are too many. The one whose secret is known is kept before others.
fn choose(
    found: Vec<FoundWebhook>,
    known: Option<&WebhookId>,
) -> (Option<WebhookId>, Vec<WebhookId>) {
    let fit = |webhook: &&FoundWebhook| webhook.fitness == WebhookFitness::Fit;
    let kept = found
        .iter()
        .filter(fit)
        .find(|webhook| Some(&webhook.id) == known)
        .or_else(|| found.iter().find(fit))
        .map(|webhook| webhook.id.clone());
    let ids = found.into_iter().map(|webhook| webhook.id);
    let surplus = ids.filter(|id| Some(id) != kept.as_ref()).collect();
    (kept, surplus)
}
