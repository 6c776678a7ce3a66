//! The tokens that connections hold, and who is about to replace them.

use std::time::Duration;

use super::{
    Error, Result, Store, Tx,
    clock::{Clocked, clocked},
    on::on,
};
use crate::domain::{ConnectionKey, ConnectionState, Invalid, Sealed, Timestamp};

/// The tokens of a connection, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTokens {
    pub access: Sealed,
    pub refresh: Option<Sealed>,
    /// When the access token expires; none for one that does not.
    pub expires_at: Option<Timestamp>,
}

/// The tokens of a connection, and who is about to replace them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTokens {
    pub state: ConnectionState,
    pub tokens: SealedTokens,
    /// How far from now somebody began to refresh them, and has not said since that it is over.
    pub refreshing_for: Option<Duration>,
}

/// Tells one refresh of a connection's tokens from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshMark(i64);

#[derive(sqlx::FromRow)]
struct Row {
    access_token: Option<String>,
    refresh_token: Option<String>,
    token_expires_at: Option<i64>,
    state: String,
    refreshing_micros: Option<i64>,
}

// The age of a refresh is told by the database's clock: those of replicas may differ.
const HELD: Clocked = clocked!(
    "
                select access_token, refresh_token, token_expires_at, state,
                       now - refresh_started_at as refreshing_micros
                  from connections, clock
                 where account_id = $1
                   and connection_id = $2"
);

impl Store {
    /// The tokens of a connection, if it holds any.
    pub async fn tokens(&self, key: &ConnectionKey) -> Result<Option<HeldTokens>> {
        let sql = self.pick(HELD.sqlite, HELD.postgres);
        let row: Option<Row> = self.row_of(key, sql).await?;
        row.map_or(Ok(None), Row::held)
    }
}

impl Tx<'_> {
    /// The tokens of a connection, if it holds any.
    pub async fn tokens(&mut self, key: &ConnectionKey) -> Result<Option<HeldTokens>> {
        let sql = self.pick(HELD.sqlite, HELD.postgres);
        let row: Option<Row> = self.row_of(key, sql).await?;
        row.map_or(Ok(None), Row::held)
    }

    /// Replaces the tokens of a connection, or forgets them. Whoever was refreshing those that were
    /// there no longer is. Comes under the account's lock.
    pub async fn save_tokens(
        &mut self,
        key: &ConnectionKey,
        tokens: Option<&SealedTokens>,
    ) -> Result<()> {
        const SQL: &str = "
            update connections
               set access_token = $3, refresh_token = $4, token_expires_at = $5,
                   refresh_started_at = null
             where account_id = $1
               and connection_id = $2";
        let refresh = tokens.and_then(|tokens| tokens.refresh.as_ref());
        let expires_at = tokens.and_then(|tokens| tokens.expires_at);
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(tokens.map(|tokens| tokens.access.as_str()))
                .bind(refresh.map(Sealed::as_str))
                .bind(expires_at.map(Timestamp::as_micros))
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Notes that this process refreshes a connection's tokens from now on, whoever did before. Comes
    /// under the account's lock, and is committed before anything is asked.
    pub async fn begin_refresh(&mut self, key: &ConnectionKey) -> Result<RefreshMark> {
        const SQL: Clocked = clocked!(
            "
                update connections
                   set refresh_started_at = now
                  from clock
                 where account_id = $1
                   and connection_id = $2
             returning refresh_started_at"
        );
        let sql = self.pick(SQL.sqlite, SQL.postgres);
        Ok(on!(Tx(self), |db| {
            sqlx::query_scalar(sql)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .fetch_one(db)
                .await
                .map(RefreshMark)?
        }))
    }

    /// Whether a refresh is still the one that this connection waits for. Comes under the account's
    /// lock.
    pub async fn is_refreshed_by(
        &mut self,
        key: &ConnectionKey,
        mark: RefreshMark,
    ) -> Result<bool> {
        const SQL: &str = "
            select count(*)
              from connections
             where account_id = $1
               and connection_id = $2
               and refresh_started_at = $3";
        let count: i64 = on!(Tx(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(mark.0)
                .fetch_one(db)
                .await?
        });
        Ok(count > 0)
    }

    /// Notes that a refresh is over and the tokens are what they were. Comes under the account's lock.
    pub async fn end_refresh(&mut self, key: &ConnectionKey, mark: RefreshMark) -> Result<()> {
        const SQL: &str = "
            update connections
               set refresh_started_at = null
             where account_id = $1
               and connection_id = $2
               and refresh_started_at = $3";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(mark.0)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}

impl Row {
    fn held(self) -> Result<Option<HeldTokens>> {
        let corrupt = |problem: Invalid| Error::corrupt("connections", &problem);
        let Some(access) = self.access_token else { return Ok(None) };
        let expires_at = self.token_expires_at.map(Timestamp::from_micros).transpose();
        let tokens = SealedTokens {
            access: Sealed::from_stored(access),
            refresh: self.refresh_token.map(Sealed::from_stored),
            expires_at: expires_at.map_err(corrupt)?,
        };
        // One that lies ahead was begun before the database's clock was set back: it is over likewise.
        let micros = self.refreshing_micros.map(i64::unsigned_abs);
        Ok(Some(HeldTokens {
            state: self.state.parse().map_err(corrupt)?,
            tokens,
            refreshing_for: micros.map(Duration::from_micros),
        }))
    }
}
