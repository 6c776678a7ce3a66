//! A moment in UTC, to the microsecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, civil::DateTime};
use serde::{Deserialize, Serialize};

use super::Invalid;

/// A moment, as microseconds since 1970-01-01T00:00:00Z. Both engines store it as `bigint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, the first moment there is.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59.999999Z, the last moment that RFC 3339 and protobuf can write.
    pub const MAX: Self = Self(253_402_300_799_999_999);
    /// How far ahead of the service's clock an observed time may lie: what clocks drift apart by
    /// where nobody looks after them. More would let one wrong clock make a ticket immovable.
    pub const MAX_AHEAD: Duration = Duration::from_mins(5);

    /// Takes microseconds since 1970.
    ///
    /// # Errors
    /// Outside 1970 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self, Invalid> {
        if (0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(Invalid::new("lies outside the years 1970 to 9999"))
        }
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Refuses a moment more than [`Self::MAX_AHEAD`] after `now`.
    ///
    /// # Errors
    /// When it lies further ahead.
    pub fn not_ahead_of(self, now: Self) -> Result<Self, Invalid> {
        if self > now.plus(Self::MAX_AHEAD) {
            return Err(Invalid::new("lies more than 5 minutes ahead of the service's clock"));
        }
        Ok(self)
    }

    /// The moment in RFC 3339, in UTC, with as many fractional digits as it needs.
    #[must_use]
    pub fn to_rfc_3339(self) -> String {
        format!("{}Z", self.civil())
    }

    /// The day it falls on in UTC, such as `2026-11-22`.
    #[must_use]
    pub fn to_date(self) -> String {
        self.civil().date().to_string()
    }

    /// By the calendar, which has all years up to 9999; jiff's own timestamps end a day sooner.
    fn civil(self) -> DateTime {
        DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
            .saturating_add(SignedDuration::from_micros(self.0))
    }

    /// This moment and a duration later, at most [`Self::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros).min(Self::MAX.0))
    }

    /// This moment and a duration earlier, at least 1970.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(0))
    }
}

impl From<SystemTime> for Timestamp {
    /// A clock before 1970 counts as 1970.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(0).plus(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_from_the_first_to_the_last() {
        for (micros, moment, day) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01"),
            (1_795_366_799_000_000, "2026-11-22T16:59:59Z", "2026-11-22"),
            (1_709_251_199_500_000, "2024-02-29T23:59:59.5Z", "2024-02-29"),
            (1, "1970-01-01T00:00:00.000001Z", "1970-01-01"),
            (Timestamp::MAX.0, "9999-12-31T23:59:59.999999Z", "9999-12-31"),
        ] {
            let at = Timestamp::from_micros(micros).unwrap();
            assert_eq!((at.to_rfc_3339().as_str(), at.to_date().as_str()), (moment, day));
        }
    }
}
