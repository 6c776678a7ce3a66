//! What can be asked of the store, now or as things stood a moment ago.

use super::{
    contents::Record,
    history::History,
    store::Store,
    ticket::{Ticket, User},
};
use crate::domain::Timestamp;

/// Where the incremental export goes on.
#[derive(Clone, Copy)]
pub enum ExportStart {
    /// With what changed at or after this unix second.
    Time(i64),
    /// After the change with this number.
    Change(u64),
}

/// A page of the incremental export.
pub struct Export {
    pub tickets: Vec<Ticket>,
    /// The number of the last change on the page, or of the start where there is none.
    pub last_change: u64,
    pub end_of_stream: bool,
}

impl Store {
    /// Whether the help desk has never had a ticket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().tickets.is_empty()
    }

    /// The tickets with these ids that existed at a moment, without those deleted then.
    /// [`Timestamp::MAX`] asks for now.
    #[must_use]
    pub fn tickets(&self, ids: &[i64], as_of: Timestamp) -> Vec<Ticket> {
        let contents = self.lock();
        let found = ids.iter().filter_map(|id| contents.tickets.get(id)?.as_of(as_of));
        found.filter(|record| !record.ticket.deleted()).map(|it| it.ticket.clone()).collect()
    }

    /// The users with these ids that existed at a moment.
    #[must_use]
    pub fn users(&self, ids: &[i64], as_of: Timestamp) -> Vec<User> {
        let contents = self.lock();
        ids.iter().filter_map(|id| contents.users.get(id)?.as_of(as_of).cloned()).collect()
    }

    /// Every ticket that is not deleted, with its requester, in the order of the ids.
    #[must_use]
    pub fn all(&self) -> Vec<(Ticket, User)> {
        let contents = self.lock();
        let live = contents.tickets.values().map(|record| &record.newest().ticket);
        live.filter(|ticket| !ticket.deleted())
            .filter_map(|ticket| {
                Some((ticket.clone(), contents.user(ticket.requester_id)?.clone()))
            })
            .collect()
    }

    /// A page of at most `limit` tickets in the order of their newest changes, without what changed
    /// after `as_of`: that comes on a later page.
    #[must_use]
    pub fn export(&self, start: ExportStart, limit: usize, as_of: Timestamp) -> Export {
        let contents = self.lock();
        let (after, second) = match start {
            ExportStart::Time(second) => (0, second),
            ExportStart::Change(number) => (number, i64::MIN),
        };
        let visible = |record: &&History<Record>| {
            let seen = record.as_of(as_of).map(|seen| seen.change);
            seen == Some(record.newest().change)
        };
        let mut page = Export { tickets: Vec::new(), last_change: after, end_of_stream: true };
        // Nothing later than what is not visible yet: the cursor would pass it by.
        for Record { ticket, change, .. } in
            contents.changed_after(after).take_while(visible).map(History::newest)
        {
            if ticket.generated_timestamp >= second {
                if page.tickets.len() == limit {
                    page.end_of_stream = false;
                    break;
                }
                page.tickets.push(ticket.clone());
            }
            page.last_change = *change;
        }
        page
    }
}
