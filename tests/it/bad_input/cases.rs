//! Every way in which an event can be bad.

use prost_types::Timestamp;
use ticketsync::proto::v1::{IngestTicketEventRequest, Ticket, TicketEvent};

use crate::support::time;

/// What makes an event's request bad, and the path of the field that has to be named.
pub type Case = (&'static str, Box<dyn Fn(&mut IngestTicketEventRequest)>);

fn request_case(path: &'static str, spoil: fn(&mut IngestTicketEventRequest)) -> Case {
    (path, Box::new(spoil))
}

fn event_case(path: &'static str, spoil: fn(&mut TicketEvent)) -> Case {
    (path, Box::new(move |request| spoil(request.event.as_mut().unwrap())))
}

fn ticket_case(path: &'static str, spoil: fn(&mut Ticket)) -> Case {
    let spoil = move |request: &mut IngestTicketEventRequest| {
        spoil(request.event.as_mut().unwrap().ticket.as_mut().unwrap());
    };
    (path, Box::new(spoil))
}

/// Ten years on: further ahead than any clock of a test.
fn far_ahead() -> Timestamp {
    Timestamp { seconds: time(0).seconds + 3600 * 24 * 3650, nanos: 0 }
}

/// Every way of spoiling an event.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        request_case("account_id", |request| request.account_id.clear()),
        request_case("account_id", |request| request.account_id = "Acme".into()),
        request_case("account_id", |request| request.account_id = "a".repeat(65)),
        request_case("account_id", |request| request.account_id = "a\0".into()),
        request_case("connection_id", |request| request.connection_id.clear()),
        request_case("connection_id", |request| request.connection_id = "acme".into()),
        request_case("event", |request| request.event = None),
    ];
    cases.extend(event_cases());
    cases.extend(enum_id_and_time_cases());
    cases.extend(text_cases());
    cases
}

fn event_cases() -> Vec<Case> {
    vec![
        event_case("event.event_id", |event| event.event_id.clear()),
        event_case("event.event_id", |event| event.event_id = "e".repeat(129)),
        event_case("event.event_id", |event| event.event_id = "e 1".into()),
        event_case("event.event_id", |event| event.event_id = "é".into()),
        event_case("event.event_id", |event| event.event_id = "e\0".into()),
        event_case("event.kind", |event| event.kind = 0),
        event_case("event.kind", |event| event.kind = 99),
        event_case("event.kind", |event| event.kind = -1),
        event_case("event.event_time", |event| event.event_time = None),
        event_case("event.event_time", |event| event.event_time = Some(far_ahead())),
        event_case("event.event_time", |event| event.event_time.as_mut().unwrap().seconds = -1),
        event_case("event.event_time", |event| event.event_time.as_mut().unwrap().nanos = -1),
        event_case("event.ticket", |event| event.ticket = None),
        event_case("event.requester", |event| event.requester = None),
        event_case("event.requester.id", |event| event.requester.as_mut().unwrap().id = 0),
        event_case("event.requester.id", |event| event.requester.as_mut().unwrap().id = -1),
        event_case("event.requester.id", |event| event.requester.as_mut().unwrap().id = 7),
        event_case("event.requester.email", |event| set_email(event, "ann")),
        event_case("event.requester.email", |event| set_email(event, "ann@")),
        event_case("event.requester.email", |event| set_email(event, "@example.com")),
        event_case("event.requester.email", |event| set_email(event, "ann@a@example.com")),
        event_case("event.requester.email", |event| set_email(event, "ann b@example.com")),
        event_case("event.requester.email", |event| set_email(event, "ann@exam\0ple.com")),
        event_case("event.requester.email", |event| {
            set_email(event, &format!("{}@example.com", "a".repeat(254 - 11)));
        }),
        event_case("event.requester.name", |event| set_name(event, "n".repeat(257))),
        event_case("event.requester.name", |event| set_name(event, "n\0".into())),
    ]
}

fn set_email(event: &mut TicketEvent, email: &str) {
    event.requester.as_mut().unwrap().email = email.into();
}

fn set_name(event: &mut TicketEvent, name: String) {
    event.requester.as_mut().unwrap().name = name;
}

fn enum_id_and_time_cases() -> Vec<Case> {
    vec![
        ticket_case("event.ticket.status", |ticket| ticket.status = 0),
        ticket_case("event.ticket.status", |ticket| ticket.status = 8),
        ticket_case("event.ticket.priority", |ticket| ticket.priority = 5),
        ticket_case("event.ticket.type", |ticket| ticket.r#type = -3),
        ticket_case("event.ticket.id", |ticket| ticket.id = 0),
        ticket_case("event.ticket.id", |ticket| ticket.id = -1),
        ticket_case("event.ticket.requester_id", |ticket| ticket.requester_id = i64::MIN),
        ticket_case("event.ticket.assignee_id", |ticket| ticket.assignee_id = Some(0)),
        ticket_case("event.ticket.brand_id", |ticket| ticket.brand_id = Some(-1)),
        ticket_case("event.ticket.forum_topic_id", |ticket| ticket.forum_topic_id = Some(0)),
        ticket_case("event.ticket.group_id", |ticket| ticket.group_id = Some(0)),
        ticket_case("event.ticket.organization_id", |ticket| ticket.organization_id = Some(0)),
        ticket_case("event.ticket.problem_id", |ticket| ticket.problem_id = Some(0)),
        ticket_case("event.ticket.submitter_id", |ticket| ticket.submitter_id = Some(0)),
        ticket_case("event.ticket.ticket_form_id", |ticket| ticket.ticket_form_id = Some(0)),
        ticket_case("event.ticket.updated_at", |ticket| ticket.updated_at = None),
        ticket_case("event.ticket.updated_at", |ticket| ticket.updated_at = Some(far_ahead())),
        ticket_case("event.ticket.created_at", |ticket| ticket.created_at = None),
        ticket_case("event.ticket.created_at", |ticket| ticket.created_at = Some(far_ahead())),
        ticket_case("event.ticket.created_at", |ticket| {
            ticket.created_at = Some(Timestamp { seconds: -1, nanos: 0 });
        }),
        ticket_case("event.ticket.due_at", |ticket| {
            ticket.due_at = Some(Timestamp { seconds: 253_402_300_800, nanos: 0 });
        }),
        ticket_case("event.ticket.due_at", |ticket| {
            ticket.due_at = Some(Timestamp { seconds: i64::MAX, nanos: 0 });
        }),
    ]
}

fn text_cases() -> Vec<Case> {
    vec![
        ticket_case("event.ticket.description", |ticket| ticket.description = "d".repeat(65_537)),
        ticket_case("event.ticket.description", |ticket| ticket.description = "d\0".into()),
        ticket_case("event.ticket.subject", |ticket| ticket.subject = "s".repeat(1_025)),
        ticket_case("event.ticket.subject", |ticket| ticket.subject = "\0".into()),
        ticket_case("event.ticket.raw_subject", |ticket| ticket.raw_subject = "s".repeat(1_025)),
        ticket_case("event.ticket.raw_subject", |ticket| ticket.raw_subject = "a\0b".into()),
        ticket_case("event.ticket.external_id", |ticket| {
            ticket.external_id = Some("x".repeat(1_025));
        }),
        ticket_case("event.ticket.external_id", |ticket| ticket.external_id = Some("\0".into())),
        ticket_case("event.ticket.recipient", |ticket| ticket.recipient = Some("x".repeat(1_025))),
        ticket_case("event.ticket.recipient", |ticket| ticket.recipient = Some("\0".into())),
        ticket_case("event.ticket.url", |ticket| ticket.url = "u".repeat(2_049)),
        ticket_case("event.ticket.url", |ticket| ticket.url = "u\0".into()),
    ]
}
