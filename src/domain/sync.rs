//! The rules of the sync: from what is known and what came in to what changes.
//!
//! Every order of arrival ends in the same ticket objects, because each fact has a version of its own
//! (a ticket's state, a requester's e-mail address) and only a strictly greater one replaces it.

use std::sync::Arc;

use super::{
    AccountId, Change, ConnectionKey, ContactId, ContentHash, Effect, Email, EventBody, EventId,
    Kept, NewTrigger, Observation, Outcome, ParkedRow, Requester, RequesterRow, ResultRow,
    Snapshot, SnapshotKind, Standing, Status, Ticket, TicketEvent, TicketId, TicketRow, Timestamp,
    TriggerKind, Version, WorkingSet, ZendeskId, working_set::ContactRow,
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
        match self.connections.get(&event.connection) {
            None => return Err(Rejection::ConnectionNotFound),
            Some(state) if !state.accepts_events() => return Err(Rejection::ConnectionNotActive),
            Some(_) => {}
        }
        if let Some(effect) = self.applied_before(&event)? {
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

    /// What the event did when its id was applied before (rule 11). A parked event that is sent again
    /// with other content is replaced: it is taken out here and applied anew.
    fn applied_before(&mut self, event: &TicketEvent) -> Result<Option<Effect>, Rejection> {
        let key = (event.connection.clone(), event.id().clone());
        let Some(stored) = self.results.get(&key) else { return Ok(None) };
        let stored = stored.get();
        if stored.content_hash.is_none_or(|hash| hash == event.content_hash) {
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
        self.settle(snapshot.kind, snapshot.ticket, version, observed)
    }

    /// Takes note of a requester's e-mail address (rule 3), and applies what was parked for them
    /// (rule 8). The contact of every address that an event shows is synced, also of an older one:
    /// which contacts carry the tag must not depend on the order of arrival.
    fn observe(&mut self, requester: &Requester, observation: &Observation) -> Observed {
        let Some(email) = &requester.email else { return Observed::Same };
        let contact_id = self.synced_contact(email, &requester.name);
        let row = RequesterRow { contact_id, observed: observation.clone() };
        let key = (self.connection.clone(), requester.id);
        match self.set.requesters.get_mut(&key) {
            None => {
                self.set.requesters.insert(key, Kept::new(row));
                self.release(requester.id);
                Observed::Same
            }
            Some(known) if *observation > known.get().observed => {
                let moved = known.get().contact_id != contact_id;
                *known.edit() = row;
                if moved { Observed::Moved } else { Observed::Same }
            }
            Some(_) => Observed::Same,
        }
    }

    /// The contact with this e-mail address, created if it is not there, tagged (rule 4).
    fn synced_contact(&mut self, email: &Email, name: &str) -> ContactId {
        let now = self.now;
        let key = (self.connection.account.clone(), email.key());
        if let Some(known) = self.set.contacts.get_mut(&key) {
            if known.get().synced_at.is_none() {
                known.edit().synced_at = Some(now);
            }
            return known.get().id;
        }
        let [_, _, _, _, _, _, random @ ..] = (self.dice)().to_be_bytes();
        let id = ContactId::new(now, random);
        let row =
            ContactRow { id, email: email.clone(), name: name.to_owned(), synced_at: Some(now) };
        self.set.contacts.insert(key, Kept::new(row));
        id
    }

    /// Applies what was parked for a requester, in version order (rule 8).
    fn release(&mut self, requester: ZendeskId) {
        let mut waiting: Vec<(Version, EventId)> = self
            .set
            .parked
            .iter()
            .filter(|((connection, _), _)| connection == self.connection)
            .filter_map(|((_, id), parked)| Some((id, parked.get().as_ref()?)))
            .filter(|(_, parked)| parked.snapshot.requester.id == requester)
            .map(|(id, parked)| (parked.version.clone(), id.clone()))
            .collect();
        waiting.sort();
        for (_, id) in waiting {
            let Some(parked) = self.set.unpark(self.connection, &id) else { continue };
            let ParkedRow { version, snapshot, content_hash, .. } = parked;
            let effect = self.settle(snapshot.kind, snapshot.ticket, version, Observed::Same);
            let row = ResultRow { effect, content_hash: Some(content_hash) };
            self.set
                .results
                .entry((self.connection.clone(), id))
                .and_modify(|stored| *stored.edit() = row.clone())
                .or_insert_with(|| Kept::replaced(row));
        }
    }

    /// Sets an event aside until its requester's e-mail address is known (rule 8).
    fn park(&mut self, snapshot: Snapshot, version: Version, content_hash: ContentHash) -> Effect {
        let ticket_id = snapshot.ticket.id;
        let key = (self.connection.clone(), version.observed.event_id.clone());
        let row = ParkedRow { ticket_id, version, snapshot, content_hash, parked_at: self.now };
        // Taken out a moment ago by a replacement: the row is in the database still.
        self.set
            .parked
            .entry(key)
            .and_modify(|place| *place.edit() = Some(row.clone()))
            .or_insert_with(|| Kept::new(Some(row)));
        if let Some(account) = self.set.accounts.get_mut(&self.connection.account) {
            account.edit().parked_count += 1;
        }
        Effect { outcome: Outcome::Parked, ticket_id, contact_id: None, position: None }
    }

    /// Applies a state of a ticket whose requester is known (rules 5 to 7 and 9).
    fn settle(
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
            return if created {
                self.log_created(ticket_id, observation)
            } else {
                self.effect(ticket_id, Outcome::Adopted)
            };
        };
        let first_created = created && !row.get().created_logged;
        if version <= row.get().version {
            return match row.get().standing {
                Standing::Live(_) if first_created => self.log_created(ticket_id, observation),
                _ => self.effect(ticket_id, Self::nothing_new(Outcome::Stale, observed)),
            };
        }
        let row = row.edit();
        row.version = version;
        let before = std::mem::replace(&mut row.standing, Standing::Live(Arc::clone(&ticket)));
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

    /// A deleted ticket leaves the object and keeps its contents: it may come back (rule 9).
    fn delete(&mut self, ticket_id: TicketId, version: Version, observed: Observed) -> Effect {
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
    fn erase(&mut self, ticket_id: TicketId, version: Version) -> Effect {
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
        self.set.erased.push((self.connection.clone(), ticket_id));
        effect
    }

    fn ticket(&self, id: TicketId) -> Option<&TicketRow> {
        self.set.tickets.get(&(self.connection.clone(), id)).map(Kept::get)
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
    fn effect(&self, ticket_id: TicketId, outcome: Outcome) -> Effect {
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
    ) -> Option<super::Position> {
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
