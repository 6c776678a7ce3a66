//! The rules of the sync: from what is known and what came in to what changes.
//!
//! Every order of arrival ends in the same ticket objects, because each fact has a version of its own
//! (a ticket's state, a requester's e-mail address) and only a strictly greater one replaces it.

mod requester;
mod ticket;
mod value;

use super::{
    ConnectionKey, ContentHash, Effect, EventBody, EventId, EventSource, Kept, Outcome, ParkedRow,
    ResultRow, Snapshot, Standing, Status, TicketEvent, Timestamp, Version, WorkingSet, ZendeskId,
};

/// The source of random bits, an argument like the clock.
pub type Dice<'a> = &'a mut dyn FnMut() -> u128;

/// Why an event is not applied. It takes no event id, and nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    ConnectionNotFound,
    ConnectionNotActive,
    EventIdReused,
}

/// What is answered to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The event was applied now.
    Applied(Effect),
    /// It was applied before, with this effect.
    Duplicate(Effect),
}

impl WorkingSet {
    /// Applies one event. Events of a batch are applied in order; each sees what those before it did.
    pub fn apply(
        &mut self,
        event: TicketEvent,
        now: Timestamp,
        dice: Dice<'_>,
    ) -> Result<Answer, Rejection> {
        self.check_connection(&event.connection)?;
        let applied = self.applied_before(&event)?;
        if event.id().source() != EventSource::Producer {
            // The hint that it was made of has done its work.
            self.settled.insert((event.connection.clone(), event.id().clone()));
        }
        if let Some(effect) = applied {
            return Ok(Answer::Duplicate(effect));
        }
        self.heard.insert(event.connection.clone());
        let id = event.id().clone();
        let connection = event.connection.clone();
        let content_hash = event.content_hash;
        let effect = Sync { set: self, connection: &connection, now, dice }.event(event);
        let content_hash = (effect.outcome != Outcome::Erased).then_some(content_hash);
        self.remember(&connection, id, ResultRow { effect, content_hash });
        Ok(Answer::Applied(effect))
    }

    /// Applies parked events of one connection again, in version order. Those whose requester is
    /// still unknown stay parked.
    pub fn retry(
        &mut self,
        connection: &ConnectionKey,
        requesters: impl IntoIterator<Item = ZendeskId>,
        now: Timestamp,
        dice: Dice<'_>,
    ) {
        let mut sync = Sync { set: self, connection, now, dice };
        for requester in requesters {
            if sync.set.contact_of(connection, requester).is_some() {
                sync.release(requester);
            }
        }
    }

    /// Refuses what comes in for a connection that takes no events (rule 2).
    pub(super) fn check_connection(&self, connection: &ConnectionKey) -> Result<(), Rejection> {
        match self.connections.get(connection) {
            None => Err(Rejection::ConnectionNotFound),
            Some(state) if !state.accepts_events() => Err(Rejection::ConnectionNotActive),
            Some(_) => Ok(()),
        }
    }

    /// What the event did when its id was applied before (rule 11). A producer's parked event that is
    /// sent again with other content is replaced: it is taken out here and applied anew. A hint is known
    /// by its id alone: Zendesk delivers it again, and never another one under its id.
    fn applied_before(&mut self, event: &TicketEvent) -> Result<Option<Effect>, Rejection> {
        let key = (event.connection.clone(), event.id().clone());
        let Some(stored) = self.results.get(&key) else { return Ok(None) };
        let stored = stored.get();
        let is_hint = event.id().source() != EventSource::Producer;
        if is_hint || stored.content_hash.is_none_or(|hash| hash == event.content_hash) {
            return Ok(Some(stored.effect));
        }
        if stored.effect.outcome != Outcome::Parked {
            return Err(Rejection::EventIdReused);
        }
        self.unpark(&key.0, &key.1);
        Ok(None)
    }

    fn remember(&mut self, connection: &ConnectionKey, id: EventId, row: ResultRow) {
        use std::collections::hash_map::Entry;
        match self.results.entry((connection.clone(), id)) {
            Entry::Occupied(mut stored) => *stored.get_mut().edit() = row,
            Entry::Vacant(place) => {
                place.insert(Kept::new(row));
            }
        }
    }

    fn unpark(&mut self, connection: &ConnectionKey, id: &EventId) -> Option<ParkedRow> {
        let parked = self.parked.get_mut(&(connection.clone(), id.clone()))?;
        let row = parked.edit().take();
        if row.is_some()
            && let Some(account) = self.accounts.get_mut(&connection.account)
        {
            account.edit().parked_count -= 1;
        }
        row
    }
}

/// One event's way through the rules.
struct Sync<'a> {
    set: &'a mut WorkingSet,
    connection: &'a ConnectionKey,
    now: Timestamp,
    dice: Dice<'a>,
}

/// Whether an observation has changed which contact a requester is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Observed {
    Moved,
    Same,
}

impl Sync<'_> {
    fn event(&mut self, event: TicketEvent) -> Effect {
        let TicketEvent { ticket_id, version, body, content_hash, .. } = event;
        if self.ticket(ticket_id).is_some_and(|row| matches!(row.standing, Standing::Erased)) {
            return Effect {
                outcome: Outcome::Erased,
                ticket_id,
                contact_id: None,
                position: None,
            };
        }
        match body {
            EventBody::PermanentlyDeleted => self.erase(ticket_id, version),
            EventBody::Deleted { requester } => {
                let observed =
                    requester.map_or(Observed::Same, |who| self.observe(&who, &version.observed));
                self.delete(ticket_id, version, observed)
            }
            EventBody::Absent => self.absent(ticket_id, version),
            EventBody::Snapshot(snapshot) => self.snapshot(*snapshot, version, content_hash),
        }
    }

    fn snapshot(
        &mut self,
        snapshot: Snapshot,
        version: Version,
        content_hash: ContentHash,
    ) -> Effect {
        let observed = self.observe(&snapshot.requester, &version.observed);
        if snapshot.ticket.status == Status::Deleted {
            return self.delete(snapshot.ticket.id, version, observed);
        }
        if self.set.contact_of(self.connection, snapshot.requester.id).is_none() {
            return self.park(snapshot, version, content_hash);
        }
        self.settle_snapshot(snapshot, version, observed)
    }

    /// Applies a snapshot whose requester is known. Where it also tells what the ticket was like when
    /// it was created, that is a state of its own, observed just before: the log then shows how the
    /// ticket began and what became of it, and the answer is that it was created.
    fn settle_snapshot(
        &mut self,
        snapshot: Snapshot,
        version: Version,
        observed: Observed,
    ) -> Effect {
        let Snapshot { kind, ticket, created_as, .. } = snapshot;
        let created_as = created_as.filter(|_| self.is_new(ticket.id));
        let Some(created_as) = created_as else {
            return self.settle(kind, ticket, version, observed);
        };
        let creation = version.of_creation(&created_as);
        let begun = match self.ticket(ticket.id) {
            // What was seen of it already is newer than its beginning, also within one second.
            Some(row) if row.version.updated_at >= creation.updated_at => {
                self.begin_late(ticket.id, creation.observed, observed)
            }
            Some(_) | None => self.settle(kind, created_as, creation, observed),
        };
        let became = self.settle(kind, ticket, version, observed);
        if begun.outcome == Outcome::Created { begun } else { became }
    }
}
