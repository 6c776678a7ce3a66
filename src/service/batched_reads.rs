//! Reads of many keys at once: one at a time is under way, and the next one takes all that is wanted.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    select,
    sync::oneshot::{self, error::TryRecvError},
};

/// The most keys of one read, which takes milliseconds with as many. The others wait for the next
/// one.
const MAX_KEYS: usize = 500;

/// Whoever wants something read, and the turn to do it. Cheap to clone.
///
/// There is no task for it: the one who has the turn reads for all. The turn goes round in the order
/// of asking, so that those who hang up in the middle of a read hold up nobody who asked before them.
#[derive(Clone)]
pub(super) struct BatchedReads<K: Copy + Eq + Hash, V> {
    wanted: Arc<Mutex<Wanted<K, V>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Wanted<K, V> {
    next_number: u64,
    /// By the numbers that they drew, and so the oldest first.
    askers: BTreeMap<u64, Asker<K, V>>,
}

struct Asker<K, V> {
    key: K,
    tell: oneshot::Sender<Option<V>>,
}

/// One who waits. Dropped, nothing is left of them.
struct Waiting<'r, K: Copy + Eq + Hash, V> {
    reads: &'r BatchedReads<K, V>,
    number: u64,
    told: oneshot::Receiver<Option<V>>,
}

/// What one read is made for. Until it has ended all of it is wanted still: where the reader hangs
/// up, the next one reads it anew.
struct Batch<K> {
    keys: HashSet<K>,
    /// Whoever drew this number or a later one came after the read had begun.
    end: u64,
}

impl<K: Copy + Eq + Hash, V> Default for BatchedReads<K, V> {
    fn default() -> Self {
        let wanted = Wanted { next_number: 0, askers: BTreeMap::new() };
        Self { wanted: Arc::new(Mutex::new(wanted)), turn: Arc::default() }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> BatchedReads<K, V> {
    /// What is found of this key by a read that begins from now on: this one, where it gets the turn,
    /// or somebody else's. None where that failed, or left the key out.
    ///
    /// # Errors
    /// When it is this read that failed.
    pub(super) async fn read<E, R>(
        &self,
        key: K,
        read: impl Fn(HashSet<K>) -> R,
    ) -> Result<Option<V>, E>
    where
        R: Future<Output = Result<HashMap<K, V>, E>>,
    {
        let mut waiting = self.join(key);
        let _turn = select! {
            biased;
            told = &mut waiting.told => return Ok(told.ok().flatten()),
            turn = self.turn.lock() => turn,
        };
        loop {
            match waiting.told.try_recv() {
                Ok(found) => return Ok(found),
                Err(TryRecvError::Closed) => return Ok(None),
                Err(TryRecvError::Empty) => {}
            }
            let batch = self.begin();
            match read(batch.keys.clone()).await {
                Ok(found) => self.tell(&batch, &found),
                Err(error) => {
                    self.tell(&batch, &HashMap::new());
                    return Err(error);
                }
            }
        }
    }

    fn join(&self, key: K) -> Waiting<'_, K, V> {
        let (tell, told) = oneshot::channel();
        let mut wanted = self.lock();
        let number = wanted.next_number;
        wanted.next_number += 1;
        wanted.askers.insert(number, Asker { key, tell });
        Waiting { reads: self, number, told }
    }

    fn begin(&self) -> Batch<K> {
        let wanted = self.lock();
        let mut keys = HashSet::new();
        for asker in wanted.askers.values() {
            keys.insert(asker.key);
            if keys.len() == MAX_KEYS {
                break;
            }
        }
        Batch { keys, end: wanted.next_number }
    }

    fn tell(&self, batch: &Batch<K>, found: &HashMap<K, V>) {
        let mut wanted = self.lock();
        let is_told = |_: &u64, asker: &mut Asker<K, V>| batch.keys.contains(&asker.key);
        for (_, asker) in wanted.askers.extract_if(..batch.end, is_told) {
            // Whoever hung up meanwhile wants it no more.
            drop(asker.tell.send(found.get(&asker.key).cloned()));
        }
    }
}

impl<K: Copy + Eq + Hash, V> BatchedReads<K, V> {
    fn lock(&self) -> MutexGuard<'_, Wanted<K, V>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> Drop for Waiting<'_, K, V> {
    fn drop(&mut self) {
        self.reads.lock().askers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, pin::Pin, time::Duration};

    use futures::{future::join_all, poll};
    use tokio::{sync::Notify, task::JoinSet, time::timeout};

    use super::*;

    const ASKERS: usize = 20;
    /// Far above what any of this takes.
    const PATIENCE: Duration = Duration::from_secs(30);

    type Found = Result<Option<usize>, &'static str>;

    /// Reads, each held until it may go on, that find which of them it was.
    #[derive(Default)]
    struct Held {
        reads: BatchedReads<usize, usize>,
        /// The keys of each read that began.
        began: RefCell<Vec<HashSet<usize>>>,
        go: Notify,
    }

    impl Held {
        /// One who asks and has begun to wait.
        async fn asker(&self, key: usize) -> Pin<Box<impl Future<Output = Found>>> {
            let read = async |keys: HashSet<usize>| {
                self.began.borrow_mut().push(keys.clone());
                let nth = self.began.borrow().len();
                self.go.notified().await;
                Ok(keys.into_iter().map(|key| (key, nth)).collect())
            };
            let mut asker = Box::pin(self.reads.read(key, read));
            assert!(poll!(asker.as_mut()).is_pending());
            asker
        }

        /// One who asks and finds all reads failing, or this key left out.
        async fn fruitless(&self, key: usize, read: Result<(), &'static str>) -> Found {
            self.reads.read(key, async |_| read.map(|()| HashMap::new())).await
        }

        /// Lets the read go on that is under way, or else the next one.
        fn let_go(&self) {
            self.go.notify_one();
        }

        fn assert_nothing_is_left(&self) {
            assert!(self.reads.lock().askers.is_empty() && self.reads.turn.try_lock().is_ok());
        }
    }

    #[tokio::test]
    async fn all_that_is_wanted_when_a_read_begins_goes_in_it_each_key_once() {
        let held = Held::default();
        let first = held.asker(0).await;
        let mut others = Vec::new();
        for n in 0..ASKERS {
            others.push(held.asker(n % 5).await);
        }
        held.let_go();
        assert_eq!(first.await, Ok(Some(1)));
        held.let_go();
        // Also of the key of the first: what that read found may be from before they asked.
        assert_eq!(join_all(others).await, [Ok(Some(2)); ASKERS]);
        assert_eq!(*held.began.borrow(), [HashSet::from([0]), (0..5).collect()]);
        held.assert_nothing_is_left();
    }

    #[tokio::test]
    async fn more_than_one_read_takes_go_in_two_the_oldest_first() {
        let held = Held::default();
        let mut all = vec![held.asker(0).await];
        for key in 1..=MAX_KEYS + 2 {
            all.push(held.asker(key).await);
        }
        // Costs nothing more, young as it is.
        all.push(held.asker(1).await);
        let mut all = join_all(all);
        for _ in 0..3 {
            assert!(poll!(&mut all).is_pending());
            held.let_go();
        }
        let all: Vec<_> = all.await.into_iter().map(|found| found.unwrap().unwrap()).collect();
        let expected = [vec![1], vec![2; MAX_KEYS], vec![3; 2], vec![2]].concat();
        assert_eq!(all, expected);
        assert_eq!(held.began.borrow()[2], HashSet::from([MAX_KEYS + 1, MAX_KEYS + 2]));
        held.assert_nothing_is_left();
    }

    #[tokio::test]
    async fn where_the_reader_hangs_up_the_next_one_reads_for_all_who_are_left() {
        let held = Held::default();
        let first = held.asker(0).await;
        let (second, third, fourth) =
            (held.asker(1).await, held.asker(2).await, held.asker(0).await);
        drop(third);
        drop(first);
        held.let_go();
        assert_eq!(join_all([second, fourth]).await, [Ok(Some(2)); 2]);
        assert_eq!(*held.began.borrow(), [HashSet::from([0]), HashSet::from([0, 1])]);
        held.assert_nothing_is_left();
    }

    #[tokio::test]
    async fn why_a_read_failed_its_reader_says_and_the_others_only_that_it_did() {
        let held = Held::default();
        let first = held.asker(0).await;
        let mut reader = Box::pin(held.fruitless(1, Err("away")));
        assert!(poll!(reader.as_mut()).is_pending());
        let other = held.asker(2).await;
        held.let_go();
        assert_eq!(first.await, Ok(Some(1)));
        assert_eq!(reader.await, Err("away"));
        assert_eq!(other.await, Ok(None));
        assert_eq!(held.fruitless(3, Ok(())).await, Ok(None), "left out");
        held.assert_nothing_is_left();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn among_many_who_come_and_hang_up_nobody_is_forgotten() {
        let reads = BatchedReads::<usize, usize>::default();
        let mut staying = JoinSet::new();
        let mut leaving = JoinSet::new();
        for n in 0..10_000 {
            let reads = reads.clone();
            let asker = async move {
                let read = async |keys: HashSet<usize>| {
                    tokio::task::yield_now().await;
                    Ok::<_, ()>(keys.into_iter().map(|key| (key, key)).collect())
                };
                assert_eq!(reads.read(n, read).await, Ok(Some(n)));
            };
            if n % 3 == 0 {
                leaving.spawn(asker)
            } else {
                staying.spawn(asker)
            };
            if n % 50 == 0 {
                leaving.abort_all();
                tokio::task::yield_now().await;
            }
        }
        leaving.shutdown().await;
        timeout(PATIENCE, staying.join_all()).await.unwrap();
        assert!(reads.lock().askers.is_empty());
    }
}
