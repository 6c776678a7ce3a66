//! One try to commit a batch, and what its failure means.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::FutureExt as _;
use rand::RngExt as _;
use tokio::time::timeout;

use super::queue::Job;
use crate::{
    clock,
    domain::{AccountId, Receipt, Rejection},
    error::Error,
    store::{self, BatchKeys, Lane},
};

/// What each event and hint of a batch is answered, and what others may want to know of it.
pub(super) struct Committed {
    pub answers: Vec<Result<Receipt, Rejection>>,
    pub news: News,
}

/// What a committed batch has left for others to read.
pub(super) struct News {
    /// The accounts whose logs have grown.
    pub grown: HashSet<AccountId>,
    /// Whether hints wait that did not before.
    pub has_hints: bool,
}

/// Why a batch was not, or perhaps not, committed.
pub(super) enum Failure {
    /// Some event of the batch cannot be stored, by its data or by a defect of ours.
    Data(Error),
    /// Nothing is stored, and the same may pass when tried again.
    Passing(Error),
    /// Nothing is stored, and a smaller batch may pass.
    TooSlow,
    /// It may or may not be stored; what each event would be answered if it is.
    Unknown(Vec<Result<Receipt, Rejection>>),
}

/// Runs one transaction. After a failure the lane's connection is dropped: a new one is cheap, and
/// nobody has to know what state the old one is in.
pub(super) async fn attempt(
    lane: &mut Lane,
    jobs: &[Job],
    limit: Duration,
) -> Result<Committed, Failure> {
    let (working, committing) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut answers = Vec::new();
    // A defect that one event sets off must not end the lane for all others.
    let transaction =
        AssertUnwindSafe(transact(lane, jobs, &working, &committing, &mut answers)).catch_unwind();
    let outcome = match timeout(limit, transaction).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(_)) => {
            lane.discard();
            return Err(Failure::Data(Error::Internal("a batch panicked".into())));
        }
        Err(elapsed) => Err(elapsed),
    };
    let [working, committing] = [working, committing].map(AtomicBool::into_inner);
    let failure = match outcome {
        Ok(Ok(news)) => return Ok(Committed { answers, news }),
        Ok(Err(store::Error::CommitUnknown(_))) => Failure::Unknown(answers),
        Err(_) if committing => Failure::Unknown(answers),
        Err(_) if working => Failure::TooSlow,
        // Most likely somebody holds an account, and a smaller batch would wait for the same.
        Err(_) => Failure::Passing(Error::StoreUnavailable),
        Ok(Err(error @ (store::Error::Unavailable(_) | store::Error::Collided(_)))) => {
            Failure::Passing(error.into())
        }
        Ok(Err(
            error @ (store::Error::Refused(_)
            | store::Error::Corrupt { .. }
            | store::Error::Unfit(_)),
        )) => Failure::Data(error.into()),
    };
    lane.discard();
    Err(failure)
}

async fn transact(
    lane: &mut Lane,
    jobs: &[Job],
    working: &AtomicBool,
    committing: &AtomicBool,
    answers: &mut Vec<Result<Receipt, Rejection>>,
) -> store::Result<News> {
    let mut tx = lane.begin().await?;
    let mut set =
        tx.load_batch(BatchKeys::of_incoming(jobs.iter().map(|job| &job.incoming))).await?;
    working.store(true, Ordering::Relaxed);
    // After the lock: commit times must not run backwards along the log.
    let now = clock::now();
    let mut dice = || rand::rng().random();
    answers.extend(jobs.iter().map(|job| set.take_in(job.incoming.clone(), now, &mut dice)));
    tx.save_batch(&mut set, now).await?;
    committing.store(true, Ordering::Relaxed);
    tx.commit().await?;
    let has_hints = !set.hints.is_empty();
    let grown = set.triggers.into_iter().map(|trigger| trigger.connection.account).collect();
    Ok(News { grown, has_hints })
}
