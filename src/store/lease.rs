//! Leases: which replica looks after a connection.
//!
//! A lease is told from the one before it by its epoch, which only rises. On `PostgreSQL` the
//! database's clock says when one ends, so that no two replicas' clocks have to agree.

use std::time::Duration;

use super::{
    Result, Tx,
    batch::corrupt,
    on::on,
    upkeep::{Upkeep, UpkeepRow},
};
use crate::domain::{ConnectionKey, Timestamp};

/// The right to work for a connection, until it runs out or somebody else has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub key: ConnectionKey,
    pub epoch: i64,
}

/// Whether a lease is still the holder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    Held,
    /// It ran out and somebody else has it, or the connection is gone.
    Lost,
}

/// When a connection is to be looked after next, by whoever lets go of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NextUpkeep {
    /// None: when a hint comes. Hints that wait make it earlier.
    pub due_at: Option<Timestamp>,
    /// Not before this moment, whatever comes; none: at any time.
    pub paused_until: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    account_id: String,
    connection_id: String,
    epoch: i64,
    #[sqlx(flatten)]
    upkeep: UpkeepRow,
}

impl Tx<'_> {
    /// Takes the lease of the connection that has been due for longest and is free.
    pub async fn claim_upkeep(
        &mut self,
        owner: &str,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<(Lease, Upkeep)>> {
        const SQLITE: &str = "
            update upkeep
               set lease_owner = $1, lease_until = $3 + $2, epoch = epoch + 1
             where rowid = (select rowid
                              from upkeep
                             where due_at <= $3
                               and paused_until <= $3
                               and lease_until <= $3
                             order by due_at
                             limit 1)
         returning account_id, connection_id, epoch, due_at, paused_until, failure_count, problem,
                   problem_detail, problem_at, fetched_at, export_cursor, export_due_at,
                   exported_at, webhook_due_at, requesters_due_at";
        const POSTGRES: &str = "
            update upkeep
               set lease_owner = $1,
                   lease_until = (extract(epoch from clock_timestamp()) * 1000000)::bigint + $2,
                   epoch = epoch + 1
             where (account_id, connection_id) =
                   (select account_id, connection_id
                      from upkeep
                     where due_at <= $3
                       and paused_until <= $3
                       and lease_until <= (extract(epoch from clock_timestamp()) * 1000000)::bigint
                     order by due_at
                     limit 1
                       for update skip locked)
         returning account_id, connection_id, epoch, due_at, paused_until, failure_count, problem,
                   problem_detail, problem_at, fetched_at, export_cursor, export_due_at,
                   exported_at, webhook_due_at, requesters_due_at";
        let sql = self.pick(SQLITE, POSTGRES);
        let row: Option<ClaimedRow> = on!(Tx(self), |db| {
            sqlx::query_as(sql)
                .bind(owner)
                .bind(micros(length))
                .bind(now.as_micros())
                .fetch_optional(db)
                .await?
        });
        let Some(row) = row else { return Ok(None) };
        let key = ConnectionKey {
            account: row.account_id.try_into().map_err(corrupt("upkeep"))?,
            connection: row.connection_id.parse().map_err(corrupt("upkeep"))?,
        };
        Ok(Some((Lease { key, epoch: row.epoch }, row.upkeep.try_into()?)))
    }

    /// Has a lease run for this long from now, if nobody else has taken it.
    pub async fn renew_lease(
        &mut self,
        lease: &Lease,
        length: Duration,
        now: Timestamp,
    ) -> Result<Holding> {
        const SQLITE: &str = "
            update upkeep
               set lease_until = $5 + $4
             where account_id = $1
               and connection_id = $2
               and epoch = $3
               and lease_owner is not null";
        const POSTGRES: &str = "
            update upkeep
               set lease_until = (extract(epoch from clock_timestamp()) * 1000000)::bigint + $4
             where account_id = $1
               and connection_id = $2
               and epoch = $3
               and lease_owner is not null";
        let sql = self.pick(SQLITE, POSTGRES);
        let count = on!(Tx(self), |db| {
            sqlx::query(sql)
                .bind(lease.key.account.as_str())
                .bind(lease.key.connection.to_string())
                .bind(lease.epoch)
                .bind(micros(length))
                .bind(now.as_micros())
                .execute(db)
                .await?
                .rows_affected()
        });
        Ok(if count == 0 { Holding::Lost } else { Holding::Held })
    }

    /// Lets go of a lease. The row is locked in a statement of its own: only the next one sees the
    /// hints that were stored until then, and whoever stores one later sees what this has written.
    pub async fn release_lease(&mut self, lease: &Lease, next: NextUpkeep) -> Result<Holding> {
        const SQLITE_LOCK: &str = "
            select epoch
              from upkeep
             where account_id = $1
               and connection_id = $2";
        const POSTGRES_LOCK: &str = "
            select epoch
              from upkeep
             where account_id = $1
               and connection_id = $2
               for update";
        const UPDATE: &str = "
            update upkeep
               set lease_owner = null,
                   lease_until = 0,
                   due_at = (select min(due_at)
                               from (select $3 as due_at
                                      union all
                                     select min(due_at)
                                       from inbox
                                      where account_id = $1
                                        and connection_id = $2) as due),
                   paused_until = $4
             where account_id = $1
               and connection_id = $2";
        let lock = self.pick(SQLITE_LOCK, POSTGRES_LOCK);
        let (account, connection) = (lease.key.account.as_str(), lease.key.connection.to_string());
        let epoch: Option<i64> = on!(Tx(self), |db| {
            sqlx::query_scalar(lock).bind(account).bind(&connection).fetch_optional(db).await?
        });
        if epoch != Some(lease.epoch) {
            return Ok(Holding::Lost);
        }
        on!(Tx(self), |db| {
            sqlx::query(UPDATE)
                .bind(account)
                .bind(&connection)
                .bind(next.due_at.map(Timestamp::as_micros))
                .bind(next.paused_until.map_or(0, Timestamp::as_micros))
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(Holding::Held)
    }
}

/// A duration for the database. Leases last for minutes at the most.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
