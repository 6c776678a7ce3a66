//! Mapped fields: what a ticket writes to its contact, and what goes with a ticket (rule 10).

use std::collections::hash_map::Entry;

use super::Sync;
use crate::domain::{Kept, Outcome, Standing, TicketId, ValueRow, WorkingSet};

impl Sync<'_> {
    /// Copies the mapped fields of a ticket whose newest version was just applied to the contact that
    /// its requester is. A value of a newer version, of whatever ticket, stays.
    pub(super) fn copy_fields(&mut self, ticket_id: TicketId) {
        if self.set.mappings.get(self.connection).is_none_or(Vec::is_empty) {
            return;
        }
        let Some(contact) = self.effect(ticket_id, Outcome::Updated).contact_id else { return };
        let WorkingSet { mappings, tickets, values, .. } = &mut *self.set;
        let Some(row) = tickets.get(&(self.connection.clone(), ticket_id)).map(Kept::get) else {
            return;
        };
        let Standing::Live(ticket) = &row.standing else { return };
        for copy in mappings.get(self.connection).into_iter().flatten() {
            let write = || ValueRow {
                connection: self.connection.connection,
                ticket_id,
                version: row.version.clone(),
                value: copy.value(ticket),
            };
            match values.entry((self.connection.account.clone(), contact, copy.to)) {
                Entry::Vacant(place) => {
                    place.insert(Kept::new(Some(write())));
                }
                Entry::Occupied(mut known) => {
                    let newer = known.get().get().as_ref().is_some_and(|v| v.version > row.version);
                    if !newer {
                        *known.get_mut().edit() = Some(write());
                    }
                }
            }
        }
    }

    /// Takes away what a ticket that is erased has written last, as far as the batch knows of it.
    pub(super) fn forget_values(&mut self, ticket_id: TicketId) {
        let connection = self.connection;
        for ((account, ..), value) in &mut self.set.values {
            let own = value.get().as_ref().is_some_and(|value| {
                (value.connection, value.ticket_id) == (connection.connection, ticket_id)
            });
            if own && *account == connection.account {
                *value.edit() = None;
            }
        }
    }
}
