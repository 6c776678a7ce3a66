//! How much of a log goes into one batch, and how much is read for it.

use crate::store::LoggedTrigger;

/// The most bytes of events in one batch: a quarter of what a client of gRPC takes unasked (4 MiB).
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// The fewest events that one read asks for, however large the ones before were: with the largest
/// tickets this stays below 4 MiB.
const MIN_READ_EVENTS: i64 = 16;
/// The most events that one read asks for, however small the ones before were.
const MAX_READ_EVENTS: i64 = 1_024;
/// How many events the first read asks for.
const FIRST_READ_EVENTS: i64 = 128;

/// As much as makes one batch, by the size of the events read before.
pub(super) struct Portion {
    read_events: i64,
}

impl Default for Portion {
    fn default() -> Self {
        Self { read_events: FIRST_READ_EVENTS }
    }
}

impl Portion {
    /// How many events the next read asks for.
    pub(super) const fn read_events(&self) -> i64 {
        self.read_events
    }

    /// Cuts the events to one batch, and asks for as many as fit into one the next time. Answers
    /// whether any were cut off.
    pub(super) fn fit(&mut self, events: &mut Vec<LoggedTrigger>) -> bool {
        let mut bytes = 0;
        let fitting = events.iter().take_while(|event| {
            bytes += event.bytes;
            bytes <= MAX_BATCH_BYTES
        });
        let fitting = fitting.count().max(1).min(events.len());
        let is_cut = fitting < events.len();
        events.truncate(fitting);
        let bytes: usize = events.iter().map(|event| event.bytes).sum();
        if let Some(events) = (MAX_BATCH_BYTES * events.len()).checked_div(bytes) {
            let events = i64::try_from(events).unwrap_or(MAX_READ_EVENTS);
            self.read_events = events.clamp(MIN_READ_EVENTS, MAX_READ_EVENTS);
        }
        is_cut
    }
}
