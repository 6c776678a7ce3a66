//! What is known of everything a batch of events touches, and what changes.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use super::{
    AccountId, Change, ConnectionId, ConnectionKey, ConnectionState, ContactFieldId, ContactId,
    ContentHash, Email, EmailKey, EventId, FieldCopy, Observation, Outcome, Position, Snapshot,
    Ticket, TicketId, Timestamp, TriggerKind, Version, WaitingHint, ZendeskId,
};

/// A row together with where it comes from and whether it has to be saved.
#[derive(Debug, Clone)]
pub struct Kept<T> {
    row: T,
    origin: Origin,
    changed: bool,
}

/// Whether a row is in the database already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Stored,
    New,
}

impl<T> Kept<T> {
    /// A row as it was loaded.
    pub const fn stored(row: T) -> Self {
        Self { row, origin: Origin::Stored, changed: false }
    }

    /// A row that is to be inserted.
    pub const fn new(row: T) -> Self {
        Self { row, origin: Origin::New, changed: true }
    }

    /// A row that is in the database and to be overwritten.
    pub const fn replaced(row: T) -> Self {
        Self { row, origin: Origin::Stored, changed: true }
    }

    /// The row as it stands.
    pub const fn get(&self) -> &T {
        &self.row
    }

    /// The row, to be changed and saved.
    pub const fn edit(&mut self) -> &mut T {
        self.changed = true;
        &mut self.row
    }

    /// Whether the row has to be inserted or updated; none where it is as it was loaded.
    pub fn pending(&self) -> Option<Origin> {
        self.changed.then_some(self.origin)
    }
}

/// An account, locked.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub head: Position,
    pub last_commit_at: Timestamp,
    pub parked_count: i64,
}

/// A contact, as far as the sync needs it.
#[derive(Debug, Clone)]
pub struct ContactRow {
    pub id: ContactId,
    pub email: Email,
    pub name: String,
    pub synced_at: Option<Timestamp>,
}

/// Which contact a requester is, and by which observation.
#[derive(Debug, Clone)]
pub struct RequesterRow {
    pub contact_id: ContactId,
    pub observed: Observation,
}

/// A ticket at its newest applied version.
#[derive(Debug, Clone)]
pub struct TicketRow {
    pub version: Version,
    pub standing: Standing,
    /// Whether a newer event waits for its requester's e-mail address: the ticket is then in nobody's
    /// object.
    pub held: bool,
    pub created_logged: bool,
    pub last_position: Option<Position>,
}

/// Whether a ticket is there.
#[derive(Debug, Clone)]
pub enum Standing {
    Live(Arc<Ticket>),
    /// Deleted, and may come back; its contents, if it was ever seen.
    Deleted(Option<Arc<Ticket>>),
    /// Erased for good.
    Erased,
}

impl Standing {
    /// What is known of the ticket's contents.
    pub const fn content(&self) -> Option<&Arc<Ticket>> {
        match self {
            Self::Live(ticket) => Some(ticket),
            Self::Deleted(ticket) => ticket.as_ref(),
            Self::Erased => None,
        }
    }
}

/// An event that waits for its requester's e-mail address.
#[derive(Debug, Clone)]
pub struct ParkedRow {
    pub ticket_id: TicketId,
    pub version: Version,
    pub snapshot: Snapshot,
    pub content_hash: ContentHash,
    pub parked_at: Timestamp,
}

/// What a mapping wrote last to a contact's field.
#[derive(Clone)]
pub struct ValueRow {
    pub connection: ConnectionId,
    pub ticket_id: TicketId,
    pub version: Version,
    /// None where the ticket had none; not loaded, since only the version decides.
    pub value: Option<String>,
}

impl fmt::Debug for ValueRow {
    /// Without the value: it is a customer's, and may not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueRow")
            .field("connection", &self.connection)
            .field("ticket_id", &self.ticket_id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What became of an event id.
#[derive(Debug, Clone)]
pub struct ResultRow {
    pub effect: Effect,
    /// None once the content is erased.
    pub content_hash: Option<ContentHash>,
}

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    pub outcome: Outcome,
    pub ticket_id: TicketId,
    /// The contact that the ticket's requester is, where there is one.
    pub contact_id: Option<ContactId>,
    pub position: Option<Position>,
}

/// A trigger event to be appended.
#[derive(Debug, Clone)]
pub struct NewTrigger {
    pub position: Position,
    pub kind: TriggerKind,
    pub entropy: i64,
    pub connection: ConnectionKey,
    pub ticket_id: TicketId,
    pub observed: Observation,
    pub contact_id: ContactId,
    pub committed_at: Timestamp,
    pub previous_position: Option<Position>,
    pub ticket: Arc<Ticket>,
    pub changes: Vec<Change>,
}

/// Everything a batch touches. The store fills it, `sync` changes it, the store saves what
/// has changed.
#[derive(Debug, Default)]
pub struct WorkingSet {
    pub accounts: HashMap<AccountId, Kept<AccountRow>>,
    pub connections: HashMap<ConnectionKey, ConnectionState>,
    pub contacts: HashMap<(AccountId, EmailKey), Kept<ContactRow>>,
    pub requesters: HashMap<(ConnectionKey, ZendeskId), Kept<RequesterRow>>,
    pub tickets: HashMap<(ConnectionKey, TicketId), Kept<TicketRow>>,
    /// None: no longer parked, to be deleted.
    pub parked: HashMap<(ConnectionKey, EventId), Kept<Option<ParkedRow>>>,
    pub results: HashMap<(ConnectionKey, EventId), Kept<ResultRow>>,
    /// The field mappings of each connection that has some, or once had.
    pub mappings: HashMap<ConnectionKey, Vec<FieldCopy>>,
    /// By contact and field. None: nothing of it is left, to be deleted.
    pub values: HashMap<(AccountId, ContactId, ContactFieldId), Kept<Option<ValueRow>>>,
    pub triggers: Vec<NewTrigger>,
    /// The tickets whose contents are to be erased wherever they stand.
    pub erased: Vec<(ConnectionKey, TicketId)>,
    /// The hints that wait, as far as the batch has the same.
    pub inbox: HashSet<(ConnectionKey, EventId)>,
    /// The hints to be stored.
    pub hints: Vec<(ConnectionKey, WaitingHint)>,
    /// The hints whose tickets were fetched and applied: they wait no longer.
    pub settled: HashSet<(ConnectionKey, EventId)>,
    /// The connections that an event or a hint came in for.
    pub heard: HashSet<ConnectionKey>,
}

impl WorkingSet {
    /// The contact that a requester is, if their e-mail address was ever observed.
    pub fn contact_of(
        &self,
        connection: &ConnectionKey,
        requester: ZendeskId,
    ) -> Option<ContactId> {
        self.requesters
            .get(&(connection.clone(), requester))
            .map(|requester| requester.get().contact_id)
    }

    /// Marks what a newer parked event keeps out of sight. To be called once, before saving.
    pub fn settle_held(&mut self) {
        let mut newest: HashMap<(ConnectionKey, TicketId), &Version> = HashMap::new();
        for ((connection, _), parked) in &self.parked {
            if let Some(parked) = parked.get() {
                let known =
                    newest.entry((connection.clone(), parked.ticket_id)).or_insert(&parked.version);
                *known = (*known).max(&parked.version);
            }
        }
        for (key, ticket) in &mut self.tickets {
            let held = newest.get(key).is_some_and(|parked| **parked > ticket.get().version);
            if ticket.get().held != held {
                ticket.edit().held = held;
            }
        }
    }
}
