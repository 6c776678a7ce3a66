//! A record, and the states it had a moment ago.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize, Serializer};

use crate::domain::Timestamp;

/// The longest that reads may lag behind: states are kept as long.
pub(super) const MAX_LAG: Duration = Duration::from_mins(1);
/// How many earlier states are kept at most, whatever their age.
const MAX_PAST: usize = 64;

/// A record as it stands, and as it stood. Saved as it stands.
#[derive(Clone, Deserialize)]
#[serde(from = "T")]
pub(super) struct History<T: Clone> {
    newest: T,
    since: Timestamp,
    /// Earlier states with the moment each came about, the oldest first.
    past: VecDeque<(Timestamp, T)>,
}

impl<T: Clone> History<T> {
    /// A record that has just come to be.
    pub(super) fn new(newest: T, since: Timestamp) -> Self {
        Self { newest, since, past: VecDeque::new() }
    }

    /// The record as it stands.
    pub(super) const fn newest(&self) -> &T {
        &self.newest
    }

    /// The record as it stands, to be changed without a trace.
    pub(super) const fn newest_mut(&mut self) -> &mut T {
        &mut self.newest
    }

    /// The record as it stood; none where it was not there yet.
    pub(super) fn as_of(&self, moment: Timestamp) -> Option<&T> {
        if self.since <= moment {
            return Some(&self.newest);
        }
        self.past.iter().rev().find(|(since, _)| *since <= moment).map(|(_, state)| state)
    }

    /// Changes the record, and forgets states that nobody can ask for any more.
    pub(super) fn change(&mut self, state: T, now: Timestamp) {
        let old = std::mem::replace(&mut self.newest, state);
        self.past.push_back((self.since, old));
        self.since = self.since.max(now);
        let needed_since = now.minus(MAX_LAG);
        let outlived = |past: &VecDeque<(Timestamp, T)>| {
            past.len() > MAX_PAST || past.get(1).is_some_and(|(since, _)| *since <= needed_since)
        };
        while outlived(&self.past) {
            self.past.pop_front();
        }
    }
}

impl<T: Clone> From<T> for History<T> {
    /// A record read from a file has always been as it stands.
    fn from(newest: T) -> Self {
        Self::new(newest, std::time::UNIX_EPOCH.into())
    }
}

impl<T: Clone + Serialize> Serialize for History<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.newest.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000).unwrap()
    }

    #[test]
    fn a_record_is_shown_as_it_stood() {
        let mut record = History::new("new", at(10));
        record.change("open", at(20));
        record.change("solved", at(30));
        let seen = [9, 10, 19, 20, 30, 99].map(|second| record.as_of(at(second)).copied());
        assert_eq!(seen[..2], [None, Some("new")]);
        assert_eq!(seen[2..4], [Some("new"), Some("open")]);
        assert_eq!(seen[4..], [Some("solved"), Some("solved")]);
    }

    #[test]
    fn states_past_the_longest_lag_are_forgotten() {
        let mut record = History::new(0, at(0));
        for second in 1..=200 {
            record.change(second, at(second));
        }
        assert_eq!(record.as_of(at(140)), Some(&140));
        assert_eq!(record.as_of(at(100)), None);
    }
}
