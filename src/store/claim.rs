//! Taking the lease of a connection: of those that have something due, or of one.

use std::time::Duration;

use super::{
    Lease, LeaseOwner, Result, Store,
    batch::corrupt,
    clock::{Clocked, clocked, micros},
    on::on,
    upkeep::{Upkeep, UpkeepRow, columns},
};
use crate::domain::{ConnectionKey, Timestamp};

#[derive(sqlx::FromRow)]
struct Row {
    account_id: String,
    connection_id: String,
    epoch: i64,
    claimed_at: i64,
    #[sqlx(flatten)]
    upkeep: UpkeepRow,
}

impl Store {
    /// Whether there is a connection to look after. Asked before [`Store::claim_upkeep`], so that who
    /// has nothing to do writes nothing.
    pub async fn has_due_upkeep(&self) -> Result<bool> {
        const SQL: Clocked = clocked!(
            "
                select exists (select 1
                                 from upkeep, clock
                                where due_at <= now
                                  and paused_until <= now
                                  and lease_until <= now)"
        );
        let sql = self.pick(SQL.sqlite, SQL.postgres);
        Ok(on!(Read(self), |db| sqlx::query_scalar(sql).fetch_one(db).await?))
    }

    /// Takes the leases of connections that have something due, those that have waited longest first.
    /// Time is the database's: the clocks of replicas may differ.
    pub async fn claim_upkeep(
        &self,
        owner: &LeaseOwner,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<(Lease, Upkeep)>> {
        const SQL: Clocked = clocked!(
            ",
                       due as materialized
                       (select account_id as account, connection_id as connection
                          from upkeep, clock
                         where due_at <= now
                           and paused_until <= now
                           and lease_until <= now
                         order by due_at
                         limit $3",
            postgres: "
                           for update of upkeep skip locked",
            concat!(
                ")
                update upkeep
                   set lease_owner = $1, epoch = epoch + 1, lease_until = now + $2,
                       due_at = now + $2, paused_until = now + $2
                  from clock, due
                 where account_id = account
                   and connection_id = connection
             returning account_id, connection_id, epoch, lease_until - $2 as claimed_at, ",
                columns!()
            )
        );
        let sql = self.pick(SQL.sqlite, SQL.postgres);
        let rows: Vec<Row> = on!(Write(self), |db| {
            sqlx::query_as(sql)
                .bind(owner.0.as_str())
                .bind(micros(lease))
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(|row| row.claimed(owner)).collect()
    }

    /// Takes the lease of one connection, due or not; none while a process holds it.
    pub async fn claim_upkeep_of(
        &self,
        key: &ConnectionKey,
        owner: &LeaseOwner,
        lease: Duration,
    ) -> Result<Option<(Lease, Upkeep)>> {
        const SQL: Clocked = clocked!(concat!(
            "
                update upkeep
                   set lease_owner = $3, epoch = epoch + 1, lease_until = now + $4,
                       due_at = now + $4, paused_until = now + $4
                  from clock
                 where account_id = $1
                   and connection_id = $2
                   and lease_until <= now
             returning account_id, connection_id, epoch, lease_until - $4 as claimed_at, ",
            columns!()
        ));
        let sql = self.pick(SQL.sqlite, SQL.postgres);
        // All of them, though there is one at most: on SQLite the statement has committed only at its end.
        let rows: Vec<Row> = on!(Write(self), |db| {
            sqlx::query_as(sql)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(owner.0.as_str())
                .bind(micros(lease))
                .fetch_all(db)
                .await?
        });
        rows.into_iter().next().map(|row| row.claimed(owner)).transpose()
    }
}

impl Row {
    fn claimed(self, owner: &LeaseOwner) -> Result<(Lease, Upkeep)> {
        let key = ConnectionKey {
            account: self.account_id.try_into().map_err(corrupt("upkeep"))?,
            connection: self.connection_id.parse().map_err(corrupt("upkeep"))?,
        };
        let claimed_at = Timestamp::from_micros(self.claimed_at).map_err(corrupt("upkeep"))?;
        let lease = Lease { key, claimed_at, owner: owner.clone(), epoch: self.epoch };
        Ok((lease, self.upkeep.try_into()?))
    }
}
