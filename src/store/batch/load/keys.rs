//! What a batch touches.

use std::collections::HashSet;

use crate::domain::{
    AccountId, ConnectionKey, EmailKey, EventBody, EventId, Requester, TicketEvent, TicketId,
    ZendeskId,
};

/// What a batch touches, as far as its events tell.
#[derive(Debug, Default)]
pub struct BatchKeys {
    pub(super) accounts: HashSet<AccountId>,
    pub(super) connections: HashSet<ConnectionKey>,
    pub(super) events: HashSet<(ConnectionKey, EventId)>,
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
            let connection = &event.connection;
            keys.accounts.insert(connection.account.clone());
            keys.connections.insert(connection.clone());
            keys.events.insert((connection.clone(), event.id().clone()));
            keys.tickets.insert((connection.clone(), event.ticket_id));
            match &event.body {
                EventBody::Snapshot(snapshot) => keys.requester(connection, &snapshot.requester),
                EventBody::Deleted { requester: Some(requester) } => {
                    keys.requester(connection, requester);
                }
                EventBody::Deleted { requester: None } | EventBody::PermanentlyDeleted => {}
            }
        }
        keys
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
