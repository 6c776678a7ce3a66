//! What the rules say a story ends in, told without state: every question is answered from the list
//! of what has arrived.

use std::collections::{BTreeMap, BTreeSet};

use super::story::{Arrivals, REQUESTERS, TICKETS, Told, What};

/// The e-mail addresses' ticket objects: which tickets, with which subject.
pub type Objects = BTreeMap<String, BTreeMap<i64, &'static str>>;

/// One entry of the log: kind, ticket, event, and unless erased the contact, the subject and the
/// fields that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub created: bool,
    pub ticket: i64,
    pub event: String,
    pub content: Option<(String, &'static str, Vec<&'static str>)>,
}

/// The end of a story.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    pub objects: Objects,
    pub tagged: BTreeSet<String>,
    pub parked: BTreeSet<String>,
    /// The tickets that are erased.
    pub tombstones: BTreeSet<i64>,
    /// The events whose outcome is ERASED.
    pub erased: BTreeSet<String>,
    pub log: Vec<Logged>,
}

#[derive(Default)]
struct Model<'a> {
    /// What has arrived, once each, but for what came for erased tickets.
    heard: Vec<&'a Told>,
    /// What has been applied to a ticket: snapshots of known requesters, and deletions.
    applied: Vec<&'a Told>,
    log: Vec<Logged>,
    forgotten: Option<Forgotten>,
}

/// What goes with a contact that is erased.
struct Forgotten {
    email: &'static str,
    requesters: BTreeSet<i64>,
    tickets: BTreeSet<i64>,
    /// How much had been heard by then.
    heard: usize,
}

/// Tells how a story ends whose events arrive in this order, and in whose middle the contact with
/// this address may be erased.
pub fn ending(arrivals: &Arrivals, erased_contact: Option<&'static str>) -> Ending {
    let mut model = Model::default();
    let mut seen: BTreeMap<&str, i64> = BTreeMap::new();
    let [before, after] = arrivals;
    for (part, told) in [(before, None), (after, erased_contact)] {
        if let Some(email) = told {
            model.forget(email);
        }
        for told in part {
            if seen.insert(&told.id, told.ticket).is_none() {
                model.hear(told);
            }
        }
    }
    let erased = |ticket: &i64| model.erased(*ticket);
    let events = seen.iter().filter(|(_, ticket)| erased(ticket)).map(|(id, _)| (*id).to_owned());
    Ending {
        objects: model.objects(),
        tagged: model.tagged(),
        parked: model.parked().map(|told| told.id.clone()).collect(),
        tombstones: (1..=TICKETS).filter(erased).collect(),
        erased: events.collect(),
        log: model.log,
    }
}

fn email(told: &Told) -> Option<String> {
    told.email.filter(|_| told.what != What::Erased).map(|email| email.trim().to_lowercase())
}

fn version(told: &Told) -> (i64, i64, &str) {
    (told.updated, told.observed, &told.id)
}

fn is_snapshot(told: &Told) -> bool {
    matches!(told.what, What::Created | What::Updated | What::Undeleted)
}

impl<'a> Model<'a> {
    fn hear(&mut self, told: &'a Told) {
        if self.erased(told.ticket) {
            return;
        }
        let known_before = self.email_of(told.requester).is_some();
        self.heard.push(told);
        if told.what == What::Erased {
            self.log.iter_mut().filter(|entry| entry.ticket == told.ticket).for_each(|entry| {
                entry.content = None;
            });
            return;
        }
        if !known_before && self.email_of(told.requester).is_some() {
            let mut waiting: Vec<&Told> = self
                .heard
                .iter()
                .copied()
                .filter(|other| other.id != told.id && other.requester == told.requester)
                .filter(|other| is_snapshot(other) && !self.erased(other.ticket))
                .filter(|other| !self.applied.iter().any(|done| done.id == other.id))
                .collect();
            waiting.sort_by_key(|other| version(other));
            for other in waiting {
                self.apply(other);
            }
        }
        if !is_snapshot(told) || self.email_of(told.requester).is_some() {
            self.apply(told);
        }
    }

    /// The contact is erased, with its requesters and the tickets that are theirs.
    fn forget(&mut self, email: &'static str) {
        let is = |contact: Option<String>| contact.as_deref() == Some(email);
        let requesters: BTreeSet<i64> =
            (1..=REQUESTERS).filter(|requester| is(self.email_of(*requester))).collect();
        let of_them = |ticket: &i64| {
            self.contents(*ticket).is_some_and(|told| requesters.contains(&told.requester))
        };
        let tickets: BTreeSet<i64> = (1..=TICKETS).filter(of_them).collect();
        for entry in &mut self.log {
            let of_contact = entry.content.as_ref().is_some_and(|(contact, ..)| contact == email);
            if of_contact || tickets.contains(&entry.ticket) {
                entry.content = None;
            }
        }
        self.forgotten = Some(Forgotten { email, requesters, tickets, heard: self.heard.len() });
    }

    fn apply(&mut self, told: &'a Told) {
        let before = self.newest(told.ticket);
        self.applied.push(told);
        let after = self.newest(told.ticket);
        let announced = self.log.iter().any(|entry| entry.created && entry.ticket == told.ticket);
        let Some(after) = after.filter(|after| is_snapshot(after)) else { return };
        let changed = match before {
            _ if told.what == What::Created && !announced => Some(Vec::new()),
            Some(before) if is_snapshot(before) && after.id == told.id => {
                Some(differences(before, after)).filter(|fields| !fields.is_empty())
            }
            _ => None,
        };
        let Some(changed) = changed else { return };
        let contact = self.email_of(after.requester).unwrap_or_default();
        self.log.push(Logged {
            created: told.what == What::Created && !announced,
            ticket: told.ticket,
            event: told.id.clone(),
            content: Some((contact, after.subject, changed)),
        });
    }

    /// The newest applied event of a ticket.
    fn newest(&self, ticket: i64) -> Option<&'a Told> {
        newest(&self.applied, ticket)
    }

    /// The state whose contents a ticket has: its newest, or the last one before it was deleted.
    fn contents(&self, ticket: i64) -> Option<&'a Told> {
        (1..=self.applied.len()).rev().find_map(|count| {
            newest(&self.applied[..count], ticket).filter(|told| is_snapshot(told))
        })
    }

    fn erased(&self, ticket: i64) -> bool {
        let forgotten = self.forgotten.as_ref();
        forgotten.is_some_and(|forgotten| forgotten.tickets.contains(&ticket))
            || self.heard.iter().any(|told| told.what == What::Erased && told.ticket == ticket)
    }

    /// The newest observed e-mail address of a requester.
    fn email_of(&self, requester: i64) -> Option<String> {
        let forgotten = self.forgotten.as_ref();
        let forgotten = forgotten.filter(|forgotten| forgotten.requesters.contains(&requester));
        self.heard
            .iter()
            .skip(forgotten.map_or(0, |forgotten| forgotten.heard))
            .filter(|told| told.requester == requester && email(told).is_some())
            .max_by_key(|told| (told.observed, &told.id))
            .and_then(|told| email(told))
    }

    /// Whoever's address was shown, unless they were erased after that.
    fn tagged(&self) -> BTreeSet<String> {
        let forgotten = self.forgotten.as_ref();
        let gone = |at: usize, shown: &str| {
            forgotten.is_some_and(|forgotten| at < forgotten.heard && shown == forgotten.email)
        };
        let shown = self.heard.iter().enumerate();
        shown.filter_map(|(at, told)| email(told).filter(|shown| !gone(at, shown))).collect()
    }

    fn parked(&self) -> impl Iterator<Item = &'a Told> {
        self.heard
            .iter()
            .copied()
            .filter(|told| is_snapshot(told) && !self.erased(told.ticket))
            .filter(|told| self.email_of(told.requester).is_none())
            .filter(|told| !self.applied.iter().any(|done| done.id == told.id))
    }

    fn objects(&self) -> Objects {
        let mut objects = Objects::new();
        for ticket in 1..=TICKETS {
            let Some(newest) = self.newest(ticket).filter(|newest| is_snapshot(newest)) else {
                continue;
            };
            let held = self
                .parked()
                .any(|parked| parked.ticket == ticket && version(parked) > version(newest));
            if !held && !self.erased(ticket) {
                let contact = self.email_of(newest.requester).unwrap_or_default();
                objects.entry(contact).or_default().insert(ticket, newest.subject);
            }
        }
        objects
    }
}

/// The newest of these events of a ticket.
fn newest<'a>(events: &[&'a Told], ticket: i64) -> Option<&'a Told> {
    let its = events.iter().copied().filter(|told| told.ticket == ticket);
    its.max_by_key(|told| version(told))
}

/// The fields in which two snapshots of a ticket differ, in the fields' order.
fn differences(before: &Told, after: &Told) -> Vec<&'static str> {
    let mut fields = Vec::new();
    if before.updated != after.updated {
        fields.push("updated_at");
    }
    if before.requester != after.requester {
        fields.push("requester_id");
    }
    if before.subject != after.subject {
        fields.push("subject");
    }
    fields
}
