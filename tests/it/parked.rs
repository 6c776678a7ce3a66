//! Parked events: listed, tried again, released.

use std::time::Duration;

use prost_types::Timestamp;
use ticketsync::{
    clock,
    proto::v1::{
        CreateContactRequest, Event, EventOutcome, EventSource, GetEventRequest,
        ListParkedEventsRequest, ListParkedEventsResponse, ParkReason, ParkedEvent,
        RetryParkedEventsRequest, TicketEventKind, TriggerKind,
    },
    service::FeedOptions,
};
use tonic::{Code, Status};

use crate::{
    support::{
        Connected, Database, Services, created, follow, on_both_engines, reason, time, undeleted,
        updated,
    },
    trigger::message,
};

/// Times past a test's patience: a tail says only what it is woken for.
const WOKEN_ONLY: FeedOptions =
    FeedOptions { heartbeat: Duration::from_mins(10), poll: Duration::from_mins(10) };

async fn start(db: &Database) -> (Services, Connected) {
    (Services::start(db).await, db.active_connection("acme").await)
}

/// A page of the account's parked events; of one connection, or of all.
async fn page(
    services: &Services,
    connection: Option<&Connected>,
    page_size: i32,
    page_token: &str,
) -> Result<ListParkedEventsResponse, Status> {
    let request = ListParkedEventsRequest {
        account_id: "acme".into(),
        connection_id: connection.map(|to| to.connection_id.clone()).unwrap_or_default(),
        page_size,
        page_token: page_token.into(),
    };
    Ok(services.ingest.clone().list_parked_events(request).await?.into_inner())
}

fn ids(events: &[ParkedEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event_id.as_str()).collect()
}

async fn retry(
    services: &Services,
    to: &Connected,
    event_ids: &[&str],
) -> Result<Vec<Event>, Status> {
    let request = RetryParkedEventsRequest {
        account_id: to.account_id.clone(),
        connection_id: to.connection_id.clone(),
        event_ids: event_ids.iter().map(|id| (*id).to_owned()).collect(),
        ..RetryParkedEventsRequest::default()
    };
    Ok(services.ingest.clone().retry_parked_events(request).await?.into_inner().events)
}

/// Makes the requester known without an event, as fetching them from Zendesk will. Answers the
/// contact that they are.
async fn make_known(db: &Database, services: &Services, to: &Connected, requester: i64) -> String {
    let request = CreateContactRequest {
        account_id: to.account_id.clone(),
        email: "ann@example.com".into(),
        name: "Ann".into(),
    };
    let contact = services.contacts.clone().create_contact(request).await.unwrap().into_inner();
    let mut session = db.session().await;
    session
        .execute(&format!(
            "insert into requesters (account_id, connection_id, requester_id, contact_id,
                                     observed_at, observed_event_id)
                  values ('{}', '{}', {requester}, '{}', 0, 'fetch')",
            to.account_id, to.connection_id, contact.contact_id
        ))
        .await;
    session.close().await;
    contact.contact_id
}

on_both_engines! {
    async fn a_retry_releases_what_has_an_address_by_now_and_wakes_a_tail(db: Database) {
        let to = db.active_connection("acme").await;
        let services = Services::start_with(&db, WOKEN_ONLY).await;
        services.apply(&to, created("e1", 1).requester(7, "").subject("First")).await;
        services.apply(&to, updated("e2", 1, 60).requester(7, "").subject("Second")).await;
        services.apply(&to, created("e3", 3).requester(8, "")).await;
        let mut tail = services.tail(follow("acme", None)).await.unwrap();
        assert!(message(&mut tail).await.events.is_empty());
        let contact_id = make_known(&db, &services, &to, 7).await;

        let before = clock::now();
        let tried = retry(&services, &to, &["e3", "e2", "e1"]).await.unwrap();
        let told: Vec<_> = tried
            .iter()
            .map(|event| {
                let result = event.result.as_ref().unwrap();
                (event.event_id.as_str(), result.outcome(), result.position)
            })
            .collect();
        assert_eq!(told, [
            ("e3", EventOutcome::Parked, None),
            ("e2", EventOutcome::Updated, Some(2)),
            ("e1", EventOutcome::Created, Some(1)),
        ], "in the order asked");
        assert_eq!(tried[1].result.as_ref().unwrap().contact_id, contact_id);
        assert_eq!(tried[1].connection_id, to.connection_id);
        assert!(tried[1].receive_time.is_some());

        let mut logged = Vec::new();
        while logged.len() < 2 {
            logged.extend(message(&mut tail).await.events);
        }
        let (first, second) = (&logged[0], &logged[1]);
        assert_eq!((first.event_id.as_str(), first.kind()), ("e1", TriggerKind::TicketCreated));
        assert_eq!((second.event_id.as_str(), second.kind()), ("e2", TriggerKind::TicketUpdated));
        assert_eq!(second.ticket.as_ref().unwrap().subject, "Second");
        assert_eq!(second.contact.as_ref().unwrap().contact_id, contact_id);
        let committed = second.commit_time.unwrap();
        assert!(committed.seconds >= before.as_micros() / 1_000_000);

        assert_eq!(ids(&page(&services, None, 0, "").await.unwrap().parked_events), ["e3"]);
        let again = retry(&services, &to, &["e1"]).await.unwrap_err();
        assert_eq!(reason(&again), "EVENT_NOT_FOUND", "it is no longer parked");
        drop(tail);
        services.stop().await;
    }

    async fn a_parked_event_is_listed_with_what_is_known_of_it(db: Database) {
        let (services, to) = start(&db).await;
        let before = Timestamp { seconds: clock::now().as_micros() / 1_000_000, nanos: 0 };
        services.apply(&to, created("e1", 1).requester(7, "")).await;
        services.apply(&to, updated("e2", 2, 30).requester(8, "")).await;
        services.apply(&to, undeleted("e3", 3, 60).requester(9, " ")).await;
        let listed = page(&services, None, 0, "").await.unwrap();
        assert_eq!(listed.next_page_token, "");
        let expected = [
            ("e1", TicketEventKind::Created, 1, 7, 0),
            ("e2", TicketEventKind::Updated, 2, 8, 30),
            ("e3", TicketEventKind::Undeleted, 3, 9, 60),
        ];
        assert_eq!(listed.parked_events.len(), expected.len());
        for (event, (id, kind, ticket_id, requester_id, at)) in
            listed.parked_events.into_iter().zip(expected)
        {
            let park_time = event.park_time.unwrap();
            assert!(park_time.seconds >= before.seconds);
            assert_eq!(event, ParkedEvent {
                connection_id: to.connection_id.clone(),
                event_id: id.into(),
                event_source: EventSource::Producer.into(),
                kind: kind.into(),
                reason: ParkReason::RequesterWithoutEmail.into(),
                ticket_id,
                requester_id,
                event_time: Some(time(at)),
                park_time: Some(park_time),
            });
        }
        services.stop().await;
    }

    async fn parked_events_come_in_pages_oldest_first_of_one_connection_or_of_all(db: Database) {
        let (services, one) = start(&db).await;
        let (two, foreign) = (db.active_connection("acme").await, db.active_connection("other").await);
        for (n, to) in (1..=7).zip([&one, &two].into_iter().cycle()) {
            services.apply(to, created(&format!("e{n}"), n).email("")).await;
        }
        services.apply(&foreign, created("foreign", 1).email("")).await;

        for (connection, expected) in [
            (None, vec!["e1", "e2", "e3", "e4", "e5", "e6", "e7"]),
            (Some(&one), vec!["e1", "e3", "e5", "e7"]),
            (Some(&two), vec!["e2", "e4", "e6"]),
        ] {
            for size in [1, 2, 3, 7, 1_000] {
                let (mut read, mut token) = (Vec::new(), String::new());
                loop {
                    let page = page(&services, connection, size, &token).await.unwrap();
                    assert!(page.parked_events.len() <= usize::try_from(size).unwrap());
                    read.extend(page.parked_events);
                    token = page.next_page_token;
                    if token.is_empty() {
                        break;
                    }
                }
                assert_eq!(ids(&read), expected, "in pages of {size}");
            }
        }
        assert!(page(&services, Some(&foreign), 0, "").await.unwrap().parked_events.is_empty());
        let token = page(&services, Some(&one), 1, "").await.unwrap().next_page_token;
        let elsewhere = page(&services, Some(&two), 1, &token).await.unwrap_err();
        assert_eq!(reason(&elsewhere), "INVALID_FIELD", "a token of another list");
        services.stop().await;
    }

    async fn an_event_that_was_never_seen_is_not_found(db: Database) {
        let (services, to) = start(&db).await;
        services.apply(&to, created("e1", 1)).await;
        let other = db.active_connection("acme").await;
        for (to, id) in [(&to, "e2"), (&to, "E1"), (&other, "e1")] {
            let request = GetEventRequest {
                account_id: to.account_id.clone(),
                connection_id: to.connection_id.clone(),
                event_id: id.into(),
                ..GetEventRequest::default()
            };
            let unknown = services.ingest.clone().get_event(request).await.unwrap_err();
            assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "EVENT_NOT_FOUND"));
        }
        services.stop().await;
    }
}
