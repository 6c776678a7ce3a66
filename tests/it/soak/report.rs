//! What a soak was: how much was hinted at, delivered and fetched.

use std::{collections::HashSet, fmt, net::SocketAddr, ops::AddAssign};

use ticketsync::sandbox::zendesk::{Desk, Fate};

use super::checks::fetches;

/// Counts over help desks.
#[derive(Debug, Default, Clone, Copy)]
pub struct Report {
    /// Events that were made, each a hint.
    pub hints: usize,
    pub dropped: usize,
    /// Tries to deliver, how many of them were answered 200, how many 503, and how many otherwise.
    pub tries: usize,
    pub accepted: usize,
    pub unavailable: usize,
    pub refused: usize,
    /// Events that were answered 200 more than once.
    pub doubled: usize,
    /// Calls that fetch tickets: all, those answered 200, and the tickets that those asked for.
    pub fetches: usize,
    pub fetched: usize,
    pub fetched_tickets: usize,
    /// How many of the answered ones each replica made.
    pub by_replica: [usize; 2],
    /// Calls of any kind that were answered 429.
    pub limited: usize,
    pub exports: usize,
    pub rotations: u64,
}

impl Report {
    /// Counts at one help desk, whose addresses tell which replica called.
    pub fn of(desk: &Desk, who_calls: impl Fn(SocketAddr) -> usize) -> Self {
        let (calls, deliveries) = (desk.requests(), desk.deliveries());
        let accepted = |fate| matches!(fate, Fate::Answered(200));
        let count =
            |wanted: fn(Fate) -> bool| deliveries.iter().filter(|it| wanted(it.fate)).count();
        let answered = |status| calls.iter().filter(move |call| call.status == Some(status));
        let (mut once, mut doubled) = (HashSet::new(), HashSet::new());
        for delivery in deliveries.iter().filter(|delivery| accepted(delivery.fate)) {
            if !once.insert(&delivery.event_id) {
                doubled.insert(&delivery.event_id);
            }
        }
        let fetched = || fetches(&calls).filter(|call| call.status == Some(200));
        let mut by_replica = [0; 2];
        fetched().for_each(|call| by_replica[who_calls(call.called.unwrap())] += 1);
        let dropped = count(|fate| fate == Fate::Dropped);
        Self {
            hints: usize::try_from(desk.event_count()).unwrap(),
            dropped,
            tries: deliveries.len() - dropped,
            accepted: count(|fate| fate == Fate::Answered(200)),
            unavailable: count(|fate| fate == Fate::Answered(503)),
            refused: count(
                |fate| matches!(fate, Fate::Answered(status) if ![200, 503].contains(&status)),
            ),
            doubled: doubled.len(),
            fetches: fetches(&calls).count(),
            fetched: fetched().count(),
            fetched_tickets: fetched().map(|call| call.ids.len()).sum(),
            by_replica,
            limited: answered(429).count(),
            exports: answered(200).filter(|call| call.path.contains("/incremental/")).count(),
            rotations: desk.oauth.rotations(),
        }
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        let Self {
            hints,
            dropped,
            tries,
            accepted,
            unavailable,
            refused,
            doubled,
            fetches,
            fetched,
            fetched_tickets,
            by_replica,
            limited,
            exports,
            rotations,
        } = other;
        self.hints += hints;
        self.dropped += dropped;
        self.tries += tries;
        self.accepted += accepted;
        self.unavailable += unavailable;
        self.refused += refused;
        self.doubled += doubled;
        self.fetches += fetches;
        self.fetched += fetched;
        self.fetched_tickets += fetched_tickets;
        self.by_replica = [0, 1].map(|n: usize| self.by_replica[n] + by_replica[n]);
        self.limited += limited;
        self.exports += exports;
        self.rotations += rotations;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} hints, {} of them dropped; {} deliveries, {} accepted, {} answered 503, {} otherwise, \
             {} events accepted more than once; {} fetches, {} of them answered, with {} tickets, by \
             replica {:?}; {} pages of the export; {} calls answered 429; tokens rotated {} times",
            self.hints,
            self.dropped,
            self.tries,
            self.accepted,
            self.unavailable,
            self.refused,
            self.doubled,
            self.fetches,
            self.fetched,
            self.fetched_tickets,
            self.by_replica,
            self.exports,
            self.limited,
            self.rotations,
        )
    }
}
