//! What the rules say a story ends in, told without state: every question is answered from the list
//! of what has arrived.

use std::collections::{BTreeMap, BTreeSet};

use super::story::{Told, What};

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
    pub log: Vec<Logged>,
}

#[derive(Default)]
struct Model<'a> {
    /// What has arrived, once each, but for what came for erased tickets.
    heard: Vec<&'a Told>,
    /// What has been applied to a ticket: snapshots of known requesters, and deletions.
    applied: Vec<&'a Told>,
    log: Vec<Logged>,
}

/// Tells how a story ends whose events arrive in this order.
pub fn ending(arrivals: &[Told]) -> Ending {
    let mut model = Model::default();
    let mut seen = BTreeSet::new();
    for told in arrivals {
        if seen.insert(&told.id) {
            model.hear(told);
        }
    }
    Ending {
        objects: model.objects(),
        tagged: model.heard.iter().filter_map(|told| email(told)).collect(),
        parked: model.parked().map(|told| told.id.clone()).collect(),
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
        self.applied
            .iter()
            .copied()
            .filter(|told| told.ticket == ticket)
            .max_by_key(|told| version(told))
    }

    fn erased(&self, ticket: i64) -> bool {
        self.heard.iter().any(|told| told.what == What::Erased && told.ticket == ticket)
    }

    /// The newest observed e-mail address of a requester.
    fn email_of(&self, requester: i64) -> Option<String> {
        self.heard
            .iter()
            .filter(|told| told.requester == requester && email(told).is_some())
            .max_by_key(|told| (told.observed, &told.id))
            .and_then(|told| email(told))
    }

    fn parked(&self) -> impl Iterator<Item = &'a Told> {
        self.heard
            .iter()
            .copied()
            .filter(|told| is_snapshot(told) && !self.erased(told.ticket))
            .filter(|told| self.email_of(told.requester).is_none())
    }

    fn objects(&self) -> Objects {
        let mut objects = Objects::new();
        for ticket in 1..=3 {
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
