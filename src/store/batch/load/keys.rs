//! What a batch touches.

use std::collections::HashSet;

use crate::{
    domain::{
        AccountId, ConnectionKey, EmailKey, EventBody, EventId, Hint, Incoming, Requester,
        TicketEvent, TicketId, ZendeskId,
    },
    store::stage::{Stage, Staged},
};

/// What a batch touches, as far as its events and hints tell.
#[derive(Debug, Default)]
pub struct BatchKeys {
    pub(super) accounts: HashSet<AccountId>,
    pub(super) connections: HashSet<ConnectionKey>,
    pub(super) events: HashSet<(ConnectionKey, EventId)>,
    /// The ids among these that are of hints to be stored.
    pub(super) hints: HashSet<(ConnectionKey, EventId)>,
    pub(super) tickets: HashSet<(ConnectionKey, TicketId)>,
    pub(super) requesters: HashSet<(ConnectionKey, ZendeskId)>,
    /// The requesters whose e-mail address an event shows: what is parked for them is released.
    pub(super) shown: HashSet<(ConnectionKey, ZendeskId)>,
    pub(super) emails: HashSet<(AccountId, EmailKey)>,
}

impl BatchKeys {
    /// Collects the keys of events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a TicketEvent>) -> Self {
        let mut keys = Self::default();
        for event in events {
            keys.add_event(event);
        }
        keys
    }

    /// Collects the keys of events and hints.
    pub fn of_incoming<'a>(incoming: impl IntoIterator<Item = &'a Incoming>) -> Self {
        let mut keys = Self::default();
        for incoming in incoming {
            match incoming {
                Incoming::Event(event) => keys.add_event(event),
                Incoming::Hint(connection, hint) => keys.add_hint(connection, hint),
            }
        }
        keys
    }

    fn add_event(&mut self, event: &TicketEvent) {
        let connection = &event.connection;
        self.add_id(connection, event.id());
        self.tickets.insert((connection.clone(), event.ticket_id));
        match &event.body {
            EventBody::Snapshot(snapshot) => self.requester(connection, &snapshot.requester),
            EventBody::Deleted { requester: Some(requester) } => {
                self.requester(connection, requester);
            }
            EventBody::Deleted { requester: None }
            | EventBody::Absent
            | EventBody::PermanentlyDeleted => {}
        }
    }

    /// Nothing of a hint's ticket is looked at before that is fetched.
    fn add_hint(&mut self, connection: &ConnectionKey, hint: &Hint) {
        self.add_id(connection, &hint.id);
        self.hints.insert((connection.clone(), hint.id.clone()));
    }

    fn add_id(&mut self, connection: &ConnectionKey, id: &EventId) {
        self.accounts.insert(connection.account.clone());
        self.connections.insert(connection.clone());
        self.events.insert((connection.clone(), id.clone()));
    }

    /// Whether there are others than hints among them.
    pub(super) fn has_events(&self) -> bool {
        self.hints.len() < self.events.len() || !self.tickets.is_empty()
    }

    /// Collects the keys of parked events that are to be tried again.
    pub fn of_parked(connection: &ConnectionKey, ids: &[EventId]) -> Self {
        Self {
            accounts: HashSet::from([connection.account.clone()]),
            connections: HashSet::from([connection.clone()]),
            events: ids.iter().map(|id| (connection.clone(), id.clone())).collect(),
            ..Self::default()
        }
    }

    fn requester(&mut self, connection: &ConnectionKey, requester: &Requester) {
        self.requesters.insert((connection.clone(), requester.id));
        if let Some(email) = &requester.email {
            self.shown.insert((connection.clone(), requester.id));
            self.emails.insert((connection.account.clone(), email.key()));
        }
    }
}

/// The rows of what a connection and an id at Zendesk name.
pub(super) fn by_id<'a>(
    statement: &'static Staged,
    keys: impl IntoIterator<Item = &'a (ConnectionKey, ZendeskId)>,
) -> Stage<'a> {
    let mut stage = statement.stage();
    for (key, id) in keys {
        let connection = key.connection.to_string();
        stage.push([key.account.as_str().into(), connection.into(), id.get().into()]);
    }
    stage
}

/// The rows of what a connection and an event's id name.
pub(super) fn by_event_id<'a>(
    statement: &'static Staged,
    keys: impl IntoIterator<Item = &'a (ConnectionKey, EventId)>,
) -> Stage<'a> {
    let mut stage = statement.stage();
    for (key, id) in keys {
        let connection = key.connection.to_string();
        stage.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
    }
    stage
}
