//! The rows that events come to, decided beforehand by the rules of the sync.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ticketsync::{
    clock,
    domain::{
        AccountRow, ConnectionState, EventBody, Kept, Origin, Position, Standing, TicketEvent,
        Timestamp, WorkingSet,
    },
    rpc::{event, request},
};

use super::{
    input::{self, Sent},
    statement::{Cell, Statement},
};

/// What one transaction writes: the rows of each statement, in the order of [`Statement::ALL`].
#[derive(Default)]
pub struct Batch {
    /// The id of the batch's first event, and of its connection.
    pub first: [Cell; 3],
    pub rows: [Vec<Vec<Cell>>; Statement::ALL.len()],
}

/// Everything written so far.
pub struct Decider {
    known: WorkingSet,
    now: Timestamp,
}

impl Decider {
    pub fn new() -> Self {
        let mut known = WorkingSet::default();
        for (account, connection) in input::accounts() {
            let key = request::connection_key(account, &connection).unwrap();
            let row = AccountRow {
                head: Position::START,
                last_commit_at: Timestamp::from_micros(0).unwrap(),
                parked_count: 0,
            };
            known.accounts.insert(key.account.clone(), Kept::stored(row));
            known.connections.insert(key, ConnectionState::Active);
        }
        Self { known, now: clock::now() }
    }

    /// What events write when they are committed together: each changed row once.
    pub fn batch(&mut self, events: &[Sent]) -> Batch {
        let parsed: Vec<TicketEvent> = events.iter().map(|sent| self.parse(sent)).collect();
        let mut set = self.known_of(&parsed);
        let first = &parsed[0];
        let mut batch = Batch {
            first: [
                first.connection.account.as_str().into(),
                first.connection.connection.to_string().into(),
                first.id().as_str().into(),
            ],
            rows: Default::default(),
        };
        let mut random = rand::random::<u128>;
        for event in parsed {
            set.apply(event, self.now, &mut random).unwrap();
        }
        self.people(&set, &mut batch);
        tickets(&set, &mut batch);
        self.results(&set, &mut batch);
        triggers(&set, &mut batch);
        accounts(&set, self.now, &mut batch);
        self.keep(set);
        // In the order of their keys, the kindest to an index.
        batch.rows.iter_mut().for_each(|rows| rows.sort_unstable());
        batch
    }

    fn parse(&self, sent: &Sent) -> TicketEvent {
        let message = sent.message.clone();
        let connection =
            request::connection_key(message.account_id, &message.connection_id).unwrap();
        event::parse(connection, message.event, self.now).unwrap()
    }

    /// What is known of everything that the events touch, as if it had been loaded.
    fn known_of(&self, events: &[TicketEvent]) -> WorkingSet {
        let (known, mut set) = (&self.known, WorkingSet::default());
        for event in events {
            let connection = &event.connection;
            let account = &connection.account;
            take(&known.accounts, &mut set.accounts, account.clone());
            take(&known.connections, &mut set.connections, connection.clone());
            take(&known.results, &mut set.results, (connection.clone(), event.id().clone()));
            take(&known.tickets, &mut set.tickets, (connection.clone(), event.ticket_id));
            let EventBody::Snapshot(snapshot) = &event.body else { continue };
            let requester = &snapshot.requester;
            take(&known.requesters, &mut set.requesters, (connection.clone(), requester.id));
            if let Some(email) = &requester.email {
                take(&known.contacts, &mut set.contacts, (account.clone(), email.key()));
            }
        }
        set
    }

    fn keep(&mut self, set: WorkingSet) {
        let known = &mut self.known;
        for (key, row) in set.accounts {
            known.accounts.insert(key, Kept::stored(row.get().clone()));
        }
        for (key, row) in set.contacts {
            known.contacts.insert(key, Kept::stored(row.get().clone()));
        }
        for (key, row) in set.requesters {
            known.requesters.insert(key, Kept::stored(row.get().clone()));
        }
        for (key, row) in set.tickets {
            known.tickets.insert(key, Kept::stored(row.get().clone()));
        }
        for (key, row) in set.results {
            known.results.insert(key, Kept::stored(row.get().clone()));
        }
    }

    fn people(&self, set: &WorkingSet, batch: &mut Batch) {
        for ((account, key), contact) in &set.contacts {
            let row = contact.get();
            // Every contact of the input comes to be by an event, and so is synced from the start.
            if contact.pending().is_some() {
                batch.rows[Statement::InsertContacts as usize].push(vec![
                    account.as_str().into(),
                    row.id.to_string().into(),
                    row.email.as_str().into(),
                    key.as_str().into(),
                    row.name.as_str().into(),
                    row.synced_at.map(Timestamp::as_micros).into(),
                    self.now.as_micros().into(),
                ]);
            }
        }
        for ((key, id), requester) in &set.requesters {
            let statement = match requester.pending() {
                Some(Origin::New) => Statement::InsertRequesters,
                Some(Origin::Stored) => Statement::UpdateRequesters,
                None => continue,
            };
            let row = requester.get();
            batch.rows[statement as usize].push(vec![
                key.account.as_str().into(),
                key.connection.to_string().into(),
                id.get().into(),
                row.contact_id.to_string().into(),
                row.observed.at.as_micros().into(),
                row.observed.event_id.as_str().into(),
            ]);
        }
    }

    fn results(&self, set: &WorkingSet, batch: &mut Batch) {
        for ((key, id), result) in &set.results {
            if result.pending().is_none() {
                continue;
            }
            let row = result.get();
            batch.rows[Statement::InsertEvents as usize].push(vec![
                key.account.as_str().into(),
                key.connection.to_string().into(),
                id.as_str().into(),
                row.effect.ticket_id.get().into(),
                row.effect.outcome.as_str().into(),
                row.effect.contact_id.map(|id| id.to_string()).into(),
                row.effect.position.map(Position::get).into(),
                row.content_hash.map(|hash| URL_SAFE_NO_PAD.encode(hash)).into(),
                self.now.as_micros().into(),
            ]);
        }
    }
}

fn take<K: Hash + Eq, V: Clone, S: BuildHasher>(
    from: &HashMap<K, V, S>,
    to: &mut HashMap<K, V, S>,
    key: K,
) {
    if let Some(row) = from.get(&key) {
        to.insert(key, row.clone());
    }
}

fn tickets(set: &WorkingSet, batch: &mut Batch) {
    for ((key, id), ticket) in &set.tickets {
        let statement = match ticket.pending() {
            Some(Origin::New) => Statement::InsertTickets,
            Some(Origin::Stored) => Statement::UpdateTickets,
            None => continue,
        };
        let row = ticket.get();
        let Standing::Live(content) = &row.standing else { panic!("the input deletes no ticket") };
        batch.rows[statement as usize].push(vec![
            key.account.as_str().into(),
            key.connection.to_string().into(),
            id.get().into(),
            "live".into(),
            content.requester_id.get().into(),
            content.created_at.as_micros().into(),
            row.version.updated_at.as_micros().into(),
            row.version.observed.at.as_micros().into(),
            row.version.observed.event_id.as_str().into(),
            i64::from(row.created_logged).into(),
            row.last_position.map(Position::get).into(),
            serde_json::to_string(content).unwrap().into(),
        ]);
    }
}

fn triggers(set: &WorkingSet, batch: &mut Batch) {
    for trigger in &set.triggers {
        batch.rows[Statement::InsertTriggers as usize].push(vec![
            trigger.connection.account.as_str().into(),
            trigger.position.get().into(),
            trigger.kind.as_str().into(),
            trigger.entropy.into(),
            trigger.connection.connection.to_string().into(),
            trigger.ticket_id.get().into(),
            trigger.observed.event_id.as_str().into(),
            trigger.contact_id.to_string().into(),
            trigger.observed.at.as_micros().into(),
            trigger.committed_at.as_micros().into(),
            trigger.previous_position.map(Position::get).into(),
            serde_json::to_string(&trigger.ticket).unwrap().into(),
            serde_json::to_string(&trigger.changes).unwrap().into(),
        ]);
    }
}

fn accounts(set: &WorkingSet, now: Timestamp, batch: &mut Batch) {
    for (account, row) in &set.accounts {
        if row.pending().is_some() {
            batch.rows[Statement::UpdateAccounts as usize].push(vec![
                account.as_str().into(),
                row.get().head.get().into(),
                row.get().last_commit_at.as_micros().into(),
            ]);
        }
    }
    for key in &set.heard {
        batch.rows[Statement::UpdateConnections as usize].push(vec![
            key.account.as_str().into(),
            key.connection.to_string().into(),
            now.as_micros().into(),
        ]);
    }
}
