//! The database's clock: one for all replicas, whose own may differ.

use std::time::Duration;

/// A statement that reads the database's clock: the same on both engines but for how that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocked {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// Writes a statement down for both engines. It has the time in microseconds as `now`, of a table
/// `clock`, and goes on behind that; where it locks rows, `PostgreSQL` says so in the middle.
macro_rules! clocked {
    ($text:expr) => {
        $crate::store::clock::clocked!($text, postgres: "", "")
    };
    ($head:expr, postgres: $middle:literal, $tail:expr) => {
        $crate::store::clock::Clocked {
            sqlite: concat!(
                "
                  with clock as
                       (select cast(unixepoch('subsec') * 1000000 as integer) as now)",
                $head,
                $tail
            ),
            postgres: concat!(
                "
                  with clock as
                       (select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint) as now)",
                $head,
                $middle,
                $tail
            ),
        }
    };
}

pub(super) use clocked;

/// A time span as statements count it.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
