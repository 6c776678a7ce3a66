//! Accounts: the row that every writer of an account's data locks first.

use uuid::Uuid;

use super::{Error, Result, Tx, on::on};
use crate::domain::{AccountId, Invalid, LogId, Position, Timestamp};

/// An account whose row this transaction holds until its end. What the fields say stays true until
/// then; [`Tx::save_account`] writes them back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedAccount {
    pub account: AccountId,
    pub log_id: LogId,
    /// The newest position of the log.
    pub head: Position,
    /// The newest position that the log no longer holds.
    pub floor: Position,
    /// When the newest event of the log was committed.
    pub last_commit_at: Timestamp,
    pub parked_count: i64,
    /// Grows with every change to the account's configuration.
    pub config_version: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    log_id: String,
    head: i64,
    floor: i64,
    last_commit_at: i64,
    parked_count: i64,
    config_version: i64,
}

impl Tx<'_> {
    /// Locks an account for the rest of the transaction; none if the service has not taken it up.
    /// Comes before every other statement about the account: with `PostgreSQL` only what is read
    /// after it is sure to be what the account's last writer committed.
    ///
    /// # Errors
    /// When the database fails, or another transaction holds the account for too long.
    pub async fn lock_account(&mut self, account: &AccountId) -> Result<Option<LockedAccount>> {
        const SQLITE: &str = "
            select log_id, head, floor, last_commit_at, parked_count, config_version
              from accounts
             where account_id = $1";
        const POSTGRES: &str = "
            select log_id, head, floor, last_commit_at, parked_count, config_version
              from accounts
             where account_id = $1
               for no key update";
        let sql = self.pick(SQLITE, POSTGRES);
        let row: Option<Row> = on!(Tx(self), |db| {
            sqlx::query_as(sql).bind(account.as_str()).fetch_optional(db).await?
        });
        row.map(|row| row.locked(account)).transpose()
    }

    /// Locks an account, which is taken up first if it is new to the service.
    ///
    /// # Errors
    /// Like [`Tx::lock_account`].
    pub async fn take_up_account(
        &mut self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<LockedAccount> {
        // The row is the lock itself: whoever else inserts it means the same row.
        const SQL: &str = "
            insert into accounts (account_id, log_id, head, floor, last_commit_at, parked_count,
                                  config_version, created_at)
                 values ($1, $2, 0, 0, 0, 0, 0, $3)
            on conflict (account_id) do nothing";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.as_str())
                .bind(Uuid::new_v4().to_string())
                .bind(now.as_micros())
                .execute(db)
                .await
                .map(drop)
        })?;
        self.lock_account(account)
            .await?
            .ok_or_else(|| Error::corrupt("accounts", &"the row just inserted is not there"))
    }

    /// Writes a locked account back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_account(&mut self, locked: &LockedAccount) -> Result<()> {
        const SQL: &str = "
            update accounts
               set head = $2, floor = $3, last_commit_at = $4, parked_count = $5,
                   config_version = $6
             where account_id = $1";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(locked.account.as_str())
                .bind(locked.head.get())
                .bind(locked.floor.get())
                .bind(locked.last_commit_at.as_micros())
                .bind(locked.parked_count)
                .bind(locked.config_version)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}

impl LockedAccount {
    /// When to say that this transaction commits: the clock after the lock was had, never below
    /// what the log said last.
    #[must_use]
    pub fn commit_time(&self, now: Timestamp) -> Timestamp {
        now.max(self.last_commit_at)
    }
}

impl Row {
    fn locked(self, account: &AccountId) -> Result<LockedAccount> {
        let corrupt = |problem: Invalid| Error::corrupt("accounts", &problem);
        Ok(LockedAccount {
            account: account.clone(),
            log_id: log_id(&self.log_id)?,
            head: self.head.try_into().map_err(corrupt)?,
            floor: self.floor.try_into().map_err(corrupt)?,
            last_commit_at: Timestamp::from_micros(self.last_commit_at).map_err(corrupt)?,
            parked_count: self.parked_count,
            config_version: self.config_version,
        })
    }
}

/// Reads a log's id from its column.
pub(super) fn log_id(text: &str) -> Result<LogId> {
    Uuid::try_parse(text).map(LogId).map_err(|problem| Error::corrupt("accounts", &problem))
}
