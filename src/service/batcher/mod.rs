//! Group commit: takes what is queued, commits it in one transaction, repeats. There is no timer;
//! the commit before is the window.

mod attempt;
mod lane;
mod queue;
mod thread;
mod unknown;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{lane::LaneTask, queue::Job};
use crate::{
    domain::{
        AccountId, Answer, ConnectionKey, Hint, HintAnswer, Incoming, Receipt, TicketEvent,
        Timestamp,
    },
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

/// Where events and hints are handed in. Cheap to clone; the lanes end when every clone is gone or the service
/// stops, after what was accepted is committed.
#[derive(Clone)]
pub struct Batcher {
    lanes: Arc<[mpsc::Sender<Job>]>,
    hinted: Arc<Notify>,
    queue_wait: Duration,
    stopping: CancellationToken,
}

/// An event or a hint that was accepted, on its way to its answer.
pub struct Accepted(oneshot::Receiver<Result<Receipt>>);

impl Accepted {
    /// Waits until it is committed or refused. It is so whether or not anybody waits.
    pub async fn receipt(self) -> Result<Receipt> {
        self.0.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    /// The same for an event.
    pub async fn answer(self) -> Result<Answer> {
        match self.receipt().await? {
            Receipt::Event(answer) => Ok(answer),
            Receipt::Hint(_) => Err(Error::Internal("an event was answered as a hint".into())),
        }
    }
}

impl Batcher {
    /// Starts the lanes: one for `SQLite`, which has one writer; `lanes` for `PostgreSQL`. An account
    /// always takes the same lane, which keeps its events in order.
    ///
    /// # Errors
    /// When the process can have no more threads or files.
    pub fn start(
        store: &Store,
        lanes: usize,
        on_commit: &OnCommit,
        stopping: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Self> {
        Self::start_with(store, lanes, BatcherOptions::default(), on_commit, stopping, tasks)
    }

    /// The same, with these times.
    ///
    /// # Errors
    /// As [`Batcher::start`].
    pub fn start_with(
        store: &Store,
        lanes: usize,
        options: BatcherOptions,
        on_commit: &OnCommit,
        stopping: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Self> {
        let lanes = if store.has_one_writer() { 1 } else { lanes.max(1) };
        let hinted = Arc::new(Notify::new());
        let start = |at| {
            let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY);
            let lane = Lane::new(store.clone());
            let (on_commit, hinted) = (Arc::clone(on_commit), Arc::clone(&hinted));
            let lane = LaneTask::new(lane, receiver, options, on_commit, hinted);
            thread::spawn(at, lane.run(stopping.clone()), tasks)?;
            Ok(sender)
        };
        let queue_wait = options.queue_wait;
        let lanes = (0..lanes).map(start).collect::<Result<_>>()?;
        Ok(Self { lanes, hinted, queue_wait, stopping: stopping.clone() })
    }

    /// Hands an event in, waiting for as long as the queue is full: for streams, which are not read
    /// meanwhile.
    pub async fn submit(&self, event: TicketEvent) -> Result<Accepted> {
        self.hand_in(Incoming::Event(event)).await
    }

    async fn hand_in(&self, incoming: Incoming) -> Result<Accepted> {
        let (answer, accepted) = oneshot::channel();
        let lane = self.lane(&incoming.connection().account);
        if self.stopping.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        let job = Job { incoming, since: Instant::now(), answer };
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

    /// Hands hints of a connection in and waits until all of them are durable; gives up when the
    /// queue stays full. Answers each; of several some may be stored when one is refused.
    pub async fn store_hints(
        &self,
        connection: &ConnectionKey,
        hints: Vec<Hint>,
        now: Timestamp,
    ) -> Result<Vec<HintAnswer>> {
        let hand_in_all = async {
            let mut accepted = Vec::with_capacity(hints.len());
            for hint in hints {
                let incoming = Incoming::hint(connection.clone(), hint, now);
                accepted.push(self.hand_in(incoming).await?);
            }
            Ok::<_, Error>(accepted)
        };
        let accepted =
            timeout(self.queue_wait, hand_in_all).await.map_err(|_| Error::QueueFull)??;
        let mut answers = Vec::with_capacity(accepted.len());
        for accepted in accepted {
            answers.push(accepted.receipt().await?.into());
        }
        Ok(answers)
    }

    /// The same for one hint.
    pub async fn store_hint(
        &self,
        connection: &ConnectionKey,
        hint: Hint,
        now: Timestamp,
    ) -> Result<HintAnswer> {
        let answers = self.store_hints(connection, vec![hint], now).await?;
        answers.first().copied().ok_or_else(|| Error::Internal("a hint has no answer".into()))
    }

    /// Notified whenever hints were stored by this process: there is something to fetch.
    #[must_use]
    pub fn hinted(&self) -> Arc<Notify> {
        Arc::clone(&self.hinted)
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
