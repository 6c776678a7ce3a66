//! Authorisations that people have begun.

use super::{Error, Result, Tx, on::on};
use crate::domain::{
    AccountId, Authorization, ConnectionKey, Invalid, Sealed, StateHash, Timestamp,
};

#[derive(sqlx::FromRow)]
struct Row {
    connection_id: String,
    code_verifier: String,
    expires_at: i64,
    used_at: Option<i64>,
}

impl Tx<'_> {
    /// Adds an authorisation that was just begun. Comes under the account's lock.
    pub async fn insert_authorization(
        &mut self,
        account: &AccountId,
        authorization: &Authorization,
    ) -> Result<()> {
        const SQL: &str = "
            insert into authorizations (account_id, state_hash, connection_id, code_verifier,
                                        expires_at)
                 values ($1, $2, $3, $4, $5)";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.as_str())
                .bind(authorization.state_hash.as_str())
                .bind(authorization.connection.to_string())
                .bind(authorization.code_verifier.as_str())
                .bind(authorization.expires_at.as_micros())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// The authorisation with this state, if it was begun for this account.
    pub async fn authorization(
        &mut self,
        account: &AccountId,
        state: &StateHash,
    ) -> Result<Option<Authorization>> {
        const SQL: &str = "
            select connection_id, code_verifier, expires_at, used_at
              from authorizations
             where account_id = $1
               and state_hash = $2";
        let row: Option<Row> = on!(Tx(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(state.as_str())
                .fetch_optional(db)
                .await?
        });
        row.map(|row| row.authorization(state)).transpose()
    }

    /// Notes that an authorisation's state was used. Comes under the account's lock.
    pub async fn use_authorization(
        &mut self,
        account: &AccountId,
        state: &StateHash,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "
            update authorizations
               set used_at = $3
             where account_id = $1
               and state_hash = $2";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.as_str())
                .bind(state.as_str())
                .bind(now.as_micros())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Forgets an authorisation that has come to its end. Comes under the account's lock.
    pub async fn delete_authorization(
        &mut self,
        account: &AccountId,
        state: &StateHash,
    ) -> Result<()> {
        const SQL: &str = "
            delete from authorizations
             where account_id = $1
               and state_hash = $2";
        on!(Tx(self), |db| {
            sqlx::query(SQL).bind(account.as_str()).bind(state.as_str()).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Forgets every authorisation of a connection, also those under way. Comes under the account's
    /// lock.
    pub async fn delete_authorizations(&mut self, key: &ConnectionKey) -> Result<()> {
        const SQL: &str = "
            delete from authorizations
             where account_id = $1
               and connection_id = $2";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Forgets the account's authorisations that expired before this moment. Comes under the
    /// account's lock.
    pub async fn prune_authorizations(
        &mut self,
        account: &AccountId,
        before: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "
            delete from authorizations
             where account_id = $1
               and expires_at < $2";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.as_str())
                .bind(before.as_micros())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}

impl Row {
    fn authorization(self, state: &StateHash) -> Result<Authorization> {
        let corrupt = |problem: Invalid| Error::corrupt("authorizations", &problem);
        let time = |micros: i64| Timestamp::from_micros(micros).map_err(corrupt);
        Ok(Authorization {
            state_hash: state.clone(),
            connection: self.connection_id.parse().map_err(corrupt)?,
            code_verifier: Sealed::from_stored(self.code_verifier),
            expires_at: time(self.expires_at)?,
            used_at: self.used_at.map(time).transpose()?,
        })
    }
}
