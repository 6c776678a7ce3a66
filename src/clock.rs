//! The one place that reads the clock; everything behind it takes `now` as an argument.

use std::time::SystemTime;

use crate::domain::Timestamp;

/// This moment.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
#[must_use]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}
