//! Reads that several want at once, made by one: the others wait for the one that is under way.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

/// When a read ended, and with what. Locked while it is under way.
type Slot<V> = tokio::sync::Mutex<Option<(Instant, V)>>;

/// The reads that somebody waits for. Cheap to clone.
#[derive(Clone)]
pub(super) struct SharedReads<K, V>(Arc<Mutex<HashMap<K, Wanted<V>>>>);

struct Wanted<V> {
    /// How many wait. With the last of them this goes.
    by: usize,
    slot: Arc<Slot<V>>,
}

/// One who waits, until dropped.
struct Waiting<'r, K: Copy + Eq + Hash, V> {
    reads: &'r SharedReads<K, V>,
    key: K,
    slot: Arc<Slot<V>>,
}

impl<K, V> Default for SharedReads<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash, V: Clone> SharedReads<K, V> {
    /// What a read of this key yields: one that is under way, or else this one. It goes with whoever
    /// makes it; then the next one who waits makes theirs.
    pub(super) async fn read(&self, key: K, read: impl Future<Output = V>) -> V {
        let asked_at = Instant::now();
        let waiting = self.join(key);
        let mut slot = waiting.slot.lock().await;
        if let Some((ended_at, value)) = &*slot
            && *ended_at >= asked_at
        {
            return value.clone();
        }
        let value = read.await;
        *slot = Some((Instant::now(), value.clone()));
        value
    }

    fn join(&self, key: K) -> Waiting<'_, K, V> {
        let mut wanted = self.lock();
        let wanted = wanted.entry(key).or_insert_with(|| Wanted { by: 0, slot: Arc::default() });
        wanted.by += 1;
        Waiting { reads: self, key, slot: Arc::clone(&wanted.slot) }
    }
}

impl<K, V> SharedReads<K, V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Wanted<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> Drop for Waiting<'_, K, V> {
    fn drop(&mut self) {
        let mut all = self.reads.lock();
        if let Some(wanted) = all.get_mut(&self.key) {
            wanted.by -= 1;
            if wanted.by == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use tokio::{sync::Notify, task::JoinSet, time::timeout};

    use super::*;

    const WAITING: usize = 20;
    /// Far above what any of this takes.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Waits until so many wait for the key.
    async fn joined(reads: &SharedReads<u8, u32>, key: u8, count: usize) {
        let looked = async {
            while reads.lock().get(&key).map_or(0, |wanted| wanted.by) < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, looked).await.unwrap();
    }

    #[tokio::test]
    async fn those_who_want_the_same_at_once_share_one_read_and_leave_nothing_behind() {
        let (reads, made, go) =
            (SharedReads::default(), Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let mut all = JoinSet::new();
        for _ in 0..WAITING {
            let (reads, made, go) = (reads.clone(), Arc::clone(&made), Arc::clone(&go));
            all.spawn(async move {
                let read = async {
                    go.notified().await;
                    made.fetch_add(1, Ordering::Relaxed) + 1
                };
                reads.read(7, read).await
            });
        }
        joined(&reads, 7, WAITING).await;
        assert_eq!(reads.read(8, async { 80 }).await, 80, "another key waits for nobody");
        go.notify_one();
        assert_eq!(all.join_all().await, [1; WAITING]);
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert!(reads.lock().is_empty());
    }

    #[tokio::test]
    async fn who_comes_after_a_read_has_ended_makes_another_one_though_others_still_hold_it() {
        let reads = SharedReads::default();
        let held = reads.join(7);
        assert_eq!(reads.read(7, async { 1 }).await, 1);
        assert_eq!(reads.read(7, async { 2 }).await, 2);
        drop(held);
        assert!(reads.lock().is_empty());
    }

    #[tokio::test]
    async fn where_the_reader_hangs_up_the_next_one_reads() {
        let reads = SharedReads::default();
        let mut first = JoinSet::new();
        let beside = reads.clone();
        first.spawn(async move { beside.read(7, pending()).await });
        joined(&reads, 7, 1).await;
        let beside = reads.clone();
        let mut second = JoinSet::new();
        second.spawn(async move { beside.read(7, async { 2 }).await });
        joined(&reads, 7, 2).await;
        first.shutdown().await;
        assert_eq!(timeout(PATIENCE, second.join_all()).await.unwrap(), [2]);
        assert!(reads.lock().is_empty());
    }
}
