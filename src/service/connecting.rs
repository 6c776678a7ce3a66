//! Connecting accounts to Zendesk: where it begins, and where it has led to.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Access, Keyring, Upkeep, Writes, disconnecting::locked, keyring::OpenError, mapping::map_fields,
};
use crate::{
    domain::{
        AUTHORIZATION_LIFETIME, AccountId, Authorization, AuthorizationState, CodeVerifier,
        Connection, ConnectionId, ConnectionKey, FieldMapping, Secret, SecretColumn, SecretPlace,
        Subdomain, Timestamp, WaitingHint,
    },
    error::{Error, Result},
    store::{self, LockedAccount, Store, Tx, Waiting},
    zendesk,
};

/// How long after its expiry an authorisation is kept: its exchange may be under way.
pub(super) const EXCHANGE_GRACE: Duration = Duration::from_mins(1);

/// Connects accounts to Zendesk subdomains. Cheap to clone.
#[derive(Clone)]
pub struct Connecting {
    pub(super) store: Store,
    pub(super) writes: Writes,
    pub(super) keyring: Keyring,
    pub(super) zendesk: zendesk::Client,
    pub(super) access: Access,
    pub(super) upkeep: Upkeep,
}

/// What was begun.
#[derive(Debug)]
pub struct Started {
    pub connection: Connection,
    /// Where to send the person's browser; holds the state.
    pub authorization_url: Secret,
    pub expires_at: Timestamp,
}

/// How far the sync of a connection is.
#[derive(Debug)]
pub struct Progress {
    pub waiting: Waiting,
    /// What has waited longest of what was fetched and could not be taken in.
    pub stuck: Option<WaitingHint>,
    /// None where the connection was never finished.
    pub upkeep: Option<store::Upkeep>,
}

impl Connecting {
    /// Connects the accounts whose tokens and upkeep these are.
    #[must_use]
    pub fn new(access: Access, upkeep: Upkeep) -> Self {
        let Access { store, writes, keyring, zendesk, limits: _ } = access.clone();
        Self { store, writes, keyring, zendesk, access, upkeep }
    }

    /// Begins an authorisation. The connection is made if the subdomain is new to the account; one
    /// that exists stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(
        &self,
        account: AccountId,
        subdomain: Subdomain,
        now: Timestamp,
    ) -> Result<Started> {
        let this = self.clone();
        self.writes.run(async move { this.begin(&account, subdomain, now).await }).await
    }

    async fn begin(
        &self,
        account: &AccountId,
        subdomain: Subdomain,
        now: Timestamp,
    ) -> Result<Started> {
        let state = AuthorizationState::new(&rand::random());
        let verifier = CodeVerifier::new(&rand::random());
        let expires_at = now.plus(AUTHORIZATION_LIFETIME);

        let mut tx = self.store.begin().await?;
        let mut locked = tx.take_up_account(account, now).await?;
        tx.prune_authorizations(account, now.minus(EXCHANGE_GRACE)).await?;
        let connection = take_up_connection(&mut tx, &mut locked, subdomain, now).await?;
        let place = SecretPlace { connection: &connection.key, column: SecretColumn::CodeVerifier };
        let authorization = Authorization {
            state_hash: state.hash(),
            connection: connection.key.connection,
            code_verifier: self.keyring.seal(verifier.secret(), place)?,
            expires_at,
            used_at: None,
        };
        tx.insert_authorization(account, &authorization).await?;
        tx.commit().await?;

        let authorization_url =
            self.zendesk.authorization_url(&connection.subdomain, &state, &verifier);
        Ok(Started { connection, authorization_url, expires_at })
    }

    /// Makes an authorised connection take events, with these field mappings. Its webhook follows.
    ///
    /// # Errors
    /// [`Error::ConnectionNotFound`], [`Error::ConnectionNotAuthorized`], and those of
    /// [`Connecting::update_field_mappings`].
    pub async fn finish(
        &self,
        key: ConnectionKey,
        mappings: Vec<FieldMapping>,
        now: Timestamp,
    ) -> Result<Connection> {
        let (store, upkeep) = (self.store.clone(), self.upkeep.clone());
        let whole = async move {
            let mut tx = store.begin().await?;
            let (mut locked, before) = locked(&mut tx, &key).await?;
            let finished = before.clone().finished(now).ok_or(Error::ConnectionNotAuthorized)?;
            if finished != before {
                tx.save_connection(&mut locked, &finished).await?;
                tx.revive_upkeep(&key, Duration::ZERO).await?;
            }
            let finished = map_fields(&mut tx, &mut locked, finished, mappings, now).await?;
            tx.commit().await?;
            upkeep.wake();
            Ok(finished)
        };
        self.writes.run(whole).await
    }

    /// One connection.
    ///
    /// # Errors
    /// [`Error::ConnectionNotFound`].
    pub async fn get(&self, key: &ConnectionKey) -> Result<Connection> {
        self.store.connection(key).await?.ok_or(Error::ConnectionNotFound)
    }

    /// How far the sync of a connection is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn progress(&self, key: &ConnectionKey) -> Result<Progress> {
        Ok(Progress {
            waiting: self.store.waiting(key).await?,
            stuck: self.store.stuck_hint(key).await?,
            upkeep: self.store.upkeep(key).await?,
        })
    }

    /// The account's connections after this subdomain, in the order of their subdomains.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        account: &AccountId,
        after: Option<&Subdomain>,
        limit: i64,
    ) -> Result<Vec<Connection>> {
        Ok(self.store.connections(account, after, limit).await?)
    }
}

/// The account's connection with this subdomain; (account, subdomain) keeps one for ever.
async fn take_up_connection(
    tx: &mut Tx<'_>,
    locked: &mut LockedAccount,
    subdomain: Subdomain,
    now: Timestamp,
) -> Result<Connection> {
    if let Some(known) = tx.connection_with_subdomain(&locked.account, &subdomain).await? {
        return Ok(known);
    }
    let id = ConnectionId(Uuid::new_v4());
    let key = ConnectionKey { account: locked.account.clone(), connection: id };
    let started = Connection::started(key, subdomain, now);
    tx.insert_connection(locked, &started).await?;
    Ok(started)
}

impl From<OpenError> for Error {
    /// Never the caller's fault: keys are missing, or the row was tampered with.
    fn from(error: OpenError) -> Self {
        Self::Internal(error.to_string())
    }
}
