//! One refresh of a connection's tokens: marked before it is asked for, stored before it is used.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{Access, Purpose, REFRESH_MARGIN, Standing};
use crate::{
    domain::{Connection, ConnectionKey, Secret, SecretColumn, SecretPlace, Timestamp},
    error::{Error, Result},
    store::{RefreshMark, SealedTokens},
    zendesk::Tokens,
};

/// How long it is tried to store a new pair, where the database is away just then. The old pair is dead:
/// the new one would be lost.
const STORE_PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait between two tries of that.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Tokens that are about to be refreshed, durably.
struct Refresh {
    connection: Connection,
    token: Secret,
    mark: RefreshMark,
    /// No later than when it was marked.
    marked_at: Instant,
}

/// Tokens that Zendesk takes for dead.
pub(super) enum Dead {
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
    /// Refreshes tokens if nobody else is about to; none if somebody is.
    pub(super) async fn refresh(
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
    pub(super) async fn end_authorization(&self, key: &ConnectionKey, dead: &Dead) -> Result<()> {
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
}

fn warn_of_end(key: &ConnectionKey) {
    let ConnectionKey { account, connection } = key;
    warn!(%account, %connection, "somebody has to authorise the connection again");
}
