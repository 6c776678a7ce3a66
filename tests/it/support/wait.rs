//! Waiting with a bound, in place of sleeping.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a test waits for what must come: far above what it takes on a busy machine, so that only
/// a defect reaches it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition that tells nobody of its change is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until there is something to see, and answers it.
///
/// # Panics
/// When [`PATIENCE`] runs out; `what` says what did not come.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    within(PATIENCE, LOOK_EVERY, what, look)
}

/// The same for what may take so long, and costs too much to be looked at all the time.
///
/// # Panics
/// When the patience runs out; `what` says what did not come.
#[track_caller]
pub fn within<T>(
    patience: Duration,
    look_every: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            assert!(Instant::now() < deadline, "{caller}: never came: {what}");
            sleep(look_every).await;
        }
    }
}
