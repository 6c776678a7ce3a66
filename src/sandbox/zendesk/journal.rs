//! A bounded log that tests and people read.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many entries are kept, the newest: more than a long test makes, some tens of megabytes.
const MAX_ENTRIES: usize = 200_000;

/// A log of which only the newest entries are kept. Cheap to clone.
pub struct Journal<T>(Arc<Mutex<Entries<T>>>);

struct Entries<T> {
    kept: VecDeque<T>,
    /// The number of the oldest entry that is kept.
    first: u64,
}

impl<T> Journal<T> {
    /// Adds an entry; gives its number.
    pub(super) fn add(&self, entry: T) -> u64 {
        let mut entries = self.lock();
        if entries.kept.len() == MAX_ENTRIES {
            entries.kept.pop_front();
            entries.first += 1;
        }
        entries.kept.push_back(entry);
        entries.first + entries.kept.len() as u64 - 1
    }

    /// Changes an entry, unless it is no longer kept.
    pub(super) fn amend(&self, number: u64, change: impl FnOnce(&mut T)) {
        let mut entries = self.lock();
        let place = number.checked_sub(entries.first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| entries.kept.get_mut(place)) {
            change(entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Journal<T> {
    /// What is kept, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<T> {
        self.lock().kept.iter().cloned().collect()
    }

    /// The entries from a number on, the oldest first, and the number of the next one.
    #[must_use]
    pub fn since(&self, number: u64) -> (Vec<T>, u64) {
        let entries = self.lock();
        let known = usize::try_from(number.saturating_sub(entries.first)).unwrap_or(usize::MAX);
        let new = entries.kept.iter().skip(known).cloned().collect();
        (new, entries.first + entries.kept.len() as u64)
    }

    /// The newest entries, the newest first.
    #[must_use]
    pub fn newest(&self, limit: usize) -> Vec<T> {
        self.lock().kept.iter().rev().take(limit).cloned().collect()
    }
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Entries { kept: VecDeque::new(), first: 0 })))
    }
}

impl<T> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_go_and_numbers_stay() {
        let journal = Journal::default();
        for entry in 0..=MAX_ENTRIES as u64 {
            assert_eq!(journal.add(entry), entry);
        }
        journal.amend(0, |_| panic!("it is gone"));
        journal.amend(1, |entry| *entry = 0);
        assert_eq!(journal.all()[..2], [0, 2]);
        assert_eq!(journal.newest(1), [MAX_ENTRIES as u64]);
        let next = MAX_ENTRIES as u64 + 1;
        assert_eq!(journal.since(next - 2), (vec![next - 2, next - 1], next));
        assert_eq!(journal.since(next), (Vec::new(), next));
        assert_eq!(journal.since(0).0.len(), MAX_ENTRIES, "what is gone is left out");
    }
}
