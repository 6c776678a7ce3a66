//! Random stories of a few tickets and people, small enough that they collide all the time.

use std::collections::BTreeSet;

use proptest::{collection::vec, option::weighted, prelude::*, sample::select};

/// One event of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Names the event; later events of a tie are greater.
    pub id: String,
    pub what: What,
    pub ticket: i64,
    /// Seconds: few, so that versions tie.
    pub updated: i64,
    pub observed: i64,
    pub requester: i64,
    pub email: Option<&'static str>,
    pub subject: &'static str,
}

/// What an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Created,
    Updated,
    Undeleted,
    Deleted,
    Erased,
}

/// Events, in two orders of arrival with repeats, and how arrivals are cut into batches.
#[derive(Debug, Clone)]
pub struct Story {
    pub first: Vec<Told>,
    pub second: Vec<Told>,
    pub cuts: Vec<usize>,
}

impl Story {
    /// Whether a ticket is erased in it: what comes after answers ERASED, so that orders differ.
    pub fn erases(&self) -> bool {
        !self.erased().is_empty()
    }

    /// The tickets that are erased in it.
    pub fn erased(&self) -> BTreeSet<i64> {
        let erasures = self.first.iter().filter(|told| told.what == What::Erased);
        erasures.map(|told| told.ticket).collect()
    }
}

pub fn stories() -> impl Strategy<Value = Story> {
    let what = prop_oneof![
        5 => Just(What::Created),
        8 => Just(What::Updated),
        1 => Just(What::Undeleted),
        2 => Just(What::Deleted),
    ];
    let rarely_erased = prop_oneof![30 => what, 1 => Just(What::Erased)];
    let told = (
        rarely_erased,
        1..=3_i64,
        1..=5_i64,
        1..=5_i64,
        1..=3_i64,
        weighted(0.7, select(vec!["ann@x.nl", "ANN@X.nl ", "bob@x.nl", "cor@x.nl"])),
        select(vec!["a", "b", "c"]),
    );
    let events = vec(told, 1..14).prop_map(|told| {
        let tell = |(at, (what, ticket, updated, observed, requester, email, subject))| Told {
            id: format!("e{at:02}"),
            what,
            ticket,
            updated,
            observed,
            requester,
            email,
            subject,
        };
        told.into_iter().enumerate().map(tell).collect::<Vec<_>>()
    });
    let arrivals = events.prop_flat_map(|events| {
        let repeats = proptest::sample::subsequence(events.clone(), 0..=events.len().min(3));
        repeats.prop_map(move |repeats| [events.clone(), repeats].concat())
    });
    arrivals.prop_flat_map(|arrivals| {
        let first = Just(arrivals.clone()).prop_shuffle();
        let second = Just(arrivals).prop_shuffle();
        (first, second, vec(1..6_usize, 16)).prop_map(|(first, second, cuts)| Story {
            first,
            second,
            cuts,
        })
    })
}
