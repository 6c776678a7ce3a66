//! A change in the making: nothing of it is seen before it is whole.

use std::collections::BTreeMap;

use super::{
    change::UserInput,
    contents::{Contents, Place},
    happening::{Act, Happening, happenings},
    store::Refusal,
    ticket::{Ticket, User},
};
use crate::domain::Status;

/// What a change adds to the contents.
pub(super) struct Change {
    pub(super) tickets: Vec<(Ticket, Place)>,
    pub(super) users: Vec<User>,
}

/// A change in the making, over the contents before it.
pub(super) struct Draft<'a> {
    before: &'a Contents,
    tickets: BTreeMap<i64, (Ticket, Place, Vec<Act>)>,
    users: BTreeMap<i64, User>,
}

impl<'a> Draft<'a> {
    /// Nothing is changed yet.
    pub(super) const fn of(before: &'a Contents) -> Self {
        Self { before, tickets: BTreeMap::new(), users: BTreeMap::new() }
    }

    /// A ticket that is not deleted.
    pub(super) fn ticket(&self, id: i64) -> Result<&'a Ticket, Refusal> {
        self.before.ticket(id)
    }

    /// A ticket that can be restored, and the status it had.
    pub(super) fn binned(&self, id: i64) -> Result<(&'a Ticket, Status), Refusal> {
        match self.before.record(id) {
            Some(record) => match record.place {
                Place::Bin(status) => Ok((&record.ticket, status)),
                Place::Desk | Place::Nowhere => Err(Refusal::NotFound),
            },
            None => Err(Refusal::NotFound),
        }
    }

    /// A user.
    pub(super) fn user(&self, id: i64) -> Option<&User> {
        self.users.get(&id).or_else(|| self.before.user(id))
    }

    /// Refuses a requester that is no user.
    pub(super) fn check_requester(&self, id: i64) -> Result<(), Refusal> {
        let known = self.user(id).is_some();
        known.then_some(()).ok_or_else(|| Refusal::Invalid("requester_id: is no user".into()))
    }

    /// The id of the next ticket.
    pub(super) fn next_ticket_id(&self) -> i64 {
        self.before.next_ticket_id()
    }

    /// Keeps a ticket as newly created or changed; `acts` are what its fields do not tell.
    pub(super) fn put(&mut self, ticket: Ticket, place: Place, acts: Vec<Act>) {
        self.tickets.insert(ticket.id, (ticket, place, acts));
    }

    /// Keeps a user as newly known or changed.
    pub(super) fn put_user(&mut self, user: User) {
        self.users.insert(user.id, user);
    }

    /// The user with the e-mail address given, or a new one.
    pub(super) fn find_or_add(&mut self, input: &UserInput) -> Result<i64, Refusal> {
        let email = input.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
        if let Some(known) = email.and_then(|email| self.before.user_with(email)) {
            return Ok(known);
        }
        let name = input.name.as_deref().or(email).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Refusal::Invalid("requester.name: is required".into()));
        }
        let id = self.before.next_user_id();
        let role = input.role.unwrap_or_default();
        self.put_user(User { id, name, email: email.map(str::to_owned), role });
        Ok(id)
    }

    /// The whole change, and what it makes happen to tickets.
    pub(super) fn finish(self) -> (Change, Vec<Happening>) {
        let Self { before, tickets, users } = self;
        let mut told = Vec::new();
        let mut changed = Vec::with_capacity(tickets.len());
        for (id, (ticket, place, acts)) in tickets {
            let old = before.record(id).map(|record| &record.ticket);
            told.extend(happenings(old, &ticket, &acts));
            changed.push((ticket, place));
        }
        (Change { tickets: changed, users: users.into_values().collect() }, told)
    }
}
