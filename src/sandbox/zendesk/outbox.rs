//! The deliveries that wait to be sent, by the moment each is due.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use super::event::Event;

/// How many deliveries wait at most. What happens beyond it is not delivered.
const MAX_WAITING: usize = 200_000;

/// An event on its way to a webhook.
pub(super) struct Delivery {
    pub(super) event: Arc<Event>,
    pub(super) webhook_id: String,
    pub(super) invocation_id: String,
    /// Which try comes next, from 1.
    pub(super) attempt: u32,
    pub(super) due: Instant,
    /// Orders what is due at once.
    pub(super) number: u64,
}

/// What waits. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Outbox {
    waiting: Arc<Mutex<Waiting>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Waiting {
    heap: BinaryHeap<Reverse<Delivery>>,
    under_way: usize,
}

impl Outbox {
    /// Takes a delivery in, or gives it back where there is no room.
    pub(super) fn put(&self, delivery: Delivery) -> Result<(), Delivery> {
        let mut waiting = self.lock();
        if waiting.heap.len() >= MAX_WAITING {
            return Err(delivery);
        }
        waiting.heap.push(Reverse(delivery));
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes out what is due first. It counts as under way until [`Self::settle`].
    pub(super) fn take_due(&self, now: Instant) -> Option<Delivery> {
        let mut waiting = self.lock();
        if waiting.heap.peek()?.0.due > now {
            return None;
        }
        let Reverse(delivery) = waiting.heap.pop()?;
        waiting.under_way += 1;
        Some(delivery)
    }

    /// Notes that what was taken out has come to an end, or is back.
    pub(super) fn settle(&self) {
        let mut waiting = self.lock();
        waiting.under_way = waiting.under_way.saturating_sub(1);
    }

    /// When the next delivery is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.lock().heap.peek().map(|next| next.0.due)
    }

    /// How many deliveries wait or are under way.
    pub(super) fn len(&self) -> usize {
        let waiting = self.lock();
        waiting.heap.len() + waiting.under_way
    }

    /// Completes when something was put in, also before the call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ord for Delivery {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl PartialOrd for Delivery {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Delivery {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delivery {}
