//! The trigger log as it is followed: who follows, from where, and what wakes them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    relay::Relay,
    tail::Tail,
    wakeup::{Wakeup, Wakeups},
};
use crate::{
    domain::{AccountId, Cursor, Timestamp},
    store::{Store, TriggerFilter},
};

/// The service's trigger logs. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    pub(super) store: Store,
    wakeups: Wakeups,
    relay: Relay,
    options: FeedOptions,
    pub(super) shutdown: CancellationToken,
}

/// The feed's times.
#[derive(Debug, Clone, Copy)]
pub struct FeedOptions {
    /// How long a tail says nothing at most: half of what proxies commonly let a silent stream live.
    pub heartbeat: Duration,
    /// How long a lost hint can delay an event, at most one and a half times this.
    pub poll: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(10), poll: Duration::from_secs(2) }
    }
}

/// What a reader asks for.
#[derive(Debug, Clone)]
pub struct TailRequest {
    pub account: AccountId,
    pub start: TailStart,
    pub filter: TriggerFilter,
    pub stop_at_head: StopAtHead,
    /// To end after so many events; none for no end.
    pub max_events: Option<u64>,
}

/// Where a tail starts.
#[derive(Debug, Clone)]
pub enum TailStart {
    After(Cursor),
    Earliest,
    Latest,
    /// At the first event committed at this time or later.
    CommittedAt(Timestamp),
}

/// Whether a tail ends after the newest event at the time of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAtHead {
    Yes,
    No,
}

impl Feed {
    /// Follows the logs in this store until the token is cancelled.
    #[must_use]
    pub fn new(store: Store, options: FeedOptions, shutdown: CancellationToken) -> Self {
        let wakeups = Wakeups::default();
        let relay = Relay::new(store.clone(), wakeups.clone());
        Self { store, wakeups, relay, options, shutdown }
    }

    /// What carries hints to the other processes on the database and back, to be run beside.
    #[must_use]
    pub fn relay(&self) -> Relay {
        self.relay.clone()
    }

    /// Tells the readers of these accounts that their logs have grown. To be called after the
    /// commit.
    pub fn notify<'a>(&self, accounts: impl IntoIterator<Item = &'a AccountId> + Clone) {
        self.relay.tell(accounts.clone());
        self.wakeups.wake(accounts);
    }

    /// Follows an account's log.
    #[must_use]
    pub fn tail(&self, request: TailRequest) -> Tail {
        Tail::new(self.clone(), request)
    }

    pub(super) fn listen(&self, account: &AccountId) -> Wakeup {
        self.wakeups.listen(account)
    }

    pub(super) const fn heartbeat(&self) -> Duration {
        self.options.heartbeat
    }

    /// How long to wait for a hint this time: readers that start together drift apart.
    pub(super) fn poll(&self) -> Duration {
        self.options.poll.mul_f64(0.5 + rand::random::<f64>())
    }
}
