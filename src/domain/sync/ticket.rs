//! Tickets: what a state, a deletion or an erasure does to one, and what the log says of it.

use std::sync::Arc;

use super::{Observed, Sync};
use crate::domain::{
    AccountId, Change, Effect, EventId, Kept, NewTrigger, Observation, Outcome, Position,
    ResultRow, SnapshotKind, Standing, Ticket, TicketId, TicketRow, TriggerKind, Version,
};

impl Sync<'_> {
    /// Applies a state of a ticket whose requester is known (rules 5 to 7, 9 and 10).
    pub(super) fn settle(
        &mut self,
        kind: SnapshotKind,
        ticket: Arc<Ticket>,
        version: Version,
        observed: Observed,
    ) -> Effect {
        let ticket_id = ticket.id;
        let observation = version.observed.clone();
        let created = kind == SnapshotKind::Created;
        let Some(row) = self.ticket_mut(ticket_id) else {
            self.insert(ticket_id, version, Standing::Live(ticket));
            self.copy_fields(ticket_id);
            return if created {
                self.log_created(ticket_id, observation)
            } else {
                self.effect(ticket_id, Outcome::Adopted)
            };
        };
        let first_created = created && !row.get().created_logged;
        if version <= row.get().version {
            return if first_created {
                self.begin_late(ticket_id, observation, observed)
            } else {
                self.effect(ticket_id, Self::nothing_new(Outcome::Stale, observed))
            };
        }
        let row = row.edit();
        row.version = version;
        let before = std::mem::replace(&mut row.standing, Standing::Live(Arc::clone(&ticket)));
        self.copy_fields(ticket_id);
        if first_created {
            return self.log_created(ticket_id, observation);
        }
        let Standing::Live(before) = before else {
            return self.effect(ticket_id, Outcome::Restored);
        };
        let changes = ticket.changes_since(&before);
        if changes.is_empty() {
            return self.effect(ticket_id, Self::nothing_new(Outcome::Unchanged, observed));
        }
        let position = self.log(ticket_id, TriggerKind::TicketUpdated, observation, changes);
        Effect { position, ..self.effect(ticket_id, Outcome::Updated) }
    }

    /// Logs that a ticket was created of which newer states were seen before: as it stands, and not at
    /// all where it is deleted (rule 6).
    pub(super) fn begin_late(
        &mut self,
        ticket_id: TicketId,
        observation: Observation,
        observed: Observed,
    ) -> Effect {
        match self.ticket(ticket_id).map(|row| &row.standing) {
            Some(Standing::Live(_)) => self.log_created(ticket_id, observation),
            Some(Standing::Deleted(_) | Standing::Erased) | None => {
                self.effect(ticket_id, Self::nothing_new(Outcome::Stale, observed))
            }
        }
    }

    /// A ticket that is no longer there was deleted (rule 9). Nothing tells when, so that it counts as
    /// the newest state that was seen, observed now: what was seen before is older, and the ticket
    /// wins when it is seen again, though it be unchanged.
    pub(super) fn absent(&mut self, ticket_id: TicketId, version: Version) -> Effect {
        let known = self.ticket(ticket_id).map(|row| row.version.updated_at);
        let updated_at = known.map_or(version.updated_at, |known| known.max(version.updated_at));
        self.delete(ticket_id, Version { updated_at, ..version }, Observed::Same)
    }

    /// A deleted ticket leaves the object and keeps its contents: it may come back (rule 9).
    pub(super) fn delete(
        &mut self,
        ticket_id: TicketId,
        version: Version,
        observed: Observed,
    ) -> Effect {
        let Some(row) = self.ticket_mut(ticket_id) else {
            self.insert(ticket_id, version, Standing::Deleted(None));
            return self.effect(ticket_id, Outcome::Deleted);
        };
        if version <= row.get().version {
            return self.effect(ticket_id, Self::nothing_new(Outcome::Stale, observed));
        }
        let row = row.edit();
        row.version = version;
        match std::mem::replace(&mut row.standing, Standing::Erased) {
            Standing::Live(ticket) => {
                row.standing = Standing::Deleted(Some(ticket));
                self.effect(ticket_id, Outcome::Deleted)
            }
            gone => {
                row.standing = gone;
                self.effect(ticket_id, Self::nothing_new(Outcome::Unchanged, observed))
            }
        }
    }

    /// Erases a ticket for good (rule 9), whatever its version: a tombstone stays.
    pub(super) fn erase(&mut self, ticket_id: TicketId, version: Version) -> Effect {
        match self.ticket_mut(ticket_id) {
            None => self.insert(ticket_id, version, Standing::Erased),
            Some(row) => row.edit().standing = Standing::Erased,
        }
        let parked: Vec<EventId> = self
            .set
            .parked
            .iter()
            .filter(|((connection, _), _)| connection == self.connection)
            .filter(|(_, row)| row.get().as_ref().is_some_and(|row| row.ticket_id == ticket_id))
            .map(|((_, id), _)| id.clone())
            .collect();
        for id in parked {
            self.set.unpark(self.connection, &id);
        }
        let effect =
            Effect { outcome: Outcome::Erased, ticket_id, contact_id: None, position: None };
        for ((connection, _), result) in &mut self.set.results {
            let stored = result.get();
            if connection == self.connection && stored.effect.ticket_id == ticket_id {
                let position = stored.effect.position;
                let erased = Effect { position, ..effect };
                *result.edit() = ResultRow { effect: erased, content_hash: None };
            }
        }
        self.forget_values(ticket_id);
        self.set.erased.push((self.connection.clone(), ticket_id));
        effect
    }

    pub(super) fn ticket(&self, id: TicketId) -> Option<&TicketRow> {
        self.set.tickets.get(&(self.connection.clone(), id)).map(Kept::get)
    }

    /// Whether the log was not yet told that the ticket was created.
    pub(super) fn is_new(&self, id: TicketId) -> bool {
        self.ticket(id).is_none_or(|row| !row.created_logged)
    }

    fn ticket_mut(&mut self, id: TicketId) -> Option<&mut Kept<TicketRow>> {
        self.set.tickets.get_mut(&(self.connection.clone(), id))
    }

    fn insert(&mut self, id: TicketId, version: Version, standing: Standing) {
        let row = TicketRow {
            version,
            standing,
            held: false,
            created_logged: false,
            last_position: None,
        };
        self.set.tickets.insert((self.connection.clone(), id), Kept::new(row));
    }

    /// An event that changed nothing in its ticket may still have moved its requester.
    const fn nothing_new(outcome: Outcome, observed: Observed) -> Outcome {
        match observed {
            Observed::Moved => Outcome::Moved,
            Observed::Same => outcome,
        }
    }

    /// An outcome together with the contact in whose object the ticket stands.
    pub(super) fn effect(&self, ticket_id: TicketId, outcome: Outcome) -> Effect {
        let requester = match self.ticket(ticket_id).map(|row| &row.standing) {
            Some(Standing::Live(ticket) | Standing::Deleted(Some(ticket))) => {
                Some(ticket.requester_id)
            }
            Some(Standing::Deleted(None) | Standing::Erased) | None => None,
        };
        let contact_id = requester.and_then(|id| self.set.contact_of(self.connection, id));
        Effect { outcome, ticket_id, contact_id, position: None }
    }

    fn log_created(&mut self, ticket_id: TicketId, observation: Observation) -> Effect {
        if let Some(row) = self.ticket_mut(ticket_id) {
            row.edit().created_logged = true;
        }
        let position = self.log(ticket_id, TriggerKind::TicketCreated, observation, Vec::new());
        Effect { position, ..self.effect(ticket_id, Outcome::Created) }
    }

    /// Appends the ticket as it stands to the account's log (rule 6).
    fn log(
        &mut self,
        ticket_id: TicketId,
        kind: TriggerKind,
        observed: Observation,
        changes: Vec<Change>,
    ) -> Option<Position> {
        let contact_id = self.effect(ticket_id, Outcome::Created).contact_id?;
        let now = self.now;
        let [_, _, _, _, _, _, _, _, entropy @ ..] = (self.dice)().to_be_bytes();
        let account: &AccountId = &self.connection.account;
        let head = self.set.accounts.get_mut(account)?.edit();
        let row = self.set.tickets.get_mut(&(self.connection.clone(), ticket_id))?.edit();
        let Standing::Live(ticket) = &row.standing else { return None };
        head.head = head.head.next();
        head.last_commit_at = head.last_commit_at.max(now);
        let position = head.head;
        self.set.triggers.push(NewTrigger {
            position,
            kind,
            entropy: i64::from_be_bytes(entropy),
            connection: self.connection.clone(),
            ticket_id,
            observed,
            contact_id,
            committed_at: head.last_commit_at,
            previous_position: row.last_position.replace(position),
            ticket: Arc::clone(ticket),
            changes,
        });
        Some(position)
    }
}
