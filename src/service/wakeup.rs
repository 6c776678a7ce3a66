//! Hints that an account's log has grown: they may be lost and they may be wrong.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::domain::AccountId;

/// Whom to wake, by account. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Wakeups {
    accounts: Accounts,
}

type Accounts = Arc<Mutex<HashMap<AccountId, watch::Sender<()>>>>;

/// One reader's ear.
#[derive(Debug)]
pub struct Wakeup {
    account: AccountId,
    hints: watch::Receiver<()>,
    accounts: Accounts,
}

impl Wakeups {
    /// Listens to an account.
    #[must_use]
    pub fn listen(&self, account: &AccountId) -> Wakeup {
        let mut accounts = lock(&self.accounts);
        let sender = accounts.entry(account.clone()).or_insert_with(|| watch::Sender::new(()));
        Wakeup {
            account: account.clone(),
            hints: sender.subscribe(),
            accounts: Arc::clone(&self.accounts),
        }
    }

    /// Wakes the readers of these accounts.
    pub fn wake<'a>(&self, woken: impl IntoIterator<Item = &'a AccountId>) {
        let accounts = lock(&self.accounts);
        for sender in woken.into_iter().filter_map(|account| accounts.get(account)) {
            sender.send_replace(());
        }
    }

    /// Wakes all readers: hints may have been lost.
    pub fn wake_all(&self) {
        for sender in lock(&self.accounts).values() {
            sender.send_replace(());
        }
    }
}

impl Wakeup {
    /// Takes note of the hints so far. To be called before reading: what comes while it reads is
    /// then a new hint.
    pub fn mark_seen(&mut self) {
        self.hints.mark_unchanged();
    }

    /// Waits for a hint that came since they were marked as seen. May be cancelled.
    pub async fn hint(&mut self) {
        // The sender lives as long as somebody listens.
        if self.hints.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Wakeup {
    /// The last to leave takes the account off the map, which else would only grow.
    fn drop(&mut self) {
        let mut accounts = lock(&self.accounts);
        // Gone before anybody counts: of two who leave at once each would see the other.
        drop(mem::replace(&mut self.hints, watch::channel(()).1));
        if accounts.get(&self.account).is_some_and(|sender| sender.receiver_count() == 0) {
            accounts.remove(&self.account);
        }
    }
}

/// A panic elsewhere leaves the map whole: no operation on it stops half-way.
fn lock(
    accounts: &Mutex<HashMap<AccountId, watch::Sender<()>>>,
) -> MutexGuard<'_, HashMap<AccountId, watch::Sender<()>>> {
    accounts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn account(id: &str) -> AccountId {
        id.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_hint_wakes_the_readers_of_its_account_only() {
        let wakeups = Wakeups::default();
        let (mut one, mut other) = (wakeups.listen(&account("a")), wakeups.listen(&account("b")));
        wakeups.wake([&account("a"), &account("nobody")]);
        assert!(one.hint().now_or_never().is_some());
        assert!(other.hint().now_or_never().is_none());
    }

    #[test]
    fn a_hint_that_comes_after_the_marking_is_not_lost() {
        let wakeups = Wakeups::default();
        let mut reader = wakeups.listen(&account("a"));
        wakeups.wake_all();
        reader.mark_seen();
        assert!(reader.hint().now_or_never().is_none());
        wakeups.wake_all();
        assert!(reader.hint().now_or_never().is_some());
    }

    #[test]
    fn an_account_without_readers_is_forgotten() {
        let wakeups = Wakeups::default();
        let (one, two) = (wakeups.listen(&account("a")), wakeups.listen(&account("a")));
        drop(one);
        assert_eq!(lock(&wakeups.accounts).len(), 1);
        drop(two);
        assert!(lock(&wakeups.accounts).is_empty());
    }
}
