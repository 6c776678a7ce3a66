//! How fast Zendesk is called: below what the account's plan allows, so that others can call too.

use std::time::Duration;

use super::Timestamp;

/// How many calls a minute the smallest plan allows: what counts until Zendesk says more.
const SMALLEST_LIMIT: u32 = 200;
/// How much of the limit is used, in hundredths. The rest is for the account's other integrations.
const SHARE: u32 = 80;
/// How many calls may be made at once before they are spread out: what a few tickets take.
const BURST: u32 = 10;
/// How long to wait where others have used the rest: they go on, and so does this, slowly.
const CROWDED_WAIT: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_mins(1);

/// The pace of the calls for one connection: in no minute more than the share of its limit.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    limit: u32,
    /// When the calls so far would have been made, had they been spread out.
    spread_to: Timestamp,
}

impl Default for Pace {
    fn default() -> Self {
        Self { limit: SMALLEST_LIMIT, spread_to: Timestamp::EPOCH }
    }
}

impl Pace {
    /// Counts a call, and answers how long it has to wait.
    pub fn take(&mut self, now: Timestamp) -> Duration {
        let from = self.spread_to.max(now);
        self.spread_to = from.plus(self.interval());
        let burst = i64::try_from(self.burst().as_micros()).unwrap_or(i64::MAX);
        let ahead = from.as_micros() - now.as_micros() - burst;
        Duration::from_micros(u64::try_from(ahead).unwrap_or_default())
    }

    /// Takes note of how many calls a minute the account may make, and how many are left of them.
    pub fn heed(&mut self, limit: u32, remaining: u32, now: Timestamp) {
        self.limit = limit;
        let reserve = limit / 100 * (100 - SHARE);
        if remaining < reserve {
            self.spread_to = self.spread_to.max(now.plus(CROWDED_WAIT + self.burst()));
        }
    }

    /// Whether nothing has to be remembered of it but the limit, which the next answer tells.
    #[must_use]
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.spread_to <= now
    }

    fn interval(&self) -> Duration {
        // A minute's share is the burst, and what is spread out after it.
        let share = u64::from(self.limit) * u64::from(SHARE) / 100;
        let spread = share.saturating_sub(u64::from(BURST)).max(1);
        Duration::from_micros(u64::try_from(MINUTE.as_micros()).unwrap_or(u64::MAX) / spread)
    }

    /// How far calls may run ahead of being spread out.
    fn burst(&self) -> Duration {
        self.interval() * (BURST - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    /// How many calls a caller who never rests can make within the minute from 0.
    fn calls(pace: &mut Pace, mut now: Timestamp) -> u32 {
        let end = now.plus(MINUTE);
        let mut count = 0;
        loop {
            now = now.plus(pace.take(now));
            if now >= end {
                return count;
            }
            count += 1;
        }
    }

    #[test]
    fn in_no_minute_are_there_more_calls_than_the_share_of_the_limit() {
        for (limit, share) in [(200, 160), (400, 320), (700, 560), (2_500, 2_000)] {
            let mut pace = Pace { limit, ..Pace::default() };
            let first = calls(&mut pace, at(0));
            assert!((share - 2..=share).contains(&first), "{first} of {limit}");
            let second = calls(&mut pace, at(60_000_000));
            assert!(second <= share, "{second} of {limit}");
        }
    }

    #[test]
    fn a_few_calls_need_not_wait_and_the_next_ones_are_spread_out() {
        let mut pace = Pace::default();
        let waits: Vec<u128> = (0..13).map(|_| pace.take(at(0)).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 400, 800, 1_200]);
        assert_eq!(pace.take(at(60_000_000)), Duration::ZERO, "after a rest");
    }

    #[test]
    fn where_others_have_used_the_rest_it_goes_on_slowly() {
        let mut pace = Pace::default();
        pace.heed(200, 40, at(0));
        assert_eq!(pace.take(at(0)), Duration::ZERO);
        pace.heed(200, 39, at(0));
        assert_eq!(pace.take(at(0)), CROWDED_WAIT);
        assert!(!pace.is_idle(at(0)) && pace.is_idle(at(60_000_000)));
    }

    #[test]
    fn an_odd_limit_stops_nothing() {
        for limit in [0, 1, 12, u32::MAX] {
            let mut pace = Pace::default();
            pace.heed(limit, u32::MAX, at(0));
            assert!(pace.take(at(0)) <= MINUTE, "{limit}");
        }
    }
}
