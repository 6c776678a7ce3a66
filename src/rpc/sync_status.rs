//! How far the sync of a connection is, as the contract has it.

use crate::{
    domain::{SyncProblem, Timestamp, Trouble, WaitingHint},
    proto::v1 as pb,
    service::Progress,
    store::{Upkeep, Waiting},
};

impl From<Progress> for pb::SyncStatus {
    fn from(progress: Progress) -> Self {
        let Progress { waiting: Waiting { hint_count, oldest_at }, stuck, upkeep } = progress;
        let next_attempt_at = upkeep.as_ref().and_then(Upkeep::next_attempt_at);
        let trouble = upkeep.as_ref().and_then(|upkeep| upkeep.trouble.clone());
        let (problem, detail, since) = match (trouble, stuck) {
            // What keeps everything from going on comes before what keeps one hint waiting.
            (Some(Trouble { problem, detail, since }), _) => (problem.into(), detail, Some(since)),
            (None, Some(hint)) => {
                (pb::SyncProblem::TicketStuck, stuck_detail(&hint), Some(hint.received_at))
            }
            (None, None) => (pb::SyncProblem::Unspecified, String::new(), None),
        };
        let time = |time: Option<Timestamp>| time.map(Into::into);
        Self {
            waiting_hint_count: hint_count,
            oldest_hint_time: time(oldest_at),
            // What only a person can put right is paused for ever.
            next_attempt_time: time(next_attempt_at.filter(|at| *at < Timestamp::MAX)),
            problem: problem.into(),
            problem_detail: detail,
            problem_time: time(since),
            fetch_time: time(upkeep.as_ref().and_then(|upkeep| upkeep.fetched_at)),
            export_time: time(upkeep.as_ref().and_then(|upkeep| upkeep.exported_at)),
        }
    }
}

fn stuck_detail(WaitingHint { hint, .. }: &WaitingHint) -> String {
    let (ticket, source, name) = (hint.ticket_id, hint.id.source().as_str(), hint.id.name());
    format!("ticket {ticket} was fetched and could not be taken in, see the {source} event {name}")
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
