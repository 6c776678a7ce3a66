//! The records of a help desk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    change::UserInput,
    store::Refusal,
    ticket::{Ticket, User},
};

/// The id of the first ticket. Zendesk numbers tickets from 1; this looks like a desk in use.
const FIRST_TICKET_ID: i64 = 4101;
/// The id of the first user, 2^53 + 1: the first whole number that is lost in a float.
const FIRST_USER_ID: i64 = 9_007_199_254_740_993;

/// All records, saved as they are.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) tickets: BTreeMap<i64, Record>,
    pub(super) users: BTreeMap<i64, User>,
    /// The number of the newest change.
    pub(super) changes: u64,
}

/// A ticket and the number of its newest change, by which the export is ordered.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) ticket: Ticket,
    pub(super) change: u64,
}

impl Contents {
    /// A ticket that is not deleted.
    pub(super) fn ticket(&self, id: i64) -> Result<&Ticket, Refusal> {
        let record = self.tickets.get(&id).filter(|record| !record.ticket.deleted());
        Ok(&record.ok_or(Refusal::NotFound)?.ticket)
    }

    /// The user whom a request names as requester.
    pub(super) fn user(&self, id: i64) -> Result<&User, Refusal> {
        self.users.get(&id).ok_or_else(|| Refusal::Invalid("requester_id: is no user".into()))
    }

    /// The id of the next ticket.
    pub(super) fn next_ticket_id(&self) -> i64 {
        self.tickets.last_key_value().map_or(FIRST_TICKET_ID, |(id, _)| id + 1)
    }

    /// Keeps a ticket as newly created or changed.
    pub(super) fn put(&mut self, ticket: Ticket) {
        self.changes += 1;
        self.tickets.insert(ticket.id, Record { ticket, change: self.changes });
    }

    /// The user with the e-mail address given, or a new one.
    pub(super) fn find_or_add(&mut self, input: &UserInput) -> Result<i64, Refusal> {
        let email = input.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
        let known = self.users.values().find(|user| {
            let theirs = user.email.as_deref();
            email.is_some_and(|email| theirs.is_some_and(|it| it.eq_ignore_ascii_case(email)))
        });
        if let Some(user) = known {
            return Ok(user.id);
        }
        let name = input.name.as_deref().or(email).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Refusal::Invalid("requester.name: is required".into()));
        }
        let id = self.users.last_key_value().map_or(FIRST_USER_ID, |(id, _)| id + 1);
        self.users.insert(id, User { id, name, email: email.map(str::to_owned) });
        Ok(id)
    }
}
