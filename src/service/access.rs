//! Access tokens that are good: refreshed in time, by one at a time across all replicas.

mod new_pair;
mod refresh;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

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
/// How often it is looked whether another one's refresh is over, half as much to one and a half times.
const POLL: Duration = Duration::from_millis(100);

/// The times of a refresh, besides its call.
#[derive(Debug, Clone, Copy)]
pub struct RefreshLimits {
    /// How long the commit before the call may take, and one after it.
    pub commit_margin: Duration,
    /// How long it is tried to store a new pair, where the database is away just then: longer than a
    /// failover takes. The old pair is dead, the new one would be lost.
    pub store_patience: Duration,
}

impl Default for RefreshLimits {
    fn default() -> Self {
        Self { commit_margin: Duration::from_secs(5), store_patience: Duration::from_mins(1) }
    }
}

/// Gives access tokens. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    pub(super) store: Store,
    pub(super) writes: Writes,
    pub(super) keyring: Keyring,
    pub(super) zendesk: zendesk::Client,
    pub(super) limits: RefreshLimits,
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
    pub fn new(store: Store, writes: Writes, keyring: Keyring, zendesk: zendesk::Client) -> Self {
        Self { store, writes, keyring, zendesk, limits: RefreshLimits::default() }
    }

    /// The same with these times, which have to be the same on every replica.
    #[must_use]
    pub fn with_limits(self, limits: RefreshLimits) -> Self {
        Self { limits, ..self }
    }

    /// A token that is good for a call now, to read and to look after the webhook. It is refreshed
    /// first where it expires within a minute; where another caller or replica is doing that, this one
    /// waits for it, for as long as that takes while the database is there.
    ///
    /// # Errors
    /// [`Error::ConnectionNotAuthorized`] where Zendesk no longer accepts what it gave, or the
    /// connection was ended; [`Error::Zendesk`] where it is away, or a refresh does not come to its
    /// end.
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
        self.writes.run(whole).await.map(drop)
    }

    async fn obtain(
        &self,
        key: &ConnectionKey,
        purpose: Purpose,
        refused: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Secret> {
        let (begun, patience) = (Instant::now(), self.patience());
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
                    let left = patience.saturating_sub(begun.elapsed());
                    // Where the patience is over it goes on without us.
                    let ended =
                        timeout(left, self.writes.run(Box::pin(whole))).await.unwrap_or(Ok(None));
                    if let Some(token) = ended? {
                        return Ok(token);
                    }
                }
            }
            if begun.elapsed() >= patience {
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
            // The answer was lost, or who has it: whether the old pair still lives, only Zendesk knows.
            Some(_) => return Ok(Standing::Stale),
            None => {}
        }
        let SealedTokens { access, refresh, expires_at } = &held.tokens;
        let margin = if refresh.is_some() { EXPIRY_MARGIN } else { Duration::ZERO };
        let lives = expires_at.is_none_or(|expires_at| expires_at > now.plus(margin));
        let access = self.open(key, access, SecretColumn::AccessToken)?;
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

    fn open(
        &self,
        connection: &ConnectionKey,
        sealed: &Sealed,
        column: SecretColumn,
    ) -> Result<Secret, OpenError> {
        self.keyring.open(sealed, SecretPlace { connection, column })
    }

    /// How long a refresh takes at most while the database is there. So long somebody waits for it: who
    /// asks has callers of their own.
    fn patience(&self) -> Duration {
        self.zendesk.request_timeout() + self.limits.commit_margin * 2
    }

    /// How long a refresh counts as under way: its call, and for as long as it is tried to store what
    /// came of it. Who finds an older mark may try the old pair. That clocks and processes can stand
    /// still for longer is why [`Access::keep`] does not rely on it.
    fn refresh_lifetime(&self) -> Duration {
        self.patience() + self.limits.store_patience
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
