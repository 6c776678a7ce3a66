//! Bad input: refused with the field's path and what is wrong, and nothing is stored.

mod cases;
mod edges;
mod mappings;

use prost_types::Timestamp;
use ticketsync::proto::v1::{
    CreateContactRequest, ErrorReason, IngestTicketEventRequest, IngestTicketEventsRequest,
    ListContactsRequest, StartConnectionRequest, ingest_ticket_events_response::Answer,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use self::cases::cases;
use crate::support::{
    Clients, Connected, Database, Event, Replica, created, deleted, on_both_engines, updated,
};

/// How many rows each table has, the account and connection of the test included.
async fn rows(db: &Database) -> Vec<i64> {
    const TABLES: [&str; 12] = [
        "accounts",
        "authorizations",
        "connections",
        "contact_fields",
        "contact_values",
        "contacts",
        "events",
        "field_mappings",
        "parked_events",
        "requesters",
        "tickets",
        "triggers",
    ];
    let mut session = db.session().await;
    let mut rows = Vec::new();
    for table in TABLES {
        rows.extend(session.integers(&format!("select count(*) from {table}")).await);
    }
    session.close().await;
    rows
}

/// Checks that a status refuses one field, with all that the contract promises of it.
fn assert_refuses(status: &Status, path: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{path}: {status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "INVALID_FIELD");
    assert_eq!(details.error_info().unwrap().domain, "ticketsync.v1");
    let violations = &details.bad_request().unwrap().field_violations;
    assert_eq!(violations.iter().map(|violation| &violation.field).collect::<Vec<_>>(), [path]);
    assert!(!violations[0].description.is_empty());
    assert!(details.retry_info().is_none(), "a retry does not help");
}

async fn setting(db: &Database) -> (Replica, Clients, Connected) {
    let to = db.active_connection("acme").await;
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    (service, clients, to)
}

on_both_engines! {
    async fn a_bad_event_is_refused_by_the_path_of_its_field(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let before = rows(&db).await;
        for (path, spoil) in cases() {
            let mut request = created("e1", 1).request(&to);
            spoil(&mut request);
            let refused = clients.ingest.clone().ingest_ticket_event(request).await.unwrap_err();
            assert_refuses(&refused, path);
        }
        assert_eq!(rows(&db).await, before, "nothing is stored");
        // The id that all of them had is free.
        clients.send(&to, created("e1", 1)).await.unwrap();
    }

    async fn a_stream_answers_a_bad_event_in_its_place_and_goes_on(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let mut messages: Vec<IngestTicketEventsRequest> = Vec::new();
        let mut expected = Vec::new();
        for (number, (path, spoil)) in (1..).zip(cases()) {
            messages.push(created(&format!("good-{number}"), number).message(&to));
            expected.push(None);
            let mut request = created(&format!("bad-{number}"), number).request(&to);
            spoil(&mut request);
            let IngestTicketEventRequest { account_id, connection_id, event } = request;
            messages.push(IngestTicketEventsRequest { account_id, connection_id, event });
            expected.push(Some(path));
        }
        let count = messages.len();
        let answers =
            clients.ingest.clone().ingest_ticket_events(tokio_stream::iter(messages)).await;
        let mut answers = answers.unwrap().into_inner();
        for expected in expected {
            let answer = answers.message().await.unwrap().expect("each event is answered");
            match (answer.answer.unwrap(), expected) {
                (Answer::Result(_), None) => assert!(answer.event_id.starts_with("good-")),
                (Answer::Error(error), Some(path)) => {
                    assert_eq!(error.reason(), ErrorReason::InvalidField);
                    assert_eq!(error.code, Code::InvalidArgument as i32);
                    assert_eq!(error.field_violations[0].field, path);
                    assert!(error.retry_delay.is_none());
                }
                (answer, expected) => panic!("{answer:?} where {expected:?} was bad"),
            }
        }
        assert!(answers.message().await.unwrap().is_none());
        assert_eq!(clients.log("acme").await.len(), count / 2);
    }

    async fn what_stands_at_a_limit_is_taken(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let email = format!("{}@example.com", "a".repeat(254 - 12));
        let event = created(&"e".repeat(128), i64::MAX).requester(i64::MAX, &email).with(|ticket| {
            ticket.description = "d".repeat(65_536);
            ticket.subject = "s".repeat(1_024);
            ticket.raw_subject = "s".repeat(1_024);
            ticket.external_id = Some("x".repeat(1_024));
            ticket.recipient = Some("x".repeat(1_024));
            ticket.url = "u".repeat(2_048);
            ticket.due_at = Some(Timestamp { seconds: 253_402_300_799, nanos: 999_999_999 });
        });
        let contact = clients.send(&to, event.clone()).await.unwrap().contact_id;
        assert!(!contact.is_empty());
        let log = clients.log("acme").await;
        let kept = log[0].ticket.clone().unwrap();
        // Below a microsecond is cut off.
        let expected = event.with(|ticket| ticket.due_at.as_mut().unwrap().nanos = 999_999_000);
        assert_eq!(Some(kept), expected.0.ticket);
    }

    async fn a_deletion_needs_no_more_than_the_ticket_s_id(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let before = rows(&db).await;
        let nameless = Event(deleted("d1", 1, 5).0).with(|ticket| ticket.id = 0);
        assert_refuses(&clients.send(&to, nameless).await.unwrap_err(), "event.ticket.id");
        assert_eq!(rows(&db).await, before);
        clients.send(&to, deleted("d1", 1, 5)).await.unwrap();
    }

    async fn an_unknown_or_foreign_connection_takes_no_events(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let foreign = Connected { account_id: "other".into(), ..to.clone() };
        let unknown = Connected {
            connection_id: "00000000-0000-4000-8000-000000000000".into(),
            ..to.clone()
        };
        let before = rows(&db).await;
        for to in [foreign, unknown] {
            let refused = clients.send(&to, updated("e1", 1, 1)).await.unwrap_err();
            assert_eq!(refused.code(), Code::NotFound);
            let info = refused.get_error_details();
            assert_eq!(info.error_info().unwrap().reason, "CONNECTION_NOT_FOUND");
        }
        assert_eq!(rows(&db).await, before);
    }

    async fn what_is_no_subdomain_starts_no_connection(db: Database) {
        let (_service, clients, _) = setting(&db).await;
        let before = rows(&db).await;
        let long = "a".repeat(64);
        for subdomain in [
            "", " ", "-acme", "acme-", "ac_me", "acme.example.com", "acme.zendesk.com.example.com",
            "https://example.com/acme.zendesk.com", "acme@example.com", "acme/..", "acme#", "acme?x",
            "é", "acme\0", "a b", "zendesk.com", "https://acme.zendesk.com:81@example.com", &long,
        ] {
            let request = StartConnectionRequest {
                account_id: "acme".into(),
                subdomain: subdomain.to_owned(),
            };
            let refused = clients.connections.clone().start_connection(request).await;
            assert_refuses(&refused.expect_err(subdomain), "subdomain");
        }
        assert_eq!(rows(&db).await, before);
    }

    async fn a_contact_needs_an_address_and_a_list_a_page(db: Database) {
        let (_service, clients, _) = setting(&db).await;
        let before = rows(&db).await;
        for email in ["", " ", "ann", "ann@", "@example.com", "a b@example.com", "a\0@example.com"] {
            let request = CreateContactRequest {
                account_id: "acme".into(),
                email: email.into(),
                name: String::new(),
            };
            let refused = clients.contacts.clone().create_contact(request).await;
            assert_refuses(&refused.expect_err(email), "email");
        }
        for (page_size, page_token, path) in
            [(-1, "", "page_size"), (1_001, "", "page_size"), (0, "no token", "page_token")]
        {
            let request = ListContactsRequest {
                account_id: "acme".into(),
                page_size,
                page_token: page_token.into(),
            };
            let refused = clients.contacts.clone().list_contacts(request).await;
            assert_refuses(&refused.expect_err(path), path);
        }
        assert_eq!(rows(&db).await, before);
    }
}
