//! Deleting what is past its time, in chunks.

use super::{Error, Result, Store, Tx, on::on};
use crate::domain::{AccountId, Invalid, Position, Timestamp};

/// How many trigger events are deleted at once: with the largest tickets some 30 MiB of pages.
const CHUNK_TRIGGERS: i64 = 250;
/// How many event ids are looked at at once: a few milliseconds.
const CHUNK_EVENTS: i64 = 2_000;

/// The key of an event id's row within its account. The default comes before all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventPlace {
    connection_id: String,
    event_id: String,
}

/// A run of event ids that follow one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRun {
    pub after: EventPlace,
    pub last: EventPlace,
    /// How many of them are past their time.
    pub expired_count: i64,
}

#[derive(sqlx::FromRow)]
struct RunRow {
    connection_id: String,
    event_id: String,
    expired_count: i64,
}

impl Store {
    /// The accounts after this one, by their ids.
    pub async fn accounts(&self, after: Option<&AccountId>, limit: i64) -> Result<Vec<AccountId>> {
        const SQL: &str = "
            select account_id
              from accounts
             where account_id > $1
             order by account_id
             limit $2";
        let ids: Vec<String> = on!(Read(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(after.map_or("", AccountId::as_str))
                .bind(limit)
                .fetch_all(db)
                .await?
        });
        ids.into_iter()
            .map(|id| {
                id.try_into().map_err(|problem: Invalid| Error::corrupt("accounts", &problem))
            })
            .collect()
    }

    /// The event ids that follow a place, and how many of them were received before a time. One
    /// whose event is parked counts as none: its outcome is still to come.
    pub async fn event_run(
        &self,
        account: &AccountId,
        after: EventPlace,
        received_before: Timestamp,
    ) -> Result<Option<EventRun>> {
        const SQL: &str = "
              with run as
                   (select connection_id, event_id, outcome, received_at
                      from events
                     where account_id = $1
                       and (connection_id, event_id) > ($2, $3)
                     order by connection_id, event_id
                     limit $5)
            select connection_id, event_id,
                   (select count(*)
                      from run
                     where received_at < $4
                       and outcome <> 'parked') as expired_count
              from run
             order by connection_id desc, event_id desc
             limit 1";
        let row: Option<RunRow> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(after.connection_id.as_str())
                .bind(after.event_id.as_str())
                .bind(received_before.as_micros())
                .bind(CHUNK_EVENTS)
                .fetch_optional(db)
                .await?
        });
        Ok(row.map(|RunRow { connection_id, event_id, expired_count }| EventRun {
            after,
            last: EventPlace { connection_id, event_id },
            expired_count,
        }))
    }
}

impl Tx<'_> {
    /// Deletes the expired ids of a run. Comes under the account's lock.
    pub async fn prune_events(
        &mut self,
        account: &AccountId,
        run: &EventRun,
        received_before: Timestamp,
    ) -> Result<u64> {
        const SQL: &str = "
            delete from events
             where account_id = $1
               and (connection_id, event_id) > ($2, $3)
               and (connection_id, event_id) <= ($4, $5)
               and received_at < $6
               and outcome <> 'parked'";
        Ok(on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.as_str())
                .bind(run.after.connection_id.as_str())
                .bind(run.after.event_id.as_str())
                .bind(run.last.connection_id.as_str())
                .bind(run.last.event_id.as_str())
                .bind(received_before.as_micros())
                .execute(db)
                .await?
                .rows_affected()
        }))
    }

    /// Deletes a chunk of the trigger events up to the log's floor, which was committed before:
    /// otherwise a reader would meet a hole. Answers how many; none when all are gone. Comes under
    /// the account's lock.
    pub async fn prune_triggers(&mut self, account: &AccountId, floor: Position) -> Result<u64> {
        const SQL: &str = "
            delete from triggers
             where account_id = $1
               and position in
                   (select position
                      from triggers
                     where account_id = $1
                       and position <= $2
                     order by position
                     limit $3)";
        Ok(on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.as_str())
                .bind(floor.get())
                .bind(CHUNK_TRIGGERS)
                .execute(db)
                .await?
                .rows_affected()
        }))
    }
}
