//! How far the sync of a connection is, as the contract has it.

use crate::{
    domain::{SyncProblem, Timestamp, Trouble},
    proto::v1 as pb,
    store::{Upkeep, Waiting},
};

/// How far a sync is that has so much waiting. Of a connection that was never finished there is no
/// upkeep.
pub fn sync_status(waiting: Waiting, upkeep: Option<&Upkeep>) -> pb::SyncStatus {
    let Waiting { hint_count, oldest_at } = waiting;
    let next_attempt_at = upkeep.and_then(Upkeep::next_attempt_at);
    let trouble = upkeep.and_then(|upkeep| upkeep.trouble.clone());
    let (problem, detail, since) = match trouble {
        Some(Trouble { problem, detail, since }) => (problem.into(), detail, Some(since)),
        None => (pb::SyncProblem::Unspecified, String::new(), None),
    };
    let time = |time: Option<Timestamp>| time.map(Into::into);
    pb::SyncStatus {
        waiting_hint_count: hint_count,
        oldest_hint_time: time(oldest_at),
        // What only a person can put right is paused for ever.
        next_attempt_time: time(next_attempt_at.filter(|at| *at < Timestamp::MAX)),
        problem: problem.into(),
        problem_detail: detail,
        problem_time: time(since),
        fetch_time: time(upkeep.and_then(|upkeep| upkeep.fetched_at)),
        export_time: time(upkeep.and_then(|upkeep| upkeep.exported_at)),
    }
}

impl From<SyncProblem> for pb::SyncProblem {
    fn from(problem: SyncProblem) -> Self {
        match problem {
            SyncProblem::ZendeskUnavailable => Self::ZendeskUnavailable,
            SyncProblem::RateLimited => Self::RateLimited,
            SyncProblem::Unauthorized => Self::Unauthorized,
            SyncProblem::Forbidden => Self::Forbidden,
            SyncProblem::ExportStuck => Self::ExportStuck,
        }
    }
}
