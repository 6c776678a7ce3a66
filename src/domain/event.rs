//! Ticket events: what came in, which version it is, and what it did.

use std::{fmt, sync::Arc, time::Duration};

use super::{ConnectionKey, Invalid, Requester, Ticket, TicketId, Timestamp, word::words};
use serde::{Deserialize, Serialize};

/// The longest name of an event, in characters.
const MAX_ID_LENGTH: usize = 128;

/// Who gave an event its id. The same name of two sources is two ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventSource {
    /// Somebody who sends events over gRPC.
    Producer,
    Zendesk,
    /// The service itself: what it was asked to fetch again, or found in the export.
    Service,
}

words! { EventSource, "source of events",
    Producer => "producer",
    Zendesk => "zendesk",
    Service => "service",
}

/// An id of an event, unique within its connection: its source, and the name that the source gave it,
/// 1 to 128 printable ASCII characters. Kept as one text, in which all but a producer's have their
/// source and a space before them. Compared bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The id that a source gave.
    ///
    /// # Errors
    /// When the name has another shape.
    pub fn of(source: EventSource, name: String) -> Result<Self, Invalid> {
        if name.is_empty()
            || name.len() > MAX_ID_LENGTH
            || !name.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Invalid::new(
                "is no event id: 1 to 128 printable ASCII characters without spaces",
            ));
        }
        Ok(match source {
            EventSource::Producer => Self(name),
            EventSource::Zendesk | EventSource::Service => {
                Self(format!("{} {name}", source.as_str()))
            }
        })
    }

    /// The id as it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who gave it.
    #[must_use]
    pub fn source(&self) -> EventSource {
        let source = self.0.split_once(' ').and_then(|(source, _)| source.parse().ok());
        source.unwrap_or(EventSource::Producer)
    }

    /// The id as its source gave it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(' ').map_or(&self.0, |(_, name)| name)
    }
}

impl TryFrom<String> for EventId {
    type Error = Invalid;

    /// Takes an id as it is kept. One that comes in is read by [`EventId::of`].
    fn try_from(id: String) -> Result<Self, Invalid> {
        match id.split_once(' ') {
            None => Self::of(EventSource::Producer, id),
            Some((source, name)) => match source.parse()? {
                EventSource::Producer => Err(Invalid::new("is no event id")),
                source => Self::of(source, name.to_owned()),
            },
        }
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

impl Version {
    /// The version of what the ticket was like when it was created, where one event shows both that
    /// and this: observed just before.
    #[must_use]
    pub fn of_creation(&self, created_as: &Ticket) -> Self {
        let at = self.observed.at.minus(Duration::from_micros(1));
        let observed = Observation { at, event_id: self.observed.event_id.clone() };
        Self { updated_at: created_as.updated_at, observed }
    }
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
    /// The ticket was looked for, and was not there. The version's `updated_at` is the newest that
    /// was heard of it.
    Absent,
    /// The ticket is gone for ever.
    PermanentlyDeleted,
}

/// The whole ticket as it stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub kind: SnapshotKind,
    pub ticket: Arc<Ticket>,
    pub requester: Requester,
    /// What the ticket was like when it was created, of the same requester, where that is known and
    /// the ticket may have changed since; with [`SnapshotKind::Created`] only.
    pub created_as: Option<Arc<Ticket>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_of_two_sources_is_two_ids_and_each_reads_back() {
        let id = |source: EventSource| EventId::of(source, "e-1".into()).unwrap();
        let kept = EventSource::ALL.iter().map(|source| id(*source).to_string());
        assert_eq!(kept.collect::<Vec<_>>(), ["e-1", "zendesk e-1", "service e-1"]);
        for source in EventSource::ALL {
            let read = EventId::try_from(id(*source).to_string()).unwrap();
            assert_eq!((read.source(), read.name()), (*source, "e-1"));
        }
    }

    #[test]
    fn no_source_can_speak_for_another() {
        let long = "a".repeat(MAX_ID_LENGTH + 1);
        for name in ["zendesk e-1", "service e-1", " ", "", "a b", "\u{e9}", "a\n", &long] {
            for source in EventSource::ALL {
                assert!(EventId::of(*source, name.into()).is_err(), "{name}");
            }
        }
        for kept in ["producer e-1", "other e-1", "zendesk ", "zendesk a b", " e-1"] {
            assert!(EventId::try_from(kept.to_owned()).is_err(), "{kept}");
        }
    }
}
