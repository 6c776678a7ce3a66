//! Ticket events as a producer would send them.

use prost_types::Timestamp;
use ticketsync::proto::v1::{
    IngestTicketEventRequest, IngestTicketEventsRequest, Requester, Ticket, TicketEvent,
    TicketEventKind, TicketPriority, TicketStatus,
};

use super::Connected;

/// 2025-01-01T00:00:00Z, in the past of every clock.
const START: i64 = 1_735_689_600;

/// A moment, in seconds after the start of 2025.
pub const fn time(seconds: i64) -> Timestamp {
    Timestamp { seconds: START + seconds, nanos: 0 }
}

/// An open ticket, of requester 900 + id, as it was created.
pub fn ticket(id: i64) -> Ticket {
    Ticket {
        status: TicketStatus::Open.into(),
        id,
        priority: TicketPriority::Normal.into(),
        updated_at: Some(time(0)),
        created_at: Some(time(0)),
        description: "It does not work.".into(),
        raw_subject: "Help {{dc.me}}".into(),
        requester_id: id.saturating_add(900),
        subject: "Help".into(),
        url: format!("https://acme.zendesk.com/api/v2/tickets/{id}.json"),
        ..Ticket::default()
    }
}

/// The ticket was created, at second 0, by `r{id}@example.com`.
pub fn created(event_id: &str, ticket_id: i64) -> Event {
    Event::new(event_id, TicketEventKind::Created, ticket_id)
}

/// The ticket was updated at this second.
pub fn updated(event_id: &str, ticket_id: i64, at: i64) -> Event {
    Event::new(event_id, TicketEventKind::Updated, ticket_id).at(at)
}

/// The ticket was deleted at this second; says nothing of its requester.
pub fn deleted(event_id: &str, ticket_id: i64, at: i64) -> Event {
    Event::bare(event_id, TicketEventKind::Deleted, ticket_id, at)
}

/// The ticket came back at this second.
pub fn undeleted(event_id: &str, ticket_id: i64, at: i64) -> Event {
    Event::new(event_id, TicketEventKind::Undeleted, ticket_id).at(at)
}

/// The ticket was deleted for ever at this second.
pub fn permanently_deleted(event_id: &str, ticket_id: i64, at: i64) -> Event {
    Event::bare(event_id, TicketEventKind::PermanentlyDeleted, ticket_id, at)
}

/// An event, made to measure.
#[derive(Debug, Clone)]
pub struct Event(pub TicketEvent);

impl Event {
    fn new(event_id: &str, kind: TicketEventKind, ticket_id: i64) -> Self {
        let ticket = ticket(ticket_id);
        Self(TicketEvent {
            event_id: event_id.into(),
            kind: kind.into(),
            event_time: Some(time(0)),
            requester: Some(Requester {
                id: ticket.requester_id,
                email: format!("r{}@example.com", ticket.requester_id),
                name: "Ann Example".into(),
            }),
            ticket: Some(ticket),
        })
    }

    fn bare(event_id: &str, kind: TicketEventKind, ticket_id: i64, at: i64) -> Self {
        Self(TicketEvent {
            event_id: event_id.into(),
            kind: kind.into(),
            event_time: Some(time(at)),
            ticket: Some(Ticket { id: ticket_id, ..Ticket::default() }),
            requester: None,
        })
    }

    /// Both `updated_at` and the event's time.
    pub fn at(self, seconds: i64) -> Self {
        self.observed_at(seconds).with(|ticket| ticket.updated_at = Some(time(seconds)))
    }

    /// The event's time alone.
    pub fn observed_at(mut self, seconds: i64) -> Self {
        self.0.event_time = Some(time(seconds));
        self
    }

    /// Another requester, with this e-mail address; empty for none.
    pub fn requester(mut self, id: i64, email: &str) -> Self {
        let name = "Ann Example".into();
        self.0.requester = Some(Requester { id, email: email.into(), name });
        self.with(|ticket| ticket.requester_id = id)
    }

    /// The same requester with another e-mail address; empty for none.
    pub fn email(self, email: &str) -> Self {
        let id = self.0.ticket.as_ref().map_or(0, |ticket| ticket.requester_id);
        self.requester(id, email)
    }

    /// Another subject.
    pub fn subject(self, subject: &str) -> Self {
        self.with(|ticket| ticket.subject = subject.into())
    }

    /// Another status.
    pub fn status(self, status: TicketStatus) -> Self {
        self.with(|ticket| ticket.status = status.into())
    }

    /// Changes the ticket.
    pub fn with(mut self, change: impl FnOnce(&mut Ticket)) -> Self {
        change(self.0.ticket.get_or_insert_default());
        self
    }

    /// The unary request that sends the event over a connection.
    pub fn request(self, to: &Connected) -> IngestTicketEventRequest {
        IngestTicketEventRequest {
            account_id: to.account_id.clone(),
            connection_id: to.connection_id.clone(),
            event: Some(self.0),
        }
    }

    /// The message of a stream that sends the event over a connection.
    pub fn message(self, to: &Connected) -> IngestTicketEventsRequest {
        IngestTicketEventsRequest {
            account_id: to.account_id.clone(),
            connection_id: to.connection_id.clone(),
            event: Some(self.0),
        }
    }
}
