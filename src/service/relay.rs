//! Hints between processes on one database: what one commits wakes the readers of the others.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{join, select, sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use uuid::Uuid;

use super::wakeup::Wakeups;
use crate::{domain::AccountId, store::Store};

/// How long accounts are gathered before they are announced: many commits share one transaction,
/// and nobody notices the delay.
const DEBOUNCE: Duration = Duration::from_millis(5);
/// How long to wait before listening again, half as much to one and a half times: replicas that
/// lost the same server come back one by one.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// Carries hints between the processes on one database. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    store: Store,
    wakeups: Wakeups,
    /// Tells this process's own announcements from those of others.
    sender: Arc<str>,
    grown: Arc<Grown>,
}

/// The accounts that are to be announced.
#[derive(Default)]
struct Grown {
    accounts: Mutex<HashSet<AccountId>>,
    some: Notify,
}

impl Relay {
    pub(super) fn new(store: Store, wakeups: Wakeups) -> Self {
        let sender = Uuid::new_v4().simple().to_string().into();
        Self { store, wakeups, sender, grown: Arc::default() }
    }

    /// Has accounts announced soon. Where one process writes there is nobody to tell.
    pub(super) fn tell<'a>(&self, accounts: impl IntoIterator<Item = &'a AccountId>) {
        if self.store.has_one_writer() {
            return;
        }
        let mut grown = self.grown.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        grown.extend(accounts.into_iter().cloned());
        self.grown.some.notify_one();
    }

    /// Announces and listens until the token is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let both = async { join!(self.announce(), self.listen()) };
        select! {
            () = shutdown.cancelled() => {}
            _ = both => {}
        }
    }

    async fn announce(&self) {
        loop {
            self.grown.some.notified().await;
            sleep(DEBOUNCE).await;
            let accounts: Vec<AccountId> = self.take().into_iter().collect();
            if let Err(error) = self.store.announce(&self.sender, &accounts).await {
                // The readers' polls find what was not announced.
                debug!(cause = %error, "grown logs were not announced");
            }
        }
    }

    fn take(&self) -> HashSet<AccountId> {
        mem::take(&mut *self.grown.accounts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn listen(&self) {
        loop {
            match self.store.announcements(&self.sender).await {
                Ok(None) => return,
                Ok(Some(mut announcements)) => {
                    // Whatever was said before this moment was not heard.
                    self.wakeups.wake_all();
                    let error = loop {
                        match announcements.next().await {
                            Ok(account) => self.wakeups.wake([&account]),
                            Err(error) => break error,
                        }
                    };
                    info!(cause = %error, "no longer hears of other replicas' commits");
                }
                Err(error) => debug!(cause = %error, "cannot hear of other replicas' commits"),
            }
            sleep(RECONNECT_DELAY.mul_f64(0.5 + rand::random::<f64>())).await;
        }
    }
}
