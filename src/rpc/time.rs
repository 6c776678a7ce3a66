//! Timestamps between protobuf and the domain.

use prost_types::Timestamp as PbTimestamp;

use crate::domain::{Invalid, Timestamp};

const MICROS_PER_SECOND: i64 = 1_000_000;
const NANOS_PER_MICRO: i32 = 1_000;

/// Reads a protobuf timestamp; what is below a microsecond is cut off.
pub fn timestamp(time: &PbTimestamp) -> Result<Timestamp, Invalid> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Invalid::new("has nanos outside 0 to 999,999,999"));
    }
    let micros = time
        .seconds
        .checked_mul(MICROS_PER_SECOND)
        .and_then(|micros| micros.checked_add(i64::from(time.nanos / NANOS_PER_MICRO)))
        .ok_or_else(|| Invalid::new("lies outside the years 1970 to 9999"))?;
    Timestamp::from_micros(micros)
}

impl From<Timestamp> for PbTimestamp {
    fn from(time: Timestamp) -> Self {
        let micros = time.as_micros();
        // The remainder of a division by a million times a thousand is below a thousand million.
        let nanos = (micros % MICROS_PER_SECOND) as i32 * NANOS_PER_MICRO;
        Self { seconds: micros / MICROS_PER_SECOND, nanos }
    }
}
