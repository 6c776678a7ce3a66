//! Random stories of a few tickets and people, small enough that they collide all the time.

use std::collections::BTreeSet;

use proptest::{
    collection::vec,
    option::weighted,
    prelude::*,
    sample::{select, subsequence},
};

/// How many tickets there are: more than one story erases, as a rule.
pub const TICKETS: i64 = 4;
/// How many people ask.
pub const REQUESTERS: i64 = 3;

const ANN: &str = "ann@x.example";
const BOB: &str = "bob@x.example";
const COR: &str = "cor@x.example";

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

/// Events in the order of their arrival: those before a contact is erased, and those after.
pub type Arrivals = [Vec<Told>; 2];

/// Events, in two orders of arrival with repeats, and how arrivals are cut into batches.
#[derive(Debug, Clone)]
pub struct Story {
    pub first: Arrivals,
    pub second: Arrivals,
    /// The contact with this e-mail address is erased between the two parts.
    pub erased_contact: Option<&'static str>,
    pub cuts: Vec<usize>,
}

impl Story {
    /// The tickets that are deleted for ever in it: what comes after answers ERASED, so that orders
    /// differ.
    pub fn erased(&self) -> BTreeSet<i64> {
        let erasures = self.first.iter().flatten().filter(|told| told.what == What::Erased);
        erasures.map(|told| told.ticket).collect()
    }
}

pub fn stories() -> impl Strategy<Value = Story> {
    let parted = (vec(events(), 1..14), any::<prop::sample::Index>(), select(vec![ANN, BOB, COR]));
    let parts = (parted, weighted(0.5, Just(()))).prop_map(|((told, at, contact), erased)| {
        let tell = |(at, told)| Told { id: format!("e{at:02}"), ..told };
        let mut told: Vec<Told> = told.into_iter().enumerate().map(tell).collect();
        let after = erased.map(|()| told.split_off(at.index(told.len() + 1)));
        ([told, after.unwrap_or_default()], erased.map(|()| contact))
    });
    parts.prop_flat_map(|([before, after], erased_contact)| {
        // What comes again may have come before the erasure.
        let again = [before.clone(), after.clone()].concat();
        let (before, after) = (repeated(before.clone(), before), repeated(after, again));
        let arrivals =
            (before, if erased_contact.is_some() { after.boxed() } else { Just(vec![]).boxed() });
        (arrivals, vec(1..6_usize, 16)).prop_flat_map(move |((before, after), cuts)| {
            let order =
                || [Just(before.clone()).prop_shuffle(), Just(after.clone()).prop_shuffle()];
            let (cuts, erased_contact) = (Just(cuts), Just(erased_contact));
            (order(), order(), erased_contact, cuts).prop_map(
                |(first, second, erased_contact, cuts)| Story {
                    first,
                    second,
                    erased_contact,
                    cuts,
                },
            )
        })
    })
}

/// One event, without its name.
fn events() -> impl Strategy<Value = Told> {
    let what = prop_oneof![
        5 => Just(What::Created),
        8 => Just(What::Updated),
        1 => Just(What::Undeleted),
        2 => Just(What::Deleted),
    ];
    let told = (
        prop_oneof![30 => what, 1 => Just(What::Erased)],
        1..=TICKETS,
        1..=5_i64,
        1..=5_i64,
        1..=REQUESTERS,
        weighted(0.7, select(vec![ANN, "ANN@X.example ", BOB, COR])),
        select(vec!["a", "b", "c"]),
    );
    told.prop_map(|(what, ticket, updated, observed, requester, email, subject)| Told {
        id: String::new(),
        what,
        ticket,
        updated,
        observed,
        requester,
        email,
        subject,
    })
}

/// These events, and a few of those again.
fn repeated(events: Vec<Told>, again: Vec<Told>) -> impl Strategy<Value = Vec<Told>> {
    let most = again.len().min(3);
    let repeats = subsequence(again, 0..=most);
    repeats.prop_map(move |repeats| [events.clone(), repeats].concat())
}
