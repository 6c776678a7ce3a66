//! The end of a connection: webhook and tokens taken away, tickets kept or deleted.

use std::time::Duration;

use tracing::warn;

use super::{Connecting, Removal, Upkeep, keyring::OpenError, writes::in_time};
use crate::{
    domain::{
        Connection, ConnectionKey, ConnectionState, Sealed, Secret, SecretColumn, SecretPlace,
        Tokens, WebhookState,
    },
    error::{Error, Result},
    store::{DeletedTickets, HeldTokens, LockedAccount, SealedTokens, Tx},
    zendesk,
};

/// How long to try to revoke tokens that were replaced: a person's browser waits for it.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(10);
/// How many rows one transaction deletes: the account waits for it, for some milliseconds.
const CHUNK_ROWS: i64 = 1_000;

/// What becomes of the tickets that a connection has synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncedTickets {
    Keep,
    Delete,
}

/// What was ended.
#[derive(Debug)]
pub struct Disconnected {
    pub connection: Connection,
    pub deleted_ticket_count: i64,
    /// The hints that waited: changes at Zendesk that were never fetched.
    pub discarded_hint_count: i64,
    pub removal: Removal,
}

impl Connecting {
    /// Ends a connection. That is durable before anything else is tried; deleting can be taken up
    /// again by the same call. What Zendesk does not let us take away now is tried again later.
    ///
    /// # Errors
    /// [`Error::ConnectionNotFound`], or when the store fails.
    pub async fn disconnect(
        &self,
        key: ConnectionKey,
        tickets: SyncedTickets,
    ) -> Result<Disconnected> {
        let this = self.clone();
        let whole = async move {
            let webhook = in_time(this.end(&key)).await?;
            let here = async {
                let discarded_hint_count = this.discard_hints(&key).await?;
                Ok::<_, Error>((discarded_hint_count, this.delete(&key, tickets).await?))
            };
            let (removal, here) = tokio::join!(this.remove(&key, webhook), here);
            let (removal, (discarded_hint_count, deleted_ticket_count)) = (removal?, here?);
            let connection = this.get(&key).await?;
            Ok(Disconnected { connection, deleted_ticket_count, discarded_hint_count, removal })
        };
        self.writes.run_in_steps(Box::pin(whole)).await
    }

    /// Ends the connection here, with every authorisation that was begun for it.
    async fn end(&self, key: &ConnectionKey) -> Result<WebhookState> {
        let mut tx = self.store.begin().await?;
        let (mut locked, connection) = locked(&mut tx, key).await?;
        let tokens = if tx.tokens(key).await?.is_some() { Tokens::Held } else { Tokens::None };
        let ended = connection.clone().disconnected(tokens);
        if ended != connection {
            tx.save_connection(&mut locked, &ended).await?;
            if ended.webhook == WebhookState::Removing {
                Upkeep::reserve_removal(&mut tx, key).await?;
            }
        }
        tx.delete_authorizations(key).await?;
        tx.commit().await?;
        Ok(ended.webhook)
    }

    /// Takes away what was left, also by a call before that could not.
    async fn remove(&self, key: &ConnectionKey, webhook: WebhookState) -> Result<Removal> {
        match webhook {
            WebhookState::Removing => self.upkeep.remove_now(key).await,
            WebhookState::Absent | WebhookState::Pending | WebhookState::Registered => {
                Ok(Removal::Unconfirmed)
            }
        }
    }

    /// Revokes tokens that were replaced, as far as they open and Zendesk answers in time.
    pub(super) async fn forget(&self, connection: &Connection, held: HeldTokens) {
        let HeldTokens { tokens: SealedTokens { access, refresh, .. }, refreshing_for, .. } = held;
        let open = |sealed: &Sealed, column| {
            self.keyring.open(sealed, SecretPlace { connection: &connection.key, column })
        };
        // Who is refreshing them just now finds them replaced, and revokes what comes of it.
        let refresh = refresh.filter(|_| refreshing_for.is_none());
        let opened = || -> Result<_, OpenError> {
            let refresh = refresh.map(|refresh| open(&refresh, SecretColumn::RefreshToken));
            Ok((open(&access, SecretColumn::AccessToken)?, refresh.transpose()?))
        };
        match opened() {
            Ok((access, refresh)) => self.revoke(connection, &access, refresh.as_ref()).await,
            Err(cause) => unconfirmed(connection, &cause.to_string()),
        }
    }

    /// Revokes tokens at Zendesk, as far as it answers in time.
    pub(super) async fn revoke(
        &self,
        connection: &Connection,
        access: &Secret,
        refresh: Option<&Secret>,
    ) {
        let attempt = self.try_to_revoke(connection, access, refresh);
        match tokio::time::timeout(REVOCATION_TIMEOUT, attempt).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => unconfirmed(connection, &cause.to_string()),
            Err(_) => unconfirmed(connection, "no answer in time"),
        }
    }

    /// An access token that has expired cannot name itself any more, but its refresh token lives on:
    /// that is exchanged for a pair that can be revoked.
    async fn try_to_revoke(
        &self,
        connection: &Connection,
        access: &Secret,
        refresh: Option<&Secret>,
    ) -> zendesk::Result<()> {
        let revoked = self.zendesk.revoke(&connection.subdomain, access).await;
        match (revoked, refresh) {
            (Err(error), Some(refresh)) if error.is_unauthorized() => {
                let fresh = self.zendesk.refresh(&connection.subdomain, refresh).await?;
                self.zendesk.revoke(&connection.subdomain, &fresh.access).await
            }
            (revoked, _) => revoked,
        }
    }

    /// Discards the hints that wait, and answers how many.
    async fn discard_hints(&self, key: &ConnectionKey) -> Result<i64> {
        let mut discarded = 0;
        loop {
            let chunk = in_time(self.discard_some_hints(key)).await?;
            discarded += chunk;
            if chunk < CHUNK_ROWS {
                return Ok(discarded);
            }
        }
    }

    async fn discard_some_hints(&self, key: &ConnectionKey) -> Result<i64> {
        let mut tx = self.store.begin().await?;
        let (_locked, connection) = locked(&mut tx, key).await?;
        if connection.state != ConnectionState::Disconnected {
            return Ok(0);
        }
        let discarded = tx.delete_hints(key, CHUNK_ROWS).await?;
        tx.commit().await?;
        Ok(discarded)
    }

    /// Deletes what the connection has synced, and answers how many tickets left their objects.
    async fn delete(&self, key: &ConnectionKey, tickets: SyncedTickets) -> Result<i64> {
        if tickets == SyncedTickets::Keep {
            return Ok(0);
        }
        // Parked events first: a retry of theirs could bring tickets back.
        while in_time(self.delete_parked_events(key)).await? == CHUNK_ROWS {}
        let (mut live_count, mut after) = (0, 0);
        while let Some(chunk) = in_time(self.delete_tickets(key, after)).await? {
            live_count += chunk.live_count;
            after = chunk.last_id;
        }
        Ok(live_count)
    }

    async fn delete_parked_events(&self, key: &ConnectionKey) -> Result<i64> {
        let mut tx = self.store.begin().await?;
        let (mut locked, connection) = locked(&mut tx, key).await?;
        if connection.state != ConnectionState::Disconnected {
            return Ok(0);
        }
        let deleted = tx.delete_parked_events(&mut locked, key, CHUNK_ROWS).await?;
        tx.commit().await?;
        Ok(deleted)
    }

    async fn delete_tickets(
        &self,
        key: &ConnectionKey,
        after: i64,
    ) -> Result<Option<DeletedTickets>> {
        let mut tx = self.store.begin().await?;
        let (_locked, connection) = locked(&mut tx, key).await?;
        // Somebody has connected it again: what comes in from now on is not meant.
        if connection.state != ConnectionState::Disconnected {
            return Ok(None);
        }
        let chunk = tx.delete_tickets(key, after, CHUNK_ROWS).await?;
        tx.commit().await?;
        Ok(chunk)
    }
}

/// Locks the account of a connection, and reads the connection as it stands under the lock.
pub(super) async fn locked(
    tx: &mut Tx<'_>,
    key: &ConnectionKey,
) -> Result<(LockedAccount, Connection)> {
    let locked = tx.lock_account(&key.account).await?.ok_or(Error::ConnectionNotFound)?;
    let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
    Ok((locked, connection))
}

fn unconfirmed(connection: &Connection, cause: &str) {
    let ConnectionKey { account, connection } = &connection.key;
    warn!(%account, %connection, cause, "a token was forgotten but not revoked at Zendesk");
}
