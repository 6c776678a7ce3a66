//! The middle of connecting: a state that comes back, a code for tokens, tokens stored.

use std::time::Duration;

use super::Connecting;
use crate::{
    domain::{
        AccountId, Authorization, AuthorizationState, CodeVerifier, Connection, ConnectionKey,
        Secret, SecretColumn, SecretPlace, StateHash, Timestamp,
    },
    error::{Error, Result},
    store::HeldTokens,
    zendesk::Tokens,
};

/// How the person decided at Zendesk.
#[derive(Debug)]
pub enum Decision {
    /// They agreed, and Zendesk gave this code.
    Agreed(Secret),
    /// They did not, or Zendesk did not.
    Denied,
}

impl Connecting {
    /// Completes what [`Connecting::start`] began. Whatever comes of it, the state is used up.
    ///
    /// # Errors
    /// [`Error::AuthorizationStateInvalid`] for a state that is not this account's, was used or has
    /// expired; [`Error::AuthorizationDenied`]; what Zendesk answers to the exchange.
    pub async fn authorize(
        &self,
        account: AccountId,
        state: &AuthorizationState,
        decision: Decision,
        now: Timestamp,
    ) -> Result<Connection> {
        let (this, state) = (self.clone(), state.hash());
        // As a whole: a caller who hangs up during the exchange must not lose the tokens.
        let whole = async move {
            match decision {
                Decision::Denied => this.deny(&account, &state, now).await,
                Decision::Agreed(code) => this.agree(&account, &state, &code, now).await,
            }
        };
        self.writes.run(whole).await
    }

    async fn deny(
        &self,
        account: &AccountId,
        state: &StateHash,
        now: Timestamp,
    ) -> Result<Connection> {
        self.take(account, state, now).await?;
        Err(Error::AuthorizationDenied)
    }

    async fn agree(
        &self,
        account: &AccountId,
        state: &StateHash,
        code: &Secret,
        now: Timestamp,
    ) -> Result<Connection> {
        let (authorization, connection) = self.take(account, state, now).await?;
        let place = SecretPlace { connection: &connection.key, column: SecretColumn::CodeVerifier };
        let verifier: CodeVerifier = self.keyring.open(&authorization.code_verifier, place)?.into();
        let tokens = self.zendesk.exchange(&connection.subdomain, code, &verifier).await?;
        match self.keep(account, state, &tokens, now).await {
            // Disconnected meanwhile: what was just given must not outlive that.
            Err(Error::AuthorizationStateInvalid) => {
                self.revoke(&connection, &tokens.access, tokens.refresh.as_ref()).await;
                Err(Error::AuthorizationStateInvalid)
            }
            Err(error) => Err(error),
            Ok((connection, replaced)) => {
                if let Some(replaced) = replaced {
                    self.forget(&connection, replaced).await;
                }
                self.upkeep.wake();
                Ok(connection)
            }
        }
    }

    /// Uses up a state, durably, before anything is done with it: of two calls one wins.
    async fn take(
        &self,
        account: &AccountId,
        state: &StateHash,
        now: Timestamp,
    ) -> Result<(Authorization, Connection)> {
        let mut tx = self.store.begin().await?;
        tx.lock_account(account).await?.ok_or(Error::AuthorizationStateInvalid)?;
        let authorization = tx
            .authorization(account, state)
            .await?
            .filter(|authorization| authorization.is_open(now))
            .ok_or(Error::AuthorizationStateInvalid)?;
        let key = ConnectionKey { account: account.clone(), connection: authorization.connection };
        let connection = tx.connection(&key).await?.ok_or(Error::AuthorizationStateInvalid)?;
        tx.use_authorization(account, state, now).await?;
        tx.commit().await?;
        Ok((authorization, connection))
    }

    /// Stores the tokens, unless the connection was ended since the state was taken; answers those that
    /// they replace. What had to wait for somebody's authorisation goes on.
    async fn keep(
        &self,
        account: &AccountId,
        state: &StateHash,
        tokens: &Tokens,
        now: Timestamp,
    ) -> Result<(Connection, Option<HeldTokens>)> {
        let mut tx = self.store.begin().await?;
        let mut locked = tx.lock_account(account).await?.ok_or(Error::AuthorizationStateInvalid)?;
        let authorization = tx.authorization(account, state).await?;
        let authorization = authorization.ok_or(Error::AuthorizationStateInvalid)?;
        let key = ConnectionKey { account: account.clone(), connection: authorization.connection };
        let connection = tx.connection(&key).await?;
        let connection = connection.ok_or(Error::AuthorizationStateInvalid)?.authorized(now);
        let replaced = tx.tokens(&key).await?;
        tx.save_tokens(&key, Some(&self.access.seal(&key, tokens, now)?)).await?;
        tx.save_connection(&mut locked, &connection).await?;
        tx.delete_authorization(account, state).await?;
        tx.revive_upkeep(&key, Duration::ZERO).await?;
        tx.commit().await?;
        Ok((connection, replaced))
    }
}
