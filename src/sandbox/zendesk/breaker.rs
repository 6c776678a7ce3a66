//! The circuit breaker of a webhook: after too many errors nothing is sent for a while.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::pace::Pace;

/// Which share of tries in the window opens it, in percent, and how many errors do whatever the
/// share, as at Zendesk.
const ERROR_PERCENT: usize = 70;
const MAX_ERRORS: usize = 1_000;

/// How the tries of one webhook went lately.
#[derive(Default)]
pub(super) struct Breaker {
    tries: VecDeque<(Instant, bool)>,
    errors: usize,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether nothing may be sent now.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }

    /// Takes note of a try; opens where there were too many errors.
    pub(super) fn note(&mut self, failed: bool, now: Instant, pace: &Pace) {
        self.tries.push_back((now, failed));
        self.errors += usize::from(failed);
        while let Some((at, failed)) = self.tries.front().copied()
            && now - at > pace.breaker_window
        {
            self.tries.pop_front();
            self.errors -= usize::from(failed);
        }
        let share = self.errors * 100 >= self.tries.len() * ERROR_PERCENT;
        if share && self.tries.len() >= pace.breaker_min_tries || self.errors >= MAX_ERRORS {
            // It counts from nothing once it is closed again.
            *self = Self { open_until: Some(now + pace.breaker_pause), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Notes tries one after the other; gives whether it is open then.
    fn opens(failures: impl IntoIterator<Item = bool>, apart: Duration) -> bool {
        let (mut breaker, pace, mut now) = (Breaker::default(), Pace::default(), Instant::now());
        for failed in failures {
            now += apart;
            breaker.note(failed, now, &pace);
        }
        breaker.is_open(now)
    }

    #[test]
    fn it_opens_at_70_percent_of_errors() {
        let tries = |errors: usize| (0..20).rev().map(move |number| number < errors);
        assert!(opens(tries(14), Duration::ZERO));
        assert!(!opens(tries(13), Duration::ZERO));
    }

    #[test]
    fn it_opens_at_1_000_errors_whatever_their_share() {
        let tries = |errors| (0..errors * 2).map(|number| number % 2 == 1);
        assert!(opens(tries(1_000), Duration::ZERO));
        assert!(!opens(tries(999), Duration::ZERO));
    }

    #[test]
    fn errors_are_forgotten_after_5_minutes() {
        assert!(opens([true; 20], Duration::from_secs(15)));
        assert!(!opens([true; 20], Duration::from_secs(16)), "never 20 tries in the window");
    }

    #[test]
    fn it_closes_again() {
        let (mut breaker, pace, now) = (Breaker::default(), Pace::default(), Instant::now());
        for _ in 0..20 {
            breaker.note(true, now, &pace);
        }
        assert!(breaker.is_open(now));
        assert!(!breaker.is_open(now + pace.breaker_pause));
        breaker.note(true, now + pace.breaker_pause, &pace);
        assert!(!breaker.is_open(now + pace.breaker_pause), "it counts from nothing");
    }
}
