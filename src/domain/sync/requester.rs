//! Requesters: which contacts they are, and what waits until that is known.

use super::{Observed, Sync};
use crate::domain::{
    ContactId, ContentHash, Effect, Email, EventId, Kept, Observation, Outcome, ParkedRow,
    Requester, RequesterRow, ResultRow, Snapshot, Version, ZendeskId, working_set::ContactRow,
};

impl Sync<'_> {
    /// Takes note of a requester's e-mail address (rule 3), and applies what was parked for them
    /// (rule 8). The contact of every address that an event shows is synced, also of an older one:
    /// which contacts carry the tag must not depend on the order of arrival.
    pub(super) fn observe(&mut self, requester: &Requester, observation: &Observation) -> Observed {
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
    pub(super) fn release(&mut self, requester: ZendeskId) {
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
            let effect = self.settle_snapshot(snapshot, version, Observed::Same);
            let row = ResultRow { effect, content_hash: Some(content_hash) };
            self.set
                .results
                .entry((self.connection.clone(), id))
                .and_modify(|stored| *stored.edit() = row.clone())
                .or_insert_with(|| Kept::replaced(row));
        }
    }

    /// Sets an event aside until its requester's e-mail address is known (rule 8).
    pub(super) fn park(
        &mut self,
        snapshot: Snapshot,
        version: Version,
        content_hash: ContentHash,
    ) -> Effect {
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
}
