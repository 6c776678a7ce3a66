//! How many calls an account may make a minute.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What calls are counted by.
#[derive(Clone, Copy)]
pub(super) enum Budget {
    /// All calls of the API.
    Calls,
    /// Pages of the export.
    Exports,
}

/// The counts of one help desk. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Limits(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    calls: Count,
    exports: Count,
}

/// A minute that began with its first call.
#[derive(Default)]
struct Count {
    began_at: Option<Instant>,
    used: u32,
}

impl Limits {
    /// Counts a call; gives how many remain in this minute.
    ///
    /// # Errors
    /// Where none was left: how long the minute still lasts.
    pub(super) fn take(
        &self,
        budget: Budget,
        limit: u32,
        minute: Duration,
        now: Instant,
    ) -> Result<u32, Duration> {
        let mut counts = self.lock();
        let count = match budget {
            Budget::Calls => &mut counts.calls,
            Budget::Exports => &mut counts.exports,
        };
        let ends_at = count.began_at.map(|began_at| began_at + minute).filter(|end| now < *end);
        let Some(ends_at) = ends_at else {
            *count = Count { began_at: Some(now), used: 1 };
            return limit.checked_sub(1).ok_or(minute);
        };
        let remaining = limit.checked_sub(count.used + 1).ok_or(ends_at - now)?;
        count.used += 1;
        Ok(remaining)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_runs_out_and_comes_back_with_the_next_minute() {
        let (limits, minute, start) = (Limits::default(), Duration::from_mins(1), Instant::now());
        let take =
            |budget, after| limits.take(budget, 2, minute, start + Duration::from_secs(after));
        assert_eq!(take(Budget::Calls, 0), Ok(1));
        assert_eq!(take(Budget::Calls, 10), Ok(0));
        assert_eq!(take(Budget::Calls, 20), Err(Duration::from_secs(40)));
        assert_eq!(take(Budget::Exports, 20), Ok(1), "each budget is its own");
        assert_eq!(take(Budget::Calls, 60), Ok(1));
    }
}
