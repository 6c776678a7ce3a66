//! Looking after connections at Zendesk: whichever replica is free takes one that has something due.

mod drain;
mod export;
mod pace;
mod removal;
mod requesters;
mod visit;
mod webhook;

use std::{sync::Arc, time::Duration};

use tokio::{
    select,
    sync::Notify,
    task::{JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, error, info_span, warn};

pub use self::removal::Removal;
use self::{pace::Paces, visit::Visit};
use crate::{
    domain::ConnectionKey,
    error::Result,
    service::{Access, Batcher, Keyring},
    store::{Lease, LeaseOwner, Store},
    zendesk::{self, WebhookUrl},
};

/// How many connections one process looks after at once: each waits for Zendesk most of the time.
const MAX_VISITS: usize = 32;
/// How long a lease lasts: longer than the slowest call, so that it is renewed between calls only.
const LEASE: Duration = Duration::from_mins(1);

/// How long after one look the next one is at the earliest. What an agent does once makes several hints,
/// which are best fetched together; and hundreds of looks a second keep the database from its work.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// How connections are looked after.
#[derive(Debug, Clone)]
pub struct UpkeepOptions {
    /// Where Zendesk reaches this service; none where it does not, and no webhook is registered.
    pub webhook_base_url: Option<WebhookUrl>,
    /// How often it is looked whether something is due, half as much to one and a half times: what is
    /// due by another replica's doing waits for so long.
    pub poll: Duration,
    /// How often a webhook is looked at, likewise: so long it is gone before anybody notices.
    pub webhook_interval: Duration,
    /// How often the export is read to its end, likewise: so long a change is missing of which no
    /// webhook told.
    pub reconcile_interval: Duration,
    /// How long to wait between two pages of the export: Zendesk allows ten calls a minute.
    pub export_pause: Duration,
}

impl Default for UpkeepOptions {
    fn default() -> Self {
        Self {
            webhook_base_url: None,
            poll: Duration::from_secs(2),
            webhook_interval: Duration::from_mins(10),
            reconcile_interval: Duration::from_mins(10),
            export_pause: Duration::from_secs(7),
        }
    }
}

/// Looks after connections. Cheap to clone.
#[derive(Clone)]
pub struct Upkeep {
    store: Store,
    access: Access,
    keyring: Keyring,
    zendesk: zendesk::Client,
    options: UpkeepOptions,
    batcher: Batcher,
    paces: Paces,
    owner: LeaseOwner,
    due: Arc<Notify>,
}

impl Upkeep {
    /// Looks after the connections in the store that these tokens belong to, and hands what it fetches
    /// to the batcher.
    #[must_use]
    pub fn new(access: &Access, batcher: Batcher, options: UpkeepOptions) -> Self {
        let Access { store, writes: _, keyring, zendesk, limits: _ } = access.clone();
        let (paces, owner, due) = (Paces::default(), LeaseOwner::random(), Arc::default());
        let access = access.clone();
        Self { store, access, keyring, zendesk, options, batcher, paces, owner, due }
    }

    /// Says that something has become due. A hint: it saves waiting for the next look.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    /// Looks after whatever is due until the token is cancelled, and lets go of what it has then.
    pub async fn run(self, stopping: CancellationToken) {
        let hinted = self.batcher.hinted();
        let mut visits = JoinSet::new();
        let mut failing = false;
        while !stopping.is_cancelled() {
            let looked_at = Instant::now();
            match self.claim_due(MAX_VISITS - visits.len()).await {
                Ok(claimed) => {
                    failing = false;
                    for (lease, upkeep) in claimed {
                        let ConnectionKey { account, connection } = &lease.key;
                        let span = info_span!("upkeep", %account, %connection);
                        let (this, stopping) = (self.clone(), stopping.clone());
                        let visit = async move { this.visit(lease, upkeep, stopping).await };
                        visits.spawn(visit.instrument(span));
                    }
                }
                // An outage is told once; the next look is soon.
                Err(error) if failing => debug!(cause = %error, "still cannot see what is due"),
                Err(error) => {
                    failing = true;
                    warn!(cause = %error, "cannot see what is due");
                }
            }
            select! {
                () = stopping.cancelled() => {}
                () = self.due.notified() => {}
                () = hinted.notified() => {}
                () = sleep(jittered(self.options.poll)) => {}
                Some(ended) = visits.join_next() => mourn(ended),
            }
            select! {
                () = stopping.cancelled() => {}
                () = sleep_until(looked_at + LOOK_PAUSE) => {}
            }
            while let Some(ended) = visits.try_join_next() {
                mourn(ended);
            }
        }
        while let Some(ended) = visits.join_next().await {
            mourn(ended);
        }
    }

    async fn claim_due(&self, limit: usize) -> Result<Vec<(Lease, crate::store::Upkeep)>> {
        if limit == 0 || !self.store.has_due_upkeep().await? {
            return Ok(Vec::new());
        }
        Ok(self.store.claim_upkeep(&self.owner, LEASE, limit).await?)
    }

    /// Does for one connection what is due, with a lease that was just taken, and lets it go.
    pub async fn visit(
        self,
        lease: Lease,
        upkeep: crate::store::Upkeep,
        stopping: CancellationToken,
    ) {
        match Visit::begin(self, lease, upkeep, stopping).await {
            Ok(Some(mut visit)) => {
                let end = visit.work().await;
                visit.release(end).await;
            }
            Ok(None) => {}
            // The lease runs out by itself.
            Err(error) => warn!(cause = %error, "a connection could not be looked after"),
        }
    }
}

/// Half of a time to one and a half times: what began together does not stay together.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.5 + rand::random::<f64>())
}

fn mourn(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(cause = %error, "looking after a connection broke off");
    }
}
