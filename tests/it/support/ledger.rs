//! What was sent and what was answered, and whether the database agrees.

use std::collections::{BTreeMap, BTreeSet};

use ticketsync::proto::v1::{EventOutcome, EventResult, ItemError};

use super::{Connected, Event, Session};

/// The two sides of a load: what producers sent, what they were told.
#[derive(Default)]
pub struct Ledger {
    /// Every event sent, by id.
    pub sent: BTreeMap<String, Event>,
    /// What was answered with a result.
    pub answered: BTreeMap<String, EventResult>,
    /// What was answered with an error of its own.
    pub refused: BTreeMap<String, ItemError>,
}

impl Ledger {
    /// The events that nobody was told of.
    pub fn unanswered(&self) -> Vec<Event> {
        let unanswered = self.sent.iter().filter(|(id, _)| !self.answered.contains_key(*id));
        unanswered.map(|(_, event)| event.clone()).collect()
    }

    /// Takes over what another ledger holds.
    pub fn absorb(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.answered.extend(other.answered);
        self.refused.extend(other.refused);
    }

    /// Every way in which the database breaks the promises to those who were answered: an answered
    /// event that object, log or dedupe table do not hold, a gap, anything twice. Empty when it
    /// keeps them all.
    pub async fn broken_promises(&self, session: &mut Session, to: &Connected) -> Vec<String> {
        let rows = Rows::read(session, to).await;
        let mut broken = rows.doubles_and_gaps();
        for (id, told) in &self.answered {
            let outcome = match told.outcome() {
                EventOutcome::Duplicate => told.first_outcome(),
                outcome => outcome,
            };
            let outcome = outcome.as_str_name().trim_start_matches("EVENT_OUTCOME_");
            match rows.outcomes.get(id) {
                None => broken.push(format!("{id} was answered {outcome} and is lost")),
                Some(kept) if !kept.eq_ignore_ascii_case(outcome) => {
                    broken.push(format!("{id} was answered {outcome} and is kept as {kept}"));
                }
                Some(_) => {}
            }
            if let Some(position) = told.position
                && rows.log.get(&position) != Some(id)
            {
                broken.push(format!("{id} was answered position {position} and is not there"));
            }
            let updated_at = self.sent[id].0.ticket.as_ref().and_then(|ticket| ticket.updated_at);
            let updated_at = updated_at.map_or(0, |time| time.seconds * 1_000_000);
            if rows.tickets.get(&told.ticket_id).is_none_or(|kept| *kept < updated_at) {
                broken.push(format!("{id} was answered and the object is older"));
            }
        }
        broken
    }
}

/// What the database holds of one connection, and of its account's log.
struct Rows {
    /// Event ids by position.
    log: BTreeMap<i64, String>,
    /// The tickets of the created events of the log.
    created: Vec<i64>,
    head: i64,
    outcomes: BTreeMap<String, String>,
    /// `updated_at` by ticket.
    tickets: BTreeMap<i64, i64>,
}

impl Rows {
    async fn read(session: &mut Session, to: &Connected) -> Self {
        let account = format!("where account_id = '{}'", to.account_id);
        let connection = format!("{account} and connection_id = '{}'", to.connection_id);
        let log = format!("select position || ' ' || event_id from triggers {account}");
        let created = format!(
            "select ticket_id from triggers {connection} and kind = 'ticket_created'
             order by ticket_id"
        );
        let outcomes = format!("select event_id || ' ' || outcome from events {connection}");
        let tickets = format!("select ticket_id || ' ' || updated_at from tickets {connection}");
        let head = format!("select head from accounts {account}");
        Self {
            log: pairs(session.texts(&log).await, |position| position.parse().unwrap()),
            created: session.integers(&created).await,
            head: session.integers(&head).await[0],
            outcomes: pairs(session.texts(&outcomes).await, str::to_owned),
            tickets: pairs(session.texts(&tickets).await, |id| id.parse().unwrap())
                .into_iter()
                .map(|(id, updated_at)| (id, updated_at.parse().unwrap()))
                .collect(),
        }
    }

    fn doubles_and_gaps(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if !self.log.keys().copied().eq(1..=self.head) {
            broken.push(format!("the log has {} rows up to {}", self.log.len(), self.head));
        }
        let ids: BTreeSet<&String> = self.log.values().collect();
        if ids.len() != self.log.len() {
            broken.push("an event stands in the log twice".into());
        }
        let twice = self.created.windows(2).filter(|pair| pair[0] == pair[1]);
        broken.extend(twice.map(|pair| format!("ticket {} was created twice", pair[0])));
        broken
    }
}

fn pairs<K: Ord>(rows: Vec<String>, key: impl Fn(&str) -> K) -> BTreeMap<K, String> {
    let pair = |row: String| {
        let (first, second) = row.split_once(' ').unwrap();
        (key(first), second.to_owned())
    };
    rows.into_iter().map(pair).collect()
}
