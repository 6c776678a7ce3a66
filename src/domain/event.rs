//! Ticket events: what came in, which version it is, and what it did.

use std::{fmt, sync::Arc};

use super::{ConnectionKey, Invalid, Requester, Ticket, TicketId, Timestamp, word::words};
use serde::{Deserialize, Serialize};

/// The longest event id, in characters.
const MAX_ID_LENGTH: usize = 128;

/// A producer's id of an event, unique within its connection and source: 1 to 128 printable ASCII
/// characters. Compared bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventId {
    type Error = Invalid;

    fn try_from(id: String) -> Result<Self, Invalid> {
        if id.is_empty() || id.len() > MAX_ID_LENGTH || !id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::new(
                "is no event id: 1 to 128 printable ASCII characters without spaces",
            ));
        }
        Ok(Self(id))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A ticket's version (rule 5): when the ticket was updated, when that was observed, and by which
/// event. Only a strictly greater version changes the object. The order of the fields is the rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    pub updated_at: Timestamp,
    pub observed: Observation,
}

/// When something was observed, and by which event; later observations are greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Observation {
    pub at: Timestamp,
    pub event_id: EventId,
}

/// What happened to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    Created,
    Updated,
    Deleted,
    Undeleted,
    PermanentlyDeleted,
}

/// What an event tells of its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventBody {
    /// The whole ticket and its requester.
    Snapshot(Box<Snapshot>),
    /// The ticket was deleted, and may come back.
    Deleted { requester: Option<Requester> },
    /// The ticket is gone for ever.
    PermanentlyDeleted,
}

/// The whole ticket as it stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub kind: SnapshotKind,
    pub ticket: Arc<Ticket>,
    pub requester: Requester,
}

/// On what occasion a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotKind {
    Created,
    Updated,
    Undeleted,
}

/// An event as it came in, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketEvent {
    pub connection: ConnectionKey,
    pub ticket_id: TicketId,
    pub version: Version,
    pub body: EventBody,
    /// SHA-256 of the content as it came in: the same id with another one is refused.
    pub content_hash: ContentHash,
}

impl TicketEvent {
    /// The id of the event.
    #[must_use]
    pub const fn id(&self) -> &EventId {
        &self.version.observed.event_id
    }
}

/// SHA-256 of an event's content.
pub type ContentHash = [u8; 32];

/// What an event did. The contract's `EventOutcome` says when each applies; `DUPLICATE` is no
/// outcome of an event but of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
    Stale,
    Adopted,
    Moved,
    Parked,
    Deleted,
    Restored,
    Erased,
}

words! { Outcome, "outcome",
    Created => "created",
    Updated => "updated",
    Unchanged => "unchanged",
    Stale => "stale",
    Adopted => "adopted",
    Moved => "moved",
    Parked => "parked",
    Deleted => "deleted",
    Restored => "restored",
    Erased => "erased",
}

words! { SnapshotKind, "snapshot kind",
    Created => "created",
    Updated => "updated",
    Undeleted => "undeleted",
}
