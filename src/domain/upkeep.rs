//! What keeps the sync of a connection from going on, and how long to leave it alone then.

use std::time::Duration;

use super::{Timestamp, word::words};

/// The longest pause after failures, before jitter: whoever puts Zendesk right should not have to wait
/// for long until it is noticed.
const MAX_PAUSE: Duration = Duration::from_mins(5);
/// The pause after the first failure, before jitter. It doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What keeps a connection's sync from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncProblem {
    /// Zendesk cannot be reached, or does not answer as documented.
    ZendeskUnavailable,
    RateLimited,
    /// Zendesk no longer accepts the tokens.
    Unauthorized,
    /// Zendesk refuses what the token asks for.
    Forbidden,
    /// The incremental export answers a cursor that does not move.
    ExportStuck,
}

words! { SyncProblem, "sync problem",
    ZendeskUnavailable => "zendesk_unavailable",
    RateLimited => "rate_limited",
    Unauthorized => "unauthorized",
    Forbidden => "forbidden",
    ExportStuck => "export_stuck",
}

/// A problem, as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub problem: SyncProblem,
    /// The same for people; never holds a secret.
    pub detail: String,
    /// Since when it has gone wrong.
    pub since: Timestamp,
}

impl Trouble {
    /// The same problem goes on since when it began; another one begins now.
    #[must_use]
    pub fn after(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.problem == self.problem => Self { since: before.since, ..self },
            Some(_) | None => self,
        }
    }
}

/// How long to leave a connection alone after so many failures in a row; `chance` is between 0 and 1,
/// so that those which failed together do not come back together.
#[must_use]
pub fn pause(failure_count: i64, chance: f64) -> Duration {
    // Doubled this often even the first pause is past the longest.
    const MAX_DOUBLINGS: u32 = 9;
    let doublings =
        u32::try_from(failure_count.saturating_sub(1)).map_or(0, |n| n.min(MAX_DOUBLINGS));
    FIRST_PAUSE.saturating_mul(1 << doublings).min(MAX_PAUSE).mul_f64(0.5 + chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(problem: SyncProblem, since: i64) -> Trouble {
        Trouble { problem, detail: String::new(), since: Timestamp::from_micros(since).unwrap() }
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_are_never_the_same_for_all() {
        let seconds = |count| pause(count, 0.5).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [1, 2, 4, 8]);
        for count in [9, 10, 11, 1_000, i64::MAX] {
            assert!(pause(count, 0.5) <= MAX_PAUSE, "{count}");
        }
        assert_eq!(pause(20, 0.5), MAX_PAUSE);
        assert_eq!((pause(20, 0.0), pause(20, 1.0)), (MAX_PAUSE / 2, MAX_PAUSE * 3 / 2));
        assert_eq!([i64::MIN, -1, 0].map(|count| pause(count, 0.5)), [FIRST_PAUSE; 3]);
    }

    #[test]
    fn a_problem_that_goes_on_keeps_its_beginning() {
        let (first, again) =
            (trouble(SyncProblem::Forbidden, 1), trouble(SyncProblem::Forbidden, 9));
        assert_eq!(again.clone().after(Some(&first)), first);
        assert_eq!(again.clone().after(None), again);
        let other = trouble(SyncProblem::RateLimited, 9);
        assert_eq!(other.clone().after(Some(&first)), other);
    }
}
