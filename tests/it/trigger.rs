//! `TailTriggers`: the trigger log's promises.

use prost_types::Timestamp;
use ticketsync::proto::v1::{
    StartPoint, TailTriggersRequest, TailTriggersResponse, TicketField, TicketName, TriggerEvent,
    TriggerKind, tail_triggers_request::Start,
};
use tokio::time::timeout;
use tonic::Streaming;

use crate::support::{
    Connected, Database, PATIENCE, Services, created, follow, on_both_engines, tail, updated,
};

pub const EARLIEST: Start = Start::StartPoint(StartPoint::Earliest as i32);
pub const LATEST: Start = Start::StartPoint(StartPoint::Latest as i32);

/// The services with an account whose log holds this many events, one of each ticket from 1 on.
pub async fn with_log(db: &Database, count: i64) -> (Services, Connected) {
    let connected = db.active_connection("acme").await;
    let services = Services::start(db).await;
    for ticket in 1..=count {
        services.apply(&connected, created(&format!("e{ticket}"), ticket)).await;
    }
    (services, connected)
}

pub fn events(messages: Vec<TailTriggersResponse>) -> Vec<TriggerEvent> {
    messages.into_iter().flat_map(|message| message.events).collect()
}

pub fn positions(events: &[TriggerEvent]) -> Vec<i64> {
    events.iter().map(|event| event.position).collect()
}

pub async fn message(tail: &mut Streaming<TailTriggersResponse>) -> TailTriggersResponse {
    let message = timeout(PATIENCE, tail.message()).await.expect("a message in time");
    message.unwrap().expect("a message before the end")
}

on_both_engines! {
    async fn a_tail_gives_every_event_in_order_once(db: Database) {
        let (services, connected) = with_log(&db, 3).await;
        let update = updated("u1", 2, 60).subject("Still broken");
        services.apply(&connected, update).await;
        let events = events(services.read(tail("acme", EARLIEST)).await.unwrap());
        assert_eq!(positions(&events), [1, 2, 3, 4]);
        let (first, last) = (&events[0], &events[3]);
        assert_eq!(first.kind(), TriggerKind::TicketCreated);
        assert_eq!((first.event_id.as_str(), first.ticket_id), ("e1", 1));
        assert_eq!(first.connection_id, connected.connection_id);
        assert_eq!(first.ticket.as_ref().unwrap().subject, "Help");
        assert!(first.changed_fields.is_empty() && first.previous_values.is_none());
        let contact = first.contact.as_ref().unwrap();
        assert_eq!(
            (contact.email.as_str(), contact.name.as_str()),
            ("r901@example.com", "Ann Example")
        );
        assert_eq!(last.kind(), TriggerKind::TicketUpdated);
        let changed: Vec<TicketField> = last.changed_fields().collect();
        assert_eq!(changed, [TicketField::UpdatedAt, TicketField::Subject]);
        assert_eq!(last.previous_values.as_ref().unwrap().subject, "Help");
        assert_eq!(last.ticket.as_ref().unwrap().subject, "Still broken");
        let commit_times: Vec<Timestamp> =
            events.iter().map(|event| event.commit_time.unwrap()).collect();
        assert!(commit_times.is_sorted_by_key(|time| (time.seconds, time.nanos)));
        services.stop().await;
    }

    async fn a_tail_resumes_from_any_cursor_received(db: Database) {
        let (services, _) = with_log(&db, 5).await;
        let read = services.read(tail("acme", EARLIEST)).await.unwrap();
        let cursors = read.iter().map(|message| (message.position, message.cursor.clone()));
        let events = events(read.clone());
        let all = events.iter().map(|event| (event.position, event.cursor.clone())).chain(cursors);
        for (position, cursor) in all {
            assert!(cursor.len() <= 128);
            let rest = services.read(tail("acme", Start::Cursor(cursor))).await.unwrap();
            let rest = positions(&self::events(rest));
            assert_eq!(rest, (position + 1..=5).collect::<Vec<_>>());
        }
        services.stop().await;
    }

    async fn a_tail_stops_at_the_head_of_the_time_of_the_call(db: Database) {
        let (services, connected) = with_log(&db, 2).await;
        let mut stream = services.tail(tail("acme", EARLIEST)).await.unwrap();
        let first = message(&mut stream).await;
        assert_eq!((first.events.len(), first.position, first.head_position), (2, 2, 2));
        services.apply(&connected, created("e3", 3)).await;
        assert!(stream.message().await.unwrap().is_none(), "ends, OK");
        let empty = services.read(tail("nobody", EARLIEST)).await.unwrap();
        assert_eq!(empty.len(), 1, "one message even of an empty log");
        services.stop().await;
    }

    async fn a_tail_ends_after_max_events(db: Database) {
        let (services, _) = with_log(&db, 5).await;
        let request = TailTriggersRequest { max_events: 3, ..follow("acme", None) };
        let read = services.read(request).await.unwrap();
        let last = read.last().unwrap().clone();
        assert_eq!(positions(&events(read)), [1, 2, 3]);
        assert_eq!((last.position, last.head_position), (3, 5));
        services.stop().await;
    }

    async fn a_tail_can_start_at_either_end(db: Database) {
        let (services, _) = with_log(&db, 3).await;
        assert_eq!(events(services.read(tail("acme", EARLIEST)).await.unwrap()).len(), 3);
        let latest = services.read(tail("acme", LATEST)).await.unwrap();
        assert_eq!(latest.len(), 1);
        assert_eq!((latest[0].events.len(), latest[0].position), (0, 3));
        services.stop().await;
    }

    async fn a_tail_can_start_at_a_commit_time(db: Database) {
        let (services, _) = with_log(&db, 9).await;
        let mut session = db.session().await;
        session.execute("update triggers set committed_at = 1000000 * (position / 2)").await;
        // Two positions a second: 1 at 0 s, 2 and 3 at 1 s, 4 and 5 at 2 s …
        for (seconds, nanos, first) in [
            (0, 0, 1),
            (1, 0, 2),
            (1, 1_000, 4),
            (2, 0, 4),
            (4, 0, 8),
            (4, 1_000, 10),
            (9_999, 0, 10),
        ] {
            let start = Start::CommitTime(Timestamp { seconds, nanos });
            let read = positions(&events(services.read(tail("acme", start)).await.unwrap()));
            assert_eq!(read, (first..=9).collect::<Vec<_>>(), "from {seconds}.{nanos:09}");
        }
        session.close().await;
        services.stop().await;
    }

    async fn a_filter_gives_its_events_and_its_cursor_covers_what_it_skipped(db: Database) {
        let (services, connected) = with_log(&db, 4).await;
        services.apply(&connected, updated("u1", 1, 60)).await;
        services.apply(&connected, created("e5", 5)).await;
        let all = events(services.read(tail("acme", EARLIEST)).await.unwrap());
        let contact = all[2].contact.as_ref().unwrap().contact_id.clone();
        let ticket = TicketName { connection_id: connected.connection_id.clone(), ticket_id: 1 };
        let whole = tail("acme", EARLIEST);
        let kinds = |kinds: &[TriggerKind]| kinds.iter().map(|kind| (*kind).into()).collect();
        let cases = [
            (
                TailTriggersRequest {
                    kinds: kinds(&[TriggerKind::TicketUpdated]),
                    ..whole.clone()
                },
                vec![5],
            ),
            (
                TailTriggersRequest {
                    kinds: kinds(&[TriggerKind::TicketUpdated, TriggerKind::TicketCreated]),
                    ..whole.clone()
                },
                vec![1, 2, 3, 4, 5, 6],
            ),
            (TailTriggersRequest { contact_id: contact, ..whole.clone() }, vec![3]),
            (TailTriggersRequest { ticket: Some(ticket.clone()), ..whole.clone() }, vec![1, 5]),
            (
                TailTriggersRequest {
                    kinds: kinds(&[TriggerKind::TicketCreated]),
                    ticket: Some(ticket),
                    ..whole.clone()
                },
                vec![1],
            ),
            (TailTriggersRequest { contact_id: uuid::Uuid::new_v4().to_string(), ..whole }, vec![]),
        ];
        for (request, expected) in cases {
            let read = services.read(request).await.unwrap();
            let last = read.last().unwrap().clone();
            assert_eq!(positions(&events(read)), expected);
            assert_eq!(last.position, 6, "the last cursor stands at the head");
            let rest = services.read(tail("acme", Start::Cursor(last.cursor))).await.unwrap();
            assert!(events(rest).is_empty());
        }
        services.stop().await;
    }

    async fn a_batch_is_at_most_a_mebibyte_and_no_event_is_lost_between(db: Database) {
        use prost::Message as _;
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let description = "\u{1f600}".repeat(16 * 1024);
        for ticket in 1..=40 {
            let event = created(&format!("e{ticket}"), ticket);
            services
                .apply(&connected, event.with(|t| t.description.clone_from(&description)))
                .await;
        }
        let read = services.read(tail("acme", EARLIEST)).await.unwrap();
        assert!(read.len() > 2, "{} batches", read.len());
        for message in &read {
            let bytes: usize = message.events.iter().map(prost::Message::encoded_len).sum();
            assert!(bytes <= 1024 * 1024 && message.encoded_len() < 2 * 1024 * 1024);
        }
        assert_eq!(positions(&events(read)), (1..=40).collect::<Vec<_>>());
        services.stop().await;
    }
}
