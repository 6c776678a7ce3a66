//! Waiting, with a bound, for what can be observed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{Error, Result};

/// How long to wait at most: longer than a lease of the service's upkeep, which a sandbox that was
/// killed may have left behind.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// How often to look: too soon for a person to notice.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something to see, and gives it; `what` says what did not come.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if Instant::now() >= deadline {
            return Err(Error::Unexpected(format!("in vain waited for: {what}")));
        }
        sleep(LOOK_EVERY).await;
    }
}
