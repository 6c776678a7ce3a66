//! One refresh of a connection's tokens, marked before it is asked for.

use tokio::time::Instant;
use tracing::warn;

use super::{Access, Purpose, Standing, new_pair::NewPair};
use crate::{
    domain::{Connection, ConnectionKey, Secret, SecretColumn, Timestamp},
    error::{Error, Result},
    store::RefreshMark,
};

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

/// Whether the tokens that Zendesk takes for dead were still those of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Noted,
    /// Others are there meanwhile.
    Replaced,
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
        if marked_at.elapsed() > self.limits.commit_margin {
            // The commit has taken so long that others would not wait for the end of the call.
            self.let_go(key, mark).await?;
            return Ok(None);
        }
        match self.zendesk.refresh(&connection.subdomain, &token).await {
            Ok(tokens) => {
                let sealed = self.seal(key, &tokens, now)?;
                let pair = NewPair { old: &token, mark, tokens: &tokens, sealed };
                self.keep(&connection, &pair).await
            }
            Err(error) if error.is_dead_grant() => {
                match self.end_authorization(key, &Dead::Pair(mark)).await? {
                    Ended::Noted => {
                        warn!(cause = %error, "Zendesk takes the tokens for dead");
                        Err(Error::ConnectionNotAuthorized)
                    }
                    Ended::Replaced => Ok(None),
                }
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
        let token = self.open(key, &refresh, SecretColumn::RefreshToken)?;
        let marked_at = Instant::now();
        let mark = tx.begin_refresh(key).await?;
        tx.commit().await?;
        Ok(Begun::Refresh(Refresh { connection, token, mark, marked_at }))
    }

    /// Says that a refresh is over and the tokens are what they were.
    async fn let_go(&self, key: &ConnectionKey, mark: RefreshMark) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.lock_account(&key.account).await?;
        tx.end_refresh(key, mark).await?;
        Ok(tx.commit().await?)
    }

    /// Takes note that tokens are dead, unless they were replaced meanwhile.
    pub(super) async fn end_authorization(
        &self,
        key: &ConnectionKey,
        dead: &Dead,
    ) -> Result<Ended> {
        let mut tx = self.store.begin().await?;
        let locked = tx.lock_account(&key.account).await?;
        let mut locked = locked.ok_or(Error::ConnectionNotFound)?;
        let still_there = match dead {
            Dead::Pair(mark) => tx.is_refreshed_by(key, *mark).await?,
            Dead::Access(access) => match tx.tokens(key).await? {
                Some(held) => {
                    self.open(key, &held.tokens.access, SecretColumn::AccessToken)? == *access
                }
                None => false,
            },
        };
        if !still_there {
            return Ok(Ended::Replaced);
        }
        if let Dead::Pair(mark) = dead {
            tx.end_refresh(key, *mark).await?;
        }
        let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
        tx.save_connection(&mut locked, &connection.unauthorized()).await?;
        tx.commit().await?;
        warn_of_end(key);
        Ok(Ended::Noted)
    }
}

fn warn_of_end(key: &ConnectionKey) {
    let ConnectionKey { account, connection } = key;
    warn!(%account, %connection, "somebody has to authorise the connection again");
}
