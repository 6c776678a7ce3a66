//! Access tokens that are good: refreshed in time, by one at a time across all replicas.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{Keyring, Writes, keyring::OpenError};
use crate::{
    domain::{
        Connection, ConnectionKey, ConnectionState, Sealed, Secret, SecretColumn, SecretPlace,
        Timestamp,
    },
    error::{Error, Result},
    store::{HeldTokens, RefreshMark, SealedTokens, Store},
    zendesk::{self, Tokens},
};

/// How much longer than this a token has to live to be used: longer than a call takes.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);
/// How long after its call's limit a refresh still counts as under way: for the commits before and
/// after the call.
const REFRESH_MARGIN: Duration = Duration::from_secs(5);
/// How often it is looked whether another one's refresh is over, half as much to one and a half times.
const POLL: Duration = Duration::from_millis(100);
/// How long it is tried to store a new pair, where the database is away just then. The old pair is dead:
/// the new one would be lost.
const STORE_PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait between two tries of that.
const STORE_PAUSE: Duration = Duration::from_millis(500);

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

/// Tokens that are about to be refreshed, durably.
struct Refresh {
    connection: Connection,
    token: Secret,
    mark: RefreshMark,
    /// No later than when it was marked.
    marked_at: Instant,
}

/// Tokens that Zendesk takes for dead.
enum Dead {
    /// Those that this refresh was to replace.
    Pair(RefreshMark),
    Access(Secret),
}

/// What came of the try to begin a refresh.
enum Begun {
    Refresh(Refresh),
    /// Somebody was faster, and is done.
    Done(Secret),
    /// Somebody was faster.
    UnderWay,
    /// There was nothing to refresh with: somebody has to authorise the connection again.
    Impossible,
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

    /// Refreshes tokens if nobody else is about to; none if somebody is.
    async fn refresh(
        &self,
        key: &ConnectionKey,
        purpose: Purpose,
        refused: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Option<Secret>> {
        let Refresh { connection, token, mark, marked_at } =
            match self.begin(key, purpose, refused, now).await? {
                Begun::Refresh(refresh) => refresh,
                Begun::Done(token) => return Ok(Some(token)),
                Begun::UnderWay => return Ok(None),
                Begun::Impossible => return Err(Error::ConnectionNotAuthorized),
            };
        if marked_at.elapsed() > REFRESH_MARGIN {
            // The commit has taken so long that others would not wait for the end of the call.
            return Ok(None);
        }
        match self.zendesk.refresh(&connection.subdomain, &token).await {
            Ok(tokens) => self.keep(&connection, mark, &tokens, now).await,
            Err(error) if error.is_dead_grant() => {
                warn!(cause = %error, "Zendesk takes the tokens for dead");
                self.end_authorization(key, &Dead::Pair(mark)).await?;
                Err(Error::ConnectionNotAuthorized)
            }
            Err(error) => {
                // Where it may be that the pair was changed, others wait for as long as Zendesk may
                // still be at it.
                if !error.may_be_done() {
                    self.let_go(key, mark).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Notes that this process refreshes the tokens: committed before anything is asked.
    async fn begin(
        &self,
        key: &ConnectionKey,
        purpose: Purpose,
        refused: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Begun> {
        let mut tx = self.store.begin().await?;
        let locked = tx.lock_account(&key.account).await?;
        let mut locked = locked.ok_or(Error::ConnectionNotFound)?;
        let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
        let held = tx.tokens(key).await?;
        match self.judge(key, held.as_ref(), purpose, refused, now)? {
            Standing::Good(token) => return Ok(Begun::Done(token)),
            Standing::UnderWay => return Ok(Begun::UnderWay),
            Standing::Stale => {}
        }
        let Some(refresh) = held.and_then(|held| held.tokens.refresh) else {
            tx.save_connection(&mut locked, &connection.unauthorized()).await?;
            tx.commit().await?;
            warn_of_end(key);
            return Ok(Begun::Impossible);
        };
        let place = SecretPlace { connection: key, column: SecretColumn::RefreshToken };
        let token = self.keyring.open(&refresh, place)?;
        let marked_at = Instant::now();
        let mark = tx.begin_refresh(key).await?;
        tx.commit().await?;
        Ok(Begun::Refresh(Refresh { connection, token, mark, marked_at }))
    }

    /// Stores a new pair, before anybody uses it. Where somebody has replaced or forgotten the old one
    /// meanwhile, the new one is revoked.
    async fn keep(
        &self,
        connection: &Connection,
        mark: RefreshMark,
        tokens: &Tokens,
        asked_at: Timestamp,
    ) -> Result<Option<Secret>> {
        let begun = Instant::now();
        let sealed = self.seal(&connection.key, tokens, asked_at)?;
        let kept = loop {
            match self.try_to_keep(&connection.key, mark, &sealed).await {
                Ok(kept) => break kept,
                Err(error) if begun.elapsed() > STORE_PATIENCE => return Err(error),
                Err(error) => {
                    warn!(cause = %error, "new tokens could not be stored, trying again");
                    sleep(STORE_PAUSE).await;
                }
            }
        };
        if kept {
            return Ok(Some(tokens.access.clone()));
        }
        if let Err(error) = self.zendesk.revoke(&connection.subdomain, &tokens.access).await {
            warn!(cause = %error, "tokens that nobody waits for any more were not revoked");
        }
        Ok(None)
    }

    async fn try_to_keep(
        &self,
        key: &ConnectionKey,
        mark: RefreshMark,
        sealed: &SealedTokens,
    ) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        tx.lock_account(&key.account).await?;
        // A commit whose end is unknown may have come through: then the mark is gone and the pair there.
        let there = tx.tokens(key).await?.is_some_and(|held| held.tokens == *sealed);
        if !there && !tx.is_refreshed_by(key, mark).await? {
            return Ok(false);
        }
        tx.save_tokens(key, Some(sealed)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Says that a refresh is over and the tokens are what they were.
    async fn let_go(&self, key: &ConnectionKey, mark: RefreshMark) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.lock_account(&key.account).await?;
        tx.end_refresh(key, mark).await?;
        Ok(tx.commit().await?)
    }

    /// Takes note that tokens are dead, unless they were replaced meanwhile.
    async fn end_authorization(&self, key: &ConnectionKey, dead: &Dead) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let locked = tx.lock_account(&key.account).await?;
        let mut locked = locked.ok_or(Error::ConnectionNotFound)?;
        let still_there = match dead {
            Dead::Pair(mark) => tx.is_refreshed_by(key, *mark).await?,
            Dead::Access(access) => match tx.tokens(key).await? {
                Some(held) => self.open(key, &held.tokens.access)? == *access,
                None => false,
            },
        };
        if !still_there {
            return Ok(());
        }
        if let Dead::Pair(mark) = dead {
            tx.end_refresh(key, *mark).await?;
        }
        let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
        tx.save_connection(&mut locked, &connection.unauthorized()).await?;
        tx.commit().await?;
        warn_of_end(key);
        Ok(())
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

fn warn_of_end(key: &ConnectionKey) {
    let ConnectionKey { account, connection } = key;
    warn!(%account, %connection, "somebody has to authorise the connection again");
}
