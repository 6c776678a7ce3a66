//! A new pair of tokens, stored in the place of the old one before anybody uses it.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::Access;
use crate::{
    domain::{Connection, ConnectionKey, Secret, SecretColumn},
    error::{Error, Result},
    service::writes::in_time,
    store::{HeldTokens, RefreshMark, SealedTokens, Tx},
    zendesk::Tokens,
};

/// How long to wait between two tries to store a new pair, half as much to one and a half times: replicas
/// that lost the database together do not come back together.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// A pair that takes the place of another one.
pub(super) struct NewPair<'a> {
    /// The refresh token that was exchanged for it.
    pub(super) old: &'a Secret,
    pub(super) mark: RefreshMark,
    pub(super) tokens: &'a Tokens,
    pub(super) sealed: SealedTokens,
}

impl Access {
    /// Stores a new pair, before anybody uses it. Where somebody has replaced or forgotten the old one
    /// meanwhile, the new one is revoked.
    pub(super) async fn keep(
        &self,
        connection: &Connection,
        pair: &NewPair<'_>,
    ) -> Result<Option<Secret>> {
        let begun = Instant::now();
        let mut failing = false;
        let kept = loop {
            match in_time(self.try_to_keep(&connection.key, pair)).await {
                Ok(kept) => break kept,
                Err(error) if begun.elapsed() > self.limits.store_patience => return Err(error),
                Err(error) => {
                    if failing {
                        debug!(cause = %error, "new tokens still cannot be stored");
                    } else {
                        warn!(cause = %error, "new tokens could not be stored, trying again");
                    }
                    failing = true;
                    sleep(STORE_PAUSE.mul_f64(0.5 + rand::random::<f64>())).await;
                }
            }
        };
        if kept {
            return Ok(Some(pair.tokens.access.clone()));
        }
        if let Err(error) = self.zendesk.revoke(&connection.subdomain, &pair.tokens.access).await {
            warn!(cause = %error, "tokens that nobody waits for any more were not revoked");
        }
        Ok(None)
    }

    /// Puts the new pair in the place of the old one. That it is still there is what counts: somebody
    /// may have taken over the mark, because this process or a clock stood still, and may even have been
    /// told by then that the old pair is dead.
    async fn try_to_keep(&self, key: &ConnectionKey, pair: &NewPair<'_>) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let Some(mut locked) = tx.lock_account(&key.account).await? else { return Ok(false) };
        let Some(held) = tx.tokens(key).await? else { return Ok(false) };
        if self.holds(key, &held, &pair.tokens.access) {
            // A commit whose end was unknown has come through.
            return Ok(true);
        }
        if !self.holds_old(&mut tx, key, &held, pair).await? {
            return Ok(false);
        }
        tx.save_tokens(key, Some(&pair.sealed)).await?;
        let connection = tx.connection(key).await?.ok_or(Error::ConnectionNotFound)?;
        let revived = connection.clone().revived();
        if revived != connection {
            tx.save_connection(&mut locked, &revived).await?;
            tx.revive_upkeep(key, Duration::ZERO).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    fn holds(&self, key: &ConnectionKey, held: &HeldTokens, access: &Secret) -> bool {
        let there = self.open(key, &held.tokens.access, SecretColumn::AccessToken);
        there.is_ok_and(|there| there == *access)
    }

    async fn holds_old(
        &self,
        tx: &mut Tx<'_>,
        key: &ConnectionKey,
        held: &HeldTokens,
        pair: &NewPair<'_>,
    ) -> Result<bool> {
        let there = held.tokens.refresh.as_ref();
        let there = there.map(|refresh| self.open(key, refresh, SecretColumn::RefreshToken));
        match there {
            Some(Ok(refresh)) => Ok(refresh == *pair.old),
            // Sealed anew with a key that is not known here; the mark tells whether by more than that.
            Some(Err(_)) => Ok(tx.is_refreshed_by(key, pair.mark).await?),
            None => Ok(false),
        }
    }
}
