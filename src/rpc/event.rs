//! Ticket events from the contract into the domain, and what became of them back.

use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{
        Answer, ConnectionKey, Effect, Email, EventBody, EventId, EventKind, EventSource, Invalid,
        Observation, Outcome, Position, Requester, Snapshot, SnapshotKind, TicketEvent, TicketId,
        Timestamp, Version, text,
    },
    error::{Error, Result},
    proto::v1 as pb,
    rpc::{
        request::zendesk_id,
        ticket::{self, unknown},
        time::timestamp,
    },
};

/// Reads the event of a request. `now` bounds its times.
pub fn parse(
    connection: ConnectionKey,
    event: Option<pb::TicketEvent>,
    now: Timestamp,
) -> Result<TicketEvent> {
    let event = event.ok_or_else(|| Error::missing("event"))?;
    let content_hash = Sha256::digest(event.encode_to_vec()).into();
    let pb::TicketEvent { event_id, kind, event_time, ticket, requester } = event;
    let observed = Observation {
        at: event_time
            .ok_or_else(|| Error::missing("event.event_time"))
            .and_then(|time| past(&time, "event.event_time", now))?,
        event_id: self::event_id(EventSource::Producer, event_id, "event.event_id")?,
    };
    let kind = parse_kind(kind).map_err(|problem| Error::invalid("event.kind", problem))?;
    let ticket = ticket.ok_or_else(|| Error::missing("event.ticket"))?;
    let requester = requester.map(parse_requester).transpose()?;
    let snapshot = match kind {
        EventKind::Created => SnapshotKind::Created,
        EventKind::Updated => SnapshotKind::Updated,
        EventKind::Undeleted => SnapshotKind::Undeleted,
        EventKind::Deleted | EventKind::PermanentlyDeleted => {
            let (ticket_id, version) = deleted(&ticket, observed, now)?;
            let body = match kind {
                EventKind::PermanentlyDeleted => EventBody::PermanentlyDeleted,
                _ => EventBody::Deleted { requester },
            };
            return Ok(TicketEvent { connection, ticket_id, version, body, content_hash });
        }
    };
    let requester = requester.ok_or_else(|| Error::missing("event.requester"))?;
    let ticket = ticket::parse(ticket, "event.ticket", now)?;
    if requester.id != ticket.requester_id {
        let problem = Invalid::new("differs from event.ticket.requester_id");
        return Err(Error::invalid("event.requester.id", problem));
    }
    Ok(TicketEvent {
        connection,
        ticket_id: ticket.id,
        version: Version { updated_at: ticket.updated_at, observed },
        body: EventBody::Snapshot(Box::new(Snapshot {
            kind: snapshot,
            ticket: ticket.into(),
            requester,
            created_as: None,
        })),
        content_hash,
    })
}

/// Reads an id that this source gave from the field of this path.
pub fn event_id(source: EventSource, id: String, field: &str) -> Result<EventId> {
    if id.is_empty() {
        return Err(Error::missing(field));
    }
    EventId::of(source, id).map_err(|problem| Error::invalid(field, problem))
}

/// What of a deleted ticket is looked at: its id, and when it was updated, if that is known.
fn deleted(
    ticket: &pb::Ticket,
    observed: Observation,
    now: Timestamp,
) -> Result<(TicketId, Version)> {
    let id = zendesk_id(ticket.id, "event.ticket.id")?;
    let updated_at = match &ticket.updated_at {
        Some(time) => past(time, "event.ticket.updated_at", now)?,
        None => observed.at,
    };
    Ok((id, Version { updated_at, observed }))
}

fn past(time: &prost_types::Timestamp, field: &str, now: Timestamp) -> Result<Timestamp> {
    timestamp(time)
        .and_then(|time| time.not_ahead_of(now))
        .map_err(|problem| Error::invalid(field, problem))
}

fn parse_kind(kind: i32) -> Result<EventKind, Invalid> {
    Ok(match pb::TicketEventKind::try_from(kind).map_err(|_| unknown(kind))? {
        pb::TicketEventKind::Unspecified => return Err(Invalid::new("is required")),
        pb::TicketEventKind::Created => EventKind::Created,
        pb::TicketEventKind::Updated => EventKind::Updated,
        pb::TicketEventKind::Deleted => EventKind::Deleted,
        pb::TicketEventKind::Undeleted => EventKind::Undeleted,
        pb::TicketEventKind::PermanentlyDeleted => EventKind::PermanentlyDeleted,
    })
}

fn parse_requester(requester: pb::Requester) -> Result<Requester> {
    let pb::Requester { id, email, name } = requester;
    let email = (!email.trim().is_empty())
        .then(|| Email::try_from(email))
        .transpose()
        .map_err(|problem| Error::invalid("event.requester.email", problem))?;
    Ok(Requester {
        id: zendesk_id(id, "event.requester.id")?,
        email,
        name: text(name, Requester::MAX_NAME_BYTES)
            .map_err(|problem| Error::invalid("event.requester.name", problem))?,
    })
}

/// Reads the source of ids from the field `event_source`; a producer where it does not say.
pub fn event_source(source: i32) -> Result<EventSource> {
    let known = pb::EventSource::try_from(source)
        .map_err(|_| Error::invalid("event_source", unknown(source)))?;
    Ok(match known {
        pb::EventSource::Unspecified | pb::EventSource::Producer => EventSource::Producer,
        pb::EventSource::Zendesk => EventSource::Zendesk,
        pb::EventSource::Service => EventSource::Service,
    })
}

impl From<EventSource> for pb::EventSource {
    fn from(source: EventSource) -> Self {
        match source {
            EventSource::Producer => Self::Producer,
            EventSource::Zendesk => Self::Zendesk,
            EventSource::Service => Self::Service,
        }
    }
}

impl From<SnapshotKind> for pb::TicketEventKind {
    fn from(kind: SnapshotKind) -> Self {
        match kind {
            SnapshotKind::Created => Self::Created,
            SnapshotKind::Updated => Self::Updated,
            SnapshotKind::Undeleted => Self::Undeleted,
        }
    }
}

impl From<Outcome> for pb::EventOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Created => Self::Created,
            Outcome::Updated => Self::Updated,
            Outcome::Unchanged => Self::Unchanged,
            Outcome::Stale => Self::Stale,
            Outcome::Adopted => Self::Adopted,
            Outcome::Moved => Self::Moved,
            Outcome::Parked => Self::Parked,
            Outcome::Deleted => Self::Deleted,
            Outcome::Restored => Self::Restored,
            Outcome::Erased => Self::Erased,
        }
    }
}

impl From<Effect> for pb::EventResult {
    fn from(effect: Effect) -> Self {
        let Effect { outcome, ticket_id, contact_id, position } = effect;
        Self {
            outcome: pb::EventOutcome::from(outcome).into(),
            first_outcome: pb::EventOutcome::Unspecified.into(),
            ticket_id: ticket_id.get(),
            contact_id: contact_id.map(|id| id.to_string()).unwrap_or_default(),
            position: position.map(Position::get),
        }
    }
}

impl From<Answer> for pb::EventResult {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Applied(effect) => effect.into(),
            Answer::Duplicate(effect) => Self {
                outcome: pb::EventOutcome::Duplicate.into(),
                first_outcome: pb::EventOutcome::from(effect.outcome).into(),
                ..effect.into()
            },
        }
    }
}
