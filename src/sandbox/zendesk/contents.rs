//! The records of a help desk.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    draft::Change,
    history::History,
    store::Refusal,
    ticket::{Ticket, User},
};
use crate::domain::{Status, Timestamp};

/// The id of the first ticket. Zendesk numbers tickets from 1; this looks like a desk in use.
const FIRST_TICKET_ID: i64 = 4101;
/// The id of the first user, 2^53 + 1: the first whole number that is lost in a float.
const FIRST_USER_ID: i64 = 9_007_199_254_740_993;

/// All records, saved as they are.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) tickets: BTreeMap<i64, History<Record>>,
    pub(super) users: BTreeMap<i64, History<User>>,
    /// The number of the newest change.
    pub(super) changes: u64,
    /// Which ticket has which newest change: the order of the export.
    #[serde(skip)]
    by_change: BTreeMap<u64, i64>,
    /// Whose an e-mail address is, in lower case.
    #[serde(skip)]
    by_email: HashMap<String, i64>,
}

/// A ticket and the number of its newest change, by which the export is ordered.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) ticket: Ticket,
    pub(super) change: u64,
    #[serde(default)]
    pub(super) place: Place,
}

/// Where a ticket is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    #[default]
    Desk,
    /// Deleted, and can be restored with the status it had.
    Bin(Status),
    /// Deleted for good: its contents are gone.
    Nowhere,
}

impl Contents {
    /// Builds what is not saved.
    pub(super) fn index(&mut self) {
        self.by_change = self.tickets.iter().map(|(id, it)| (it.newest().change, *id)).collect();
        let emails = self.users.iter().filter_map(|(id, user)| Some((email(user.newest())?, *id)));
        // Where two share an address the older one is found, as before.
        self.by_email = emails.rev().collect();
    }

    /// A ticket as it stands, deleted or not.
    pub(super) fn record(&self, id: i64) -> Option<&Record> {
        self.tickets.get(&id).map(History::newest)
    }

    /// A ticket that is not deleted.
    pub(super) fn ticket(&self, id: i64) -> Result<&Ticket, Refusal> {
        let record = self.record(id).filter(|record| !record.ticket.deleted());
        Ok(&record.ok_or(Refusal::NotFound)?.ticket)
    }

    /// A user as they stand.
    pub(super) fn user(&self, id: i64) -> Option<&User> {
        self.users.get(&id).map(History::newest)
    }

    /// The user with the e-mail address given.
    pub(super) fn user_with(&self, email: &str) -> Option<i64> {
        self.by_email.get(&email.to_lowercase()).copied()
    }

    /// The id of the next ticket.
    pub(super) fn next_ticket_id(&self) -> i64 {
        self.tickets.last_key_value().map_or(FIRST_TICKET_ID, |(id, _)| id + 1)
    }

    /// The id of the next user.
    pub(super) fn next_user_id(&self) -> i64 {
        self.users.last_key_value().map_or(FIRST_USER_ID, |(id, _)| id + 1)
    }

    /// The tickets after a change, in the order of their newest changes.
    pub(super) fn changed_after(&self, change: u64) -> impl Iterator<Item = &History<Record>> {
        self.by_change.range(change + 1..).filter_map(|(_, id)| self.tickets.get(id))
    }

    /// Takes in a change, whose cost does not depend on how much is held.
    pub(super) fn accept(&mut self, change: Change, now: Timestamp) {
        let Change { tickets, users } = change;
        for user in users {
            if let Some(old) = self.users.get(&user.id).and_then(|old| email(old.newest()))
                && self.by_email.get(&old) == Some(&user.id)
            {
                self.by_email.remove(&old);
            }
            if let Some(email) = email(&user) {
                self.by_email.entry(email).or_insert(user.id);
            }
            keep(&mut self.users, user.id, user, now);
        }
        for (mut ticket, place) in tickets {
            self.changes += 1;
            if let Some(old) = self.record(ticket.id).map(|record| record.change) {
                self.by_change.remove(&old);
            }
            // The export is ordered by the moment of the change, which never runs back.
            let newest = self.by_change.last_key_value().and_then(|(_, id)| self.record(*id));
            let reached = newest.map_or(0, |record| record.ticket.generated_timestamp);
            ticket.generated_timestamp = ticket.generated_timestamp.max(reached);
            self.by_change.insert(self.changes, ticket.id);
            let record = Record { ticket, change: self.changes, place };
            keep(&mut self.tickets, record.ticket.id, record, now);
        }
    }
}

fn keep<T: Clone>(records: &mut BTreeMap<i64, History<T>>, id: i64, state: T, now: Timestamp) {
    match records.get_mut(&id) {
        Some(history) => history.change(state, now),
        None => {
            records.insert(id, History::new(state, now));
        }
    }
}

fn email(user: &User) -> Option<String> {
    user.email.as_ref().map(|email| email.to_lowercase())
}
