//! Group commit: takes what is queued, commits it in one transaction, repeats. There is no timer;
//! the commit before is the window.

mod attempt;
mod lane;
mod queue;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{lane::LaneTask, queue::Job};
use crate::{
    domain::{AccountId, Answer, TicketEvent},
    error::{Error, Result},
    store::{Lane, Store},
};

/// How many events wait in a lane's channel: two full batches, so that the next one is there when a
/// commit returns, and a caller learns of an overload within a few commits.
const QUEUE_CAPACITY: usize = 1_000;

/// The batcher's times.
#[derive(Debug, Clone, Copy)]
pub struct BatcherOptions {
    /// How long a unary call waits for a place in a full queue. Longer than a slow commit, shorter
    /// than the patience of callers.
    pub queue_wait: Duration,
    /// How long one try to commit a batch may take. A batch takes milliseconds; this is a database
    /// that hangs, or an account that somebody else holds.
    pub attempt_limit: Duration,
    /// How long the oldest event of a batch may wait, with all tries, before the callers are told to
    /// repeat their events: a failover's length, and below what callers and the server's own limit
    /// allow a call.
    pub batch_limit: Duration,
}

impl Default for BatcherOptions {
    fn default() -> Self {
        Self {
            queue_wait: Duration::from_secs(2),
            attempt_limit: Duration::from_secs(10),
            batch_limit: Duration::from_secs(20),
        }
    }
}

/// What is to be told of an account whose log has grown.
pub type OnCommit = Arc<dyn Fn(&AccountId) + Send + Sync>;

/// Where events are handed in. Cheap to clone; the lanes end when every clone is gone or the service
/// stops, after what was accepted is committed.
#[derive(Clone)]
pub struct Batcher {
    lanes: Arc<[mpsc::Sender<Job>]>,
    queue_wait: Duration,
    stopping: CancellationToken,
}

/// An event that was accepted, on its way to its answer.
pub struct Accepted(oneshot::Receiver<Result<Answer>>);

impl Accepted {
    /// Waits until the event is committed or refused. It is so whether or not anybody waits.
    pub async fn answer(self) -> Result<Answer> {
        self.0.await.unwrap_or(Err(Error::OutcomeUnknown))
    }
}

impl Batcher {
    /// Starts the lanes: one for `SQLite`, which has one writer; `lanes` for `PostgreSQL`. An account
    /// always takes the same lane, which keeps its events in order.
    pub fn start(
        store: &Store,
        lanes: usize,
        on_commit: &OnCommit,
        stopping: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        Self::start_with(store, lanes, BatcherOptions::default(), on_commit, stopping, tasks)
    }

    /// The same, with these times.
    pub fn start_with(
        store: &Store,
        lanes: usize,
        options: BatcherOptions,
        on_commit: &OnCommit,
        stopping: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let lanes = if store.has_one_writer() { 1 } else { lanes.max(1) };
        let senders = (0..lanes).map(|_| {
            let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY);
            let lane = Lane::new(store.clone());
            let lane = LaneTask::new(lane, receiver, options, Arc::clone(on_commit));
            tasks.spawn(lane.run(stopping.clone()));
            sender
        });
        let queue_wait = options.queue_wait;
        Self { lanes: senders.collect(), queue_wait, stopping: stopping.clone() }
    }

    /// Hands an event in, waiting for as long as the queue is full: for streams, which are not read
    /// meanwhile.
    pub async fn submit(&self, event: TicketEvent) -> Result<Accepted> {
        let (answer, accepted) = oneshot::channel();
        let lane = self.lane(&event.connection.account);
        if self.stopping.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        let job = Job { event, since: Instant::now(), answer };
        lane.send(job).await.map_err(|_| Error::ShuttingDown)?;
        Ok(Accepted(accepted))
    }

    /// Hands an event in and waits for its answer: for unary calls, which give up when the queue
    /// stays full.
    pub async fn apply(&self, event: TicketEvent) -> Result<Answer> {
        let accepted =
            timeout(self.queue_wait, self.submit(event)).await.map_err(|_| Error::QueueFull)??;
        accepted.answer().await
    }

    fn lane(&self, account: &AccountId) -> &mpsc::Sender<Job> {
        let mut hasher = DefaultHasher::new();
        account.hash(&mut hasher);
        let lanes = self.lanes.len() as u64;
        // Below the number of lanes, which is a usize.
        let at = usize::try_from(hasher.finish() % lanes).unwrap_or_default();
        &self.lanes[at]
    }
}
