//! Hints that wait for their tickets to be fetched.

use super::{
    Error, Result, Store, Tx,
    batch::corrupt,
    on::on,
    stage::{Int, Staged, Text},
    ticket::json,
};
use crate::domain::{ConnectionKey, Delay, EventId, Hint, Postponed, Timestamp, WaitingHint};

/// The most hints that are read at once: several for each of a call's hundred tickets. At 64 KiB of
/// description they are some tens of mebibytes.
const MAX_DUE_HINTS: i64 = 500;

/// The hints of a connection of which this says which, and in what order.
macro_rules! hints {
    ($which:literal) => {
        concat!(
            "
            select event_id, ticket_id, kind, occurred_at, updated_at, detail, received_at, due_at,
                   attempt_count, delay
              from inbox
             where account_id = $1
               and connection_id = $2
               and ",
            $which
        )
    };
}

/// How much waits for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    pub hint_count: i64,
    /// Since when the oldest waits.
    pub oldest_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct HintRow {
    event_id: String,
    ticket_id: i64,
    kind: String,
    occurred_at: Option<i64>,
    updated_at: Option<i64>,
    detail: Option<String>,
    received_at: i64,
    due_at: i64,
    attempt_count: i64,
    delay: Option<String>,
}

impl TryFrom<HintRow> for WaitingHint {
    type Error = Error;

    fn try_from(row: HintRow) -> Result<Self> {
        const TABLE: &str = "inbox";
        let time = |micros| Timestamp::from_micros(micros).map_err(corrupt(TABLE));
        Ok(Self {
            hint: Hint {
                id: row.event_id.try_into().map_err(corrupt(TABLE))?,
                ticket_id: row.ticket_id.try_into().map_err(corrupt(TABLE))?,
                kind: row.kind.parse().map_err(corrupt(TABLE))?,
                occurred_at: row.occurred_at.map(time).transpose()?,
                updated_at: row.updated_at.map(time).transpose()?,
                detail: row.detail.map(|detail| json(TABLE, &detail)).transpose()?,
            },
            received_at: time(row.received_at)?,
            due_at: time(row.due_at)?,
            attempt_count: row.attempt_count,
            delay: row.delay.map(|word| word.parse()).transpose().map_err(corrupt(TABLE))?,
        })
    }
}

impl Store {
    /// The hints of a connection that are due, longest due first: of so many tickets at the most.
    pub async fn due_hints(
        &self,
        key: &ConnectionKey,
        now: Timestamp,
        max_tickets: usize,
    ) -> Result<Vec<WaitingHint>> {
        const SQL: &str = hints!(
            "due_at <= $3
             order by due_at
             limit $4"
        );
        let rows: Vec<HintRow> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(now.as_micros())
                .bind(MAX_DUE_HINTS)
                .fetch_all(db)
                .await?
        });
        let mut tickets = Vec::with_capacity(max_tickets);
        let mut hints = Vec::with_capacity(rows.len());
        for row in rows {
            if !tickets.contains(&row.ticket_id) {
                if tickets.len() == max_tickets {
                    continue;
                }
                tickets.push(row.ticket_id);
            }
            hints.push(row.try_into()?);
        }
        Ok(hints)
    }

    /// A hint that waits, by its id.
    pub async fn hint(&self, key: &ConnectionKey, id: &EventId) -> Result<Option<WaitingHint>> {
        const SQL: &str = hints!("event_id = $3");
        let row: Option<HintRow> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(id.as_str())
                .fetch_optional(db)
                .await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// The hint that has waited longest of those whose tickets were fetched and could not be taken in;
    /// none where all that waits is to be fetched, or fetched again.
    pub async fn stuck_hint(&self, key: &ConnectionKey) -> Result<Option<WaitingHint>> {
        const SQL: &str = hints!(
            "delay <> $3
             order by received_at, event_id
             limit 1"
        );
        let row: Option<HintRow> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(Delay::NotShown.as_str())
                .fetch_optional(db)
                .await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// When the next hint of a connection is due; none where none waits.
    pub async fn next_hint_at(&self, key: &ConnectionKey) -> Result<Option<Timestamp>> {
        const SQL: &str = "
            select min(due_at)
              from inbox
             where account_id = $1
               and connection_id = $2";
        let due_at: Option<i64> = on!(Read(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .fetch_one(db)
                .await?
        });
        due_at.map(Timestamp::from_micros).transpose().map_err(corrupt("inbox"))
    }

    /// How much waits for a connection, and since when.
    pub async fn waiting(&self, key: &ConnectionKey) -> Result<Waiting> {
        const SQL: &str = "
            select count(*), min(received_at)
              from inbox
             where account_id = $1
               and connection_id = $2";
        let (hint_count, oldest_at): (i64, Option<i64>) = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .fetch_one(db)
                .await?
        });
        let oldest_at = oldest_at.map(Timestamp::from_micros).transpose();
        Ok(Waiting { hint_count, oldest_at: oldest_at.map_err(corrupt("inbox"))? })
    }
}

impl Tx<'_> {
    /// Puts hints back that were tried in vain, each until its next try. One that is gone meanwhile
    /// stays so. Comes under the account's lock.
    pub async fn put_back(&mut self, key: &ConnectionKey, hints: &[Postponed]) -> Result<()> {
        static UPDATE: Staged = Staged::new(
            &[
                ("account_id", Text),
                ("connection_id", Text),
                ("event_id", Text),
                ("due_at", Int),
                ("delay", Text),
            ],
            "update inbox
                set due_at = stage.due_at,
                    delay = stage.delay,
                    attempt_count = attempt_count + 1
               from stage
              where inbox.account_id = stage.account_id
                and inbox.connection_id = stage.connection_id
                and inbox.event_id = stage.event_id",
        );
        let mut update = UPDATE.stage();
        for Postponed { id, until, delay } in hints {
            let connection = key.connection.to_string();
            update.push([
                key.account.as_str().into(),
                connection.into(),
                id.as_str().into(),
                until.as_micros().into(),
                delay.as_str().into(),
            ]);
        }
        update.execute(self).await?;
        Ok(())
    }

    /// Deletes hints of the connection, and answers how many there were: at most so many at once.
    /// Comes under the account's lock.
    pub async fn delete_hints(&mut self, key: &ConnectionKey, limit: i64) -> Result<i64> {
        const SQL: &str = "
            delete from inbox
             where account_id = $1
               and connection_id = $2
               and event_id in (select event_id
                                  from inbox
                                 where account_id = $1
                                   and connection_id = $2
                                 order by event_id
                                 limit $3)";
        let deleted = on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(limit)
                .execute(db)
                .await?
                .rows_affected()
        });
        // Never more than the limit, which is an i64.
        Ok(deleted.cast_signed())
    }
}
