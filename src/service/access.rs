//! Access tokens that are good: refreshed in time, by one at a time across all replicas.

mod refresh;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::refresh::Dead;
use super::{Keyring, Writes, keyring::OpenError};
use crate::{
    domain::{
        ConnectionKey, ConnectionState, Sealed, Secret, SecretColumn, SecretPlace, Timestamp,
    },
    error::{Error, Result},
    store::{HeldTokens, SealedTokens, Store},
    zendesk::{self, Tokens},
};

/// How much longer than this a token has to live to be used: longer than a call takes.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);
/// How long after its call's limit a refresh still counts as under way: for the commits before and
/// after the call.
const REFRESH_MARGIN: Duration = Duration::from_secs(5);
/// How often it is looked whether another one's refresh is over, half as much to one and a half times.
const POLL: Duration = Duration::from_millis(100);

/// Gives access tokens. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    pub(super) store: Store,
    pub(super) writes: Writes,
    pub(super) keyring: Keyring,
    pub(super) zendesk: zendesk::Client,
}

/// What a token is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To read, and to look after the webhook.
    Sync,
    /// To take away what a connection that was ended has left at Zendesk. Nothing else may be done with
    /// its tokens.
    Removal,
}

/// Whether a connection's tokens can be used.
enum Standing {
    Good(Secret),
    /// They have to be refreshed first.
    Stale,
    /// Somebody is refreshing them.
    UnderWay,
}

impl Access {
    /// Gives access tokens of the connections in this store.
    #[must_use]
    pub const fn new(
        store: Store,
        writes: Writes,
        keyring: Keyring,
        zendesk: zendesk::Client,
    ) -> Self {
        Self { store, writes, keyring, zendesk }
    }

    /// A token that is good for a call now, to read and to look after the webhook. It is refreshed
    /// first where it expires within a minute; where another caller or replica is doing that, this one
    /// waits for it.
    ///
    /// # Errors
    /// [`Error::ConnectionNotAuthorized`] where Zendesk no longer accepts what it gave, or the
    /// connection was ended; [`Error::Zendesk`] where it is away.
    pub async fn access_token(&self, key: &ConnectionKey, now: Timestamp) -> Result<Secret> {
        self.token(key, Purpose::Sync, now).await
    }

    /// The same for this purpose.
    ///
    /// # Errors
    /// Like [`Access::access_token`].
    pub async fn token(
        &self,
        key: &ConnectionKey,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Secret> {
        self.obtain(key, purpose, None, now).await
    }

    /// Another token in place of one that Zendesk has refused although it should live.
    ///
    /// # Errors
    /// Like [`Access::access_token`].
    pub async fn renewed(
        &self,
        key: &ConnectionKey,
        purpose: Purpose,
        refused: &Secret,
        now: Timestamp,
    ) -> Result<Secret> {
        self.obtain(key, purpose, Some(refused), now).await
    }

    /// Takes note that Zendesk refuses a token that was just refreshed: somebody has to authorise the
    /// connection again. Changes nothing where that has happened meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_up(&self, key: &ConnectionKey, refused: &Secret) -> Result<()> {
        let (this, key, refused) = (self.clone(), key.clone(), refused.clone());
        let whole = async move { this.end_authorization(&key, &Dead::Access(refused)).await };
        self.writes.run(whole).await
    }

    async fn obtain(
        &self,
        key: &ConnectionKey,
        purpose: Purpose,
        refused: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Secret> {
        let begun = Instant::now();
        // Longer than another one's refresh counts as under way, and then one of our own.
        let patience = self.refresh_lifetime() * 2;
        loop {
            let now = now.plus(begun.elapsed());
            let held = self.store.tokens(key).await?;
            match self.judge(key, held.as_ref(), purpose, refused, now)? {
                Standing::Good(token) => return Ok(token),
                Standing::UnderWay => {}
                Standing::Stale => {
                    let (this, key) = (self.clone(), key.clone());
                    let refused = refused.cloned();
                    // As a whole: who hangs up must not lose the new pair.
                    let whole =
                        async move { this.refresh(&key, purpose, refused.as_ref(), now).await };
                    if let Some(token) = self.writes.run(whole).await? {
                        return Ok(token);
                    }
                }
            }
            if begun.elapsed() > patience {
                let cause = "tokens are being refreshed, and no end of it is in sight".into();
                return Err(zendesk::Error::Unavailable { cause, retry_after: None }.into());
            }
            sleep(POLL.mul_f64(0.5 + rand::random::<f64>())).await;
        }
    }

    fn judge(
        &self,
        key: &ConnectionKey,
        held: Option<&HeldTokens>,
        purpose: Purpose,
        refused: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Standing> {
        let held = held.filter(|held| purpose.fits(held.state));
        let held = held.ok_or(Error::ConnectionNotAuthorized)?;
        match held.refreshing_for {
            Some(age) if age < self.refresh_lifetime() => return Ok(Standing::UnderWay),
            // The answer was lost: whether the old pair still lives, only Zendesk knows.
            Some(_) => return Ok(Standing::Stale),
            None => {}
        }
        let SealedTokens { access, refresh, expires_at } = &held.tokens;
        let margin = if refresh.is_some() { EXPIRY_MARGIN } else { Duration::ZERO };
        let lives = expires_at.is_none_or(|expires_at| expires_at > now.plus(margin));
        let access = self.open(key, access)?;
        if !lives || refused == Some(&access) {
            return Ok(Standing::Stale);
        }
        Ok(Standing::Good(access))
    }

    /// Seals tokens for where they are stored.
    pub(super) fn seal(
        &self,
        connection: &ConnectionKey,
        tokens: &Tokens,
        asked_at: Timestamp,
    ) -> Result<SealedTokens, OpenError> {
        let Tokens { access, refresh, expires_in } = tokens;
        let seal =
            |secret: &Secret, column| self.keyring.seal(secret, SecretPlace { connection, column });
        Ok(SealedTokens {
            access: seal(access, SecretColumn::AccessToken)?,
            refresh: refresh
                .as_ref()
                .map(|refresh| seal(refresh, SecretColumn::RefreshToken))
                .transpose()?,
            expires_at: expires_in.map(|lifetime| asked_at.plus(lifetime)),
        })
    }

    fn open(&self, connection: &ConnectionKey, access: &Sealed) -> Result<Secret, OpenError> {
        self.keyring.open(access, SecretPlace { connection, column: SecretColumn::AccessToken })
    }

    /// How long a refresh counts as under way: who finds an older mark may try the old pair.
    fn refresh_lifetime(&self) -> Duration {
        self.zendesk.request_timeout() + REFRESH_MARGIN * 2
    }
}

impl Purpose {
    /// Whether the tokens of a connection in this state may be used for it.
    const fn fits(self, state: ConnectionState) -> bool {
        match state {
            ConnectionState::AwaitingMapping | ConnectionState::Active => {
                matches!(self, Self::Sync)
            }
            ConnectionState::Disconnected => matches!(self, Self::Removal),
            ConnectionState::AwaitingAuthorization | ConnectionState::NeedsReauthorization => false,
        }
    }
}
