//! Retention: what is past its time goes, and the log says from where on it is whole.

use std::time::Duration;

use tokio::{select, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, info_span, warn};

use super::{connecting::EXCHANGE_GRACE, writes::in_time};
use crate::{
    clock,
    domain::{AccountId, Position, Timestamp},
    error::{Error, Result},
    store::{EventPlace, LockedAccount, Store, Tx},
};

/// How many accounts are listed at once.
const CHUNK_ACCOUNTS: i64 = 500;

/// How long things are kept, and how often it is looked after.
#[derive(Debug, Clone, Copy)]
pub struct PrunerOptions {
    /// How long trigger events are kept: a consumer may be away for so long.
    pub trigger_retention: Duration,
    /// How long event ids are remembered: a producer may repeat an event for so long.
    pub event_retention: Duration,
    /// From one round to the next, half as much to one and a half times.
    pub interval: Duration,
}

impl PrunerOptions {
    /// How long the contract promises to remember event ids, at least.
    pub const MIN_EVENT_RETENTION_DAYS: u32 = 14;
}

impl Default for PrunerOptions {
    fn default() -> Self {
        Self {
            trigger_retention: days(30),
            event_retention: days(Self::MIN_EVENT_RETENTION_DAYS),
            interval: Duration::from_hours(1),
        }
    }
}

/// Takes away what is past its time. Several replicas may do so at once.
pub struct Pruner {
    store: Store,
    options: PrunerOptions,
}

/// What a round took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    pub trigger_count: u64,
    pub event_count: u64,
}

impl Pruner {
    /// Prunes this store.
    #[must_use]
    pub const fn new(store: Store, options: PrunerOptions) -> Self {
        Self { store, options }
    }

    /// Goes round until the token is cancelled. What it has begun it ends: a transaction is never
    /// torn.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            let pause = self.options.interval.mul_f64(0.5 + rand::random::<f64>());
            select! {
                () = shutdown.cancelled() => return,
                () = sleep(pause) => {}
            }
            match self.round(clock::now(), &shutdown).instrument(info_span!("prune")).await {
                Ok(Pruned { trigger_count: 0, event_count: 0 }) => {}
                Ok(Pruned { trigger_count, event_count }) => {
                    info!(trigger_count, event_count, "pruned");
                }
                // The next round takes up what this one left.
                Err(error) => warn!(cause = %error, "a round of pruning failed"),
            }
        }
    }

    /// Goes through all accounts once, as of this time; less far when the token is cancelled.
    pub async fn round(&self, now: Timestamp, shutdown: &CancellationToken) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        let mut last: Option<AccountId> = None;
        loop {
            let accounts = self.store.accounts(last.as_ref(), CHUNK_ACCOUNTS).await?;
            if accounts.is_empty() {
                return Ok(pruned);
            }
            for account in &accounts {
                if shutdown.is_cancelled() {
                    return Ok(pruned);
                }
                // One account's trouble is not the others'; the next round tries it again.
                if let Err(error) = self.account(account, now, shutdown, &mut pruned).await {
                    warn!(%account, cause = %error, "an account was not pruned");
                }
            }
            last = accounts.last().cloned();
        }
    }

    async fn account(
        &self,
        account: &AccountId,
        now: Timestamp,
        shutdown: &CancellationToken,
        pruned: &mut Pruned,
    ) -> Result<()> {
        let floor = in_time(self.raise_floor(account, now)).await?;
        self.prune_triggers(account, floor, shutdown, pruned).await?;
        self.prune_events(account, now, shutdown, pruned).await
    }

    /// Commits where the log begins from now on, before anything of it is deleted. Expired
    /// authorisations go by the way.
    async fn raise_floor(&self, account: &AccountId, now: Timestamp) -> Result<Position> {
        let expired_before = now.minus(self.options.trigger_retention);
        let floor = self.store.position_before(account, expired_before).await?;
        let (mut tx, Some(mut locked)) = self.lock(account).await? else {
            return Ok(Position::START);
        };
        tx.prune_authorizations(account, now.minus(EXCHANGE_GRACE)).await?;
        if floor.is_some_and(|floor| floor > locked.floor) {
            locked.floor = floor.unwrap_or_default();
            tx.save_account(&locked).await?;
        }
        tx.commit().await?;
        Ok(locked.floor)
    }

    async fn prune_triggers(
        &self,
        account: &AccountId,
        floor: Position,
        shutdown: &CancellationToken,
        pruned: &mut Pruned,
    ) -> Result<()> {
        while !shutdown.is_cancelled() {
            let count = in_time(async {
                let (mut tx, _) = self.lock(account).await?;
                let count = tx.prune_triggers(account, floor).await?;
                tx.commit().await?;
                Ok::<_, Error>(count)
            });
            let count = count.await?;
            pruned.trigger_count += count;
            if count == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn prune_events(
        &self,
        account: &AccountId,
        now: Timestamp,
        shutdown: &CancellationToken,
        pruned: &mut Pruned,
    ) -> Result<()> {
        let received_before = now.minus(self.options.event_retention);
        let mut place = EventPlace::default();
        while let Some(run) = self.store.event_run(account, place, received_before).await? {
            if shutdown.is_cancelled() {
                break;
            }
            if run.expired_count > 0 {
                let count = in_time(async {
                    let (mut tx, _) = self.lock(account).await?;
                    let count = tx.prune_events(account, &run, received_before).await?;
                    tx.commit().await?;
                    Ok::<_, Error>(count)
                });
                pruned.event_count += count.await?;
            }
            place = run.last;
        }
        Ok(())
    }

    async fn lock(&self, account: &AccountId) -> Result<(Tx<'static>, Option<LockedAccount>)> {
        let mut tx = self.store.begin().await?;
        let locked = tx.lock_account(account).await?;
        Ok((tx, locked))
    }
}

/// So many days.
#[must_use]
pub const fn days(days: u32) -> Duration {
    const SECONDS_PER_DAY: u64 = 24 * 60 * 60;
    Duration::from_secs(days as u64 * SECONDS_PER_DAY)
}
