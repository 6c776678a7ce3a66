//! Tickets as they are stored, each written down once.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::json;
use crate::{
    domain::{Ticket, WorkingSet},
    store::Result,
};

/// The contents that a batch stores: most stand in the log as they stand in the ticket's own row. Known
/// by where they are, which does not change while the working set is borrowed.
pub(super) struct Contents {
    texts: HashMap<usize, String>,
}

impl Contents {
    pub(super) fn of(set: &WorkingSet) -> Result<Self> {
        let changed = set.tickets.values().filter(|ticket| ticket.pending().is_some());
        let rows = changed.filter_map(|ticket| ticket.get().standing.content());
        let mut texts = HashMap::new();
        for ticket in rows.chain(set.triggers.iter().map(|trigger| &trigger.ticket)) {
            if let Entry::Vacant(entry) = texts.entry(place(ticket)) {
                entry.insert(json(&**ticket)?);
            }
        }
        Ok(Self { texts })
    }

    /// What is stored of a ticket.
    pub(super) fn text(&self, ticket: &Arc<Ticket>) -> &str {
        &self.texts[&place(ticket)]
    }
}

fn place(ticket: &Arc<Ticket>) -> usize {
    Arc::as_ptr(ticket).addr()
}
