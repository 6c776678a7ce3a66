//! Who looks after which connection at Zendesk: one process at a time, for a while.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Result, Store, Tx,
    clock::{Clocked, clocked, micros},
    on::on,
    upkeep::Upkeep,
};
use crate::domain::{ConnectionKey, Timestamp};

/// A process that looks after connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOwner(pub(super) String);

impl LeaseOwner {
    /// One that nobody else is.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }
}

/// The right to look after a connection. Whoever takes it over has a higher epoch, so that one who
/// comes back too late changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub key: ConnectionKey,
    /// When it was taken, by the database's clock: what was due by that clock then is due.
    pub claimed_at: Timestamp,
    pub(super) owner: LeaseOwner,
    pub(super) epoch: i64,
}

/// Whether a lease is still the holder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseHolding {
    Held,
    /// Somebody else has it, or the connection is gone.
    Lost,
}

// While a lease is held, `due_at` and `paused_until` are its end: whatever becomes due meanwhile shows
// as an earlier `due_at`, and a connection that was put right as a `paused_until` of 0.
impl Store {
    /// Holds a lease for so long from now on, if nobody else has taken it.
    pub async fn renew_lease(&self, lease: &Lease, duration: Duration) -> Result<LeaseHolding> {
        const SQL: Clocked = clocked!(
            "
                update upkeep
                   set lease_until = now + $5,
                       due_at = case when due_at = lease_until then now + $5 else due_at end,
                       paused_until = case when paused_until = 0 then 0 else now + $5 end
                  from clock
                 where account_id = $1
                   and connection_id = $2
                   and lease_owner = $3
                   and epoch = $4"
        );
        let sql = self.pick(SQL.sqlite, SQL.postgres);
        let renewed = on!(Write(self), |db| {
            sqlx::query(sql)
                .bind(lease.key.account.as_str())
                .bind(lease.key.connection.to_string())
                .bind(lease.owner.0.as_str())
                .bind(lease.epoch)
                .bind(micros(duration))
                .execute(db)
                .await?
                .rows_affected()
        });
        Ok(if renewed == 0 { LeaseHolding::Lost } else { LeaseHolding::Held })
    }

    /// Lets a lease go, and leaves word of how far the upkeep is and when it goes on. What became due
    /// meanwhile stays due; where somebody put right what was wrong, what went wrong before that is
    /// forgotten, and it goes on when they said. Does nothing where somebody else has the lease.
    pub async fn release_upkeep(&self, lease: &Lease, left: &Upkeep) -> Result<()> {
        const SQL: &str = "
            update upkeep
               set lease_owner = null, lease_until = 0,
                   due_at = case when paused_until = 0 then due_at
                                 when due_at >= lease_until or due_at >= $5 then $5
                                 else due_at end,
                   paused_until = case when paused_until = 0 then 0 else $6 end,
                   failure_count = case when paused_until = 0 then 0 else $7 end,
                   problem = case when paused_until = 0 then null else $8 end,
                   problem_detail = case when paused_until = 0 then null else $9 end,
                   problem_at = case when paused_until = 0 then null else $10 end,
                   webhook_due_at = case when paused_until = 0 then webhook_due_at else $11 end,
                   fetched_at = $12, export_cursor = $13, export_due_at = $14, exported_at = $15,
                   requesters_due_at = $16, requesters_after = $17, requesters_after_ticket = $18
             where account_id = $1
               and connection_id = $2
               and lease_owner = $3
               and epoch = $4";
        let trouble = left.trouble.as_ref();
        on!(Write(self), |db| {
            sqlx::query(SQL)
                .bind(lease.key.account.as_str())
                .bind(lease.key.connection.to_string())
                .bind(lease.owner.0.as_str())
                .bind(lease.epoch)
                .bind(left.due_at.map(Timestamp::as_micros))
                .bind(left.paused_until.as_micros())
                .bind(left.failure_count)
                .bind(trouble.map(|trouble| trouble.problem.as_str()))
                .bind(trouble.map(|trouble| trouble.detail.as_str()))
                .bind(trouble.map(|trouble| trouble.since.as_micros()))
                .bind(left.webhook_due_at.map(Timestamp::as_micros))
                .bind(left.fetched_at.map(Timestamp::as_micros))
                .bind(left.export_cursor.as_deref())
                .bind(left.export_due_at.map(Timestamp::as_micros))
                .bind(left.exported_at.map(Timestamp::as_micros))
                .bind(left.requesters_due_at.map(Timestamp::as_micros))
                .bind(left.requesters_after.map(|(requester, _)| requester.get()))
                .bind(left.requesters_after.map(|(_, ticket)| ticket.get()))
                .execute(db)
                .await
                .map(drop)?;
        });
        Ok(())
    }
}

impl Tx<'_> {
    /// Whether a lease is still the holder's, and nobody has changed what there is to do since it was
    /// taken. Under the account's lock nobody does; a lease can still run out.
    pub async fn is_as_claimed(&mut self, lease: &Lease) -> Result<bool> {
        const SQL: &str = "
            select exists (select 1
                             from upkeep
                            where account_id = $1
                              and connection_id = $2
                              and lease_owner = $3
                              and epoch = $4
                              and paused_until <> 0)";
        Ok(on!(Tx(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(lease.key.account.as_str())
                .bind(lease.key.connection.to_string())
                .bind(lease.owner.0.as_str())
                .bind(lease.epoch)
                .fetch_one(db)
                .await?
        }))
    }
}
