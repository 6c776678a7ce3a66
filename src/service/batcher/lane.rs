//! A lane: batches of some accounts, one after the other, through one connection.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use metrics::counter;
use rand::RngExt as _;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, instrument, warn};

use super::{
    BatcherOptions, OnCommit,
    attempt::{Committed, Failure, attempt},
    queue::{Job, Waiting},
    unknown::{Answers, Unknown},
};
use crate::{
    domain::{Answer, HintAnswer, Incoming, Receipt},
    error::{Error, ErrorReason, Result},
    store::Lane,
};

/// How often a batch is tried again before its callers are told that the store is unavailable.
const MAX_RETRIES: u32 = 3;
/// The first pause before a try; each next one is twice as long, each with jitter.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// How long a batch is tried whose events have waited out their time behind others: a batch takes
/// milliseconds where the database is back, and the ones behind it wait too.
const LAST_TRY: Duration = Duration::from_secs(2);
/// How long a lane may take to be ready before it takes its first batch all the same: it takes
/// milliseconds, and events may wait already.
const WARM_UP_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct LaneTask {
    lane: Lane,
    queue: mpsc::Receiver<Job>,
    waiting: Waiting,
    options: BatcherOptions,
    on_commit: OnCommit,
    hinted: Arc<Notify>,
}

impl LaneTask {
    pub(super) fn new(
        lane: Lane,
        queue: mpsc::Receiver<Job>,
        options: BatcherOptions,
        on_commit: OnCommit,
        hinted: Arc<Notify>,
    ) -> Self {
        Self { lane, queue, waiting: Waiting::default(), options, on_commit, hinted }
    }

    /// Commits batches until the queue is closed and empty.
    pub(super) async fn run(mut self, stopping: CancellationToken) {
        if !stopping.is_cancelled() {
            self.warm_up().await;
        }
        loop {
            if self.waiting.is_empty() {
                let next = tokio::select! {
                    next = self.queue.recv() => next,
                    () = stopping.cancelled(), if !self.queue.is_closed() => {
                        self.queue.close();
                        continue;
                    }
                };
                let Some(job) = next else { return };
                self.waiting.push(job);
            }
            while !self.waiting.is_full()
                && let Ok(job) = self.queue.try_recv()
            {
                self.waiting.push(job);
            }
            let batch = self.waiting.take_batch();
            if self.settle(batch).await == Time::Up {
                self.refuse_late();
            }
        }
    }

    /// Makes the lane ready. What fails here fails again with the first batch, which has somebody to
    /// tell.
    async fn warm_up(&mut self) {
        let warm_up = AssertUnwindSafe(self.lane.warm_up()).catch_unwind();
        if !matches!(timeout(WARM_UP_LIMIT, warm_up).await, Ok(Ok(Ok(())))) {
            self.lane.discard();
        }
    }

    /// Refuses all who have waited out their time behind a batch that did, too: each batch of them would
    /// be tried for a while in vain, and all behind it would wait for that.
    fn refuse_late(&mut self) {
        let late = Instant::now().checked_sub(self.options.batch_limit);
        let late = late.map(|late| self.waiting.take_waiting_since(late)).unwrap_or_default();
        if !late.is_empty() {
            give_up(late, &Error::StoreUnavailable);
        }
    }

    /// Brings every event of a batch to its answer: the failure table of the batch protocol. Says
    /// whether that took all the time there was.
    #[instrument(name = "batch", skip_all, fields(events = batch.len()))]
    async fn settle(&mut self, batch: Vec<Job>) -> Time {
        let now = Instant::now();
        let oldest = batch.iter().map(|job| job.since).min().unwrap_or(now);
        let deadline = (oldest + self.options.batch_limit).max(now + LAST_TRY);
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            match self.commit(&part, deadline).await {
                Ok(answers) => {
                    measure(&part, &answers);
                    for (job, answer) in part.into_iter().zip(answers) {
                        reply(job, answer);
                    }
                }
                Err(Settled::Halve(error)) if part.len() > 1 => {
                    warn!(events = part.len(), cause = %error, "a batch failed and is halved");
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
                Err(Settled::Halve(error) | Settled::GiveUp(error)) => give_up(part, &error),
            }
        }
        if Instant::now() < deadline { Time::Left } else { Time::Up }
    }

    /// Tries until the batch is committed or it is clear what its callers are to be told.
    async fn commit(&mut self, jobs: &[Job], deadline: Instant) -> Result<Answers, Settled> {
        let mut retries = 0;
        let mut unknown = Unknown::default();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match attempt(&mut self.lane, jobs, left.min(self.options.attempt_limit)).await {
                Ok(Committed { answers, news }) => {
                    for account in &news.grown {
                        (self.on_commit)(account);
                    }
                    if news.has_hints {
                        self.hinted.notify_one();
                    }
                    return Ok(unknown.resolve(answers));
                }
                Err(Failure::Unknown(answers)) => {
                    warn!(events = jobs.len(), "a commit was cut off, its outcome is looked up");
                    unknown.note(answers);
                }
                // What one of the earlier tries may have stored decides, not this failure.
                Err(_) if unknown.is_noted() => {}
                Err(failure) => {
                    retries += 1;
                    if let Some(settled) = settle_failure(failure, jobs.len(), retries) {
                        return Err(settled);
                    }
                }
            }
            if Instant::now() >= deadline {
                let noted = unknown.is_noted();
                let refusal = if noted { Error::OutcomeUnknown } else { Error::StoreUnavailable };
                return Err(Settled::GiveUp(refusal));
            }
            pause(retries).await;
        }
    }
}

/// Decides on a try that stored nothing: the failure table of the batch protocol. None: try again.
fn settle_failure(failure: Failure, events: usize, retries: u32) -> Option<Settled> {
    match failure {
        Failure::Data(error) => Some(Settled::Halve(error)),
        Failure::TooSlow if events > 1 => Some(Settled::Halve(Error::StoreUnavailable)),
        Failure::TooSlow if retries > MAX_RETRIES => Some(Settled::GiveUp(Error::StoreUnavailable)),
        Failure::Passing(error) if retries > MAX_RETRIES => Some(Settled::GiveUp(error)),
        Failure::Passing(_) | Failure::TooSlow => None,
        Failure::Unknown(_) => Some(Settled::GiveUp(Error::OutcomeUnknown)),
    }
}

/// Whether there was time left when a batch was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Left,
    Up,
}

/// How a batch that was not committed is settled.
enum Settled {
    /// Its halves are tried apart; a single event is refused with the error.
    Halve(Error),
    /// All its events are refused with the error.
    GiveUp(Error),
}

/// Counts a committed batch, its events and hints by what became of them.
fn measure(jobs: &[Job], answers: &Answers) {
    counter!("ticketsync_batches_total").increment(1);
    for (job, answer) in jobs.iter().zip(answers) {
        let outcome = match answer {
            Ok(Receipt::Event(Answer::Applied(effect))) => effect.outcome.as_str(),
            Ok(Receipt::Hint(HintAnswer::Stored)) => "stored",
            Ok(Receipt::Event(Answer::Duplicate(_)) | Receipt::Hint(HintAnswer::Duplicate)) => {
                "duplicate"
            }
            Err(_) => "rejected",
        };
        let counted = match &job.incoming {
            Incoming::Event(_) => "ticketsync_events_total",
            Incoming::Hint(..) => "ticketsync_hints_total",
        };
        counter!(counted, "outcome" => outcome).increment(1);
    }
}

/// Answers one event or hint. A caller who no longer waits is none of the batch's business.
fn reply(job: Job, answer: Result<Receipt>) {
    drop(job.answer.send(answer));
}

/// Refuses all events of a batch. Logs the cause once, here: none of the answers carries it.
fn give_up(jobs: Vec<Job>, cause: &Error) {
    let reason = cause.reason();
    error!(events = jobs.len(), reason = reason.as_str_name(), %cause, "a batch is refused");
    for job in jobs {
        let refusal = match reason {
            ErrorReason::OutcomeUnknown => Error::OutcomeUnknown,
            ErrorReason::StoreUnavailable => Error::StoreUnavailable,
            _ => Error::InternalLogged,
        };
        reply(job, Err(refusal));
    }
}

/// Waits before a try: twice as long each time, between half and the whole of it at random, so that
/// replicas that failed together do not return together.
async fn pause(retry: u32) {
    let whole = RETRY_PAUSE * 2_u32.pow(retry.min(MAX_RETRIES));
    let part = rand::rng().random_range(0.5..1.0);
    sleep(whole.mul_f64(part)).await;
}
