//! How tails end: outside the log, in another history, at a shutdown, or before they begin.

use std::time::Duration;

use prost_types::Timestamp;
use ticketsync::{
    proto::v1::{TailTriggersRequest, TicketName, tail_triggers_request::Start},
    service::{Feed, FeedOptions, StopAtHead, TailRequest, TailStart},
    store::TriggerFilter,
};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    support::{
        PATIENCE, Services, created, field, follow, metadata, on_both_engines, reason, tail,
    },
    trigger::{EARLIEST, events, message, positions, with_log},
    trigger_follow::QUICK,
};

async fn failure(services: &Services, request: TailTriggersRequest) -> Status {
    services.read(request).await.unwrap_err()
}

on_both_engines! {
    async fn a_cursor_outside_the_log_is_out_of_range(db: Database) {
        let (services, _) = with_log(&db, 5).await;
        let cursors: Vec<String> = events(services.read(tail("acme", EARLIEST)).await.unwrap())
            .into_iter()
            .map(|event| event.cursor)
            .collect();
        let mut session = db.session().await;
        session.execute("update accounts set floor = 3").await;
        session.execute("delete from triggers where position <= 3").await;
        let below = failure(&services, tail("acme", Start::Cursor(cursors[1].clone()))).await;
        assert_eq!(
            (below.code(), reason(&below)),
            (Code::OutOfRange, "CURSOR_OUT_OF_RANGE".into())
        );
        assert_eq!(metadata(&below)["earliest_position"], "4");
        assert_eq!(metadata(&below)["head_position"], "5");
        let at_floor =
            services.read(tail("acme", Start::Cursor(cursors[2].clone()))).await.unwrap();
        assert_eq!(at_floor[0].earliest_position, 4);
        assert_eq!(positions(&events(at_floor)), [4, 5]);
        let earliest = services.read(tail("acme", EARLIEST)).await.unwrap();
        assert_eq!(positions(&events(earliest)), [4, 5]);
        session.execute("update accounts set head = 4").await;
        let above = failure(&services, tail("acme", Start::Cursor(cursors[4].clone()))).await;
        assert_eq!(reason(&above), "CURSOR_OUT_OF_RANGE");
        session.close().await;
        services.stop().await;
    }

    async fn a_tail_says_so_and_stops_when_it_falls_behind_the_floor(db: Database) {
        db.active_connection("acme").await;
        let services = Services::start_with(&db, QUICK).await;
        let mut tail = services.tail(follow("acme", None)).await.unwrap();
        message(&mut tail).await;
        let mut session = db.session().await;
        session.execute("update accounts set head = 7, floor = 7").await;
        let failed = loop {
            match timeout(PATIENCE, tail.message()).await.unwrap() {
                Ok(heartbeat) => assert!(heartbeat.unwrap().events.is_empty()),
                Err(status) => break status,
            }
        };
        assert_eq!(reason(&failed), "CURSOR_OUT_OF_RANGE");
        session.close().await;
        services.stop().await;
    }

    async fn a_hole_is_never_skipped(db: Database) {
        let (services, _) = with_log(&db, 5).await;
        let mut session = db.session().await;
        session.execute("delete from triggers where position = 3").await;
        assert_eq!(
            reason(&failure(&services, tail("acme", EARLIEST)).await),
            "CURSOR_OUT_OF_RANGE"
        );
        session.execute("delete from triggers where position >= 3").await;
        assert_eq!(
            reason(&failure(&services, tail("acme", EARLIEST)).await),
            "CURSOR_OUT_OF_RANGE"
        );
        session.close().await;
        services.stop().await;
    }

    async fn a_cursor_of_another_history_has_diverged(db: Database) {
        let (services, _) = with_log(&db, 3).await;
        let cursors: Vec<String> = events(services.read(tail("acme", EARLIEST)).await.unwrap())
            .into_iter()
            .map(|event| event.cursor)
            .collect();
        let mut session = db.session().await;
        session.execute("update triggers set entropy = entropy + 1 where position = 2").await;
        let other = failure(&services, tail("acme", Start::Cursor(cursors[1].clone()))).await;
        assert_eq!(
            (other.code(), reason(&other)),
            (Code::FailedPrecondition, "LOG_DIVERGED".into())
        );
        assert!(services.read(tail("acme", Start::Cursor(cursors[2].clone()))).await.is_ok());
        let log = uuid::Uuid::new_v4();
        session.execute(&format!("update accounts set log_id = '{log}'")).await;
        let other = failure(&services, tail("acme", Start::Cursor(cursors[2].clone()))).await;
        assert_eq!(reason(&other), "LOG_DIVERGED");
        session.execute("delete from accounts").await;
        let other = failure(&services, tail("acme", Start::Cursor(cursors[0].clone()))).await;
        assert_eq!(reason(&other), "LOG_DIVERGED");
        session.close().await;
        services.stop().await;
    }

    async fn a_tail_ends_when_the_service_shuts_down(db: Database) {
        let (services, _) = with_log(&db, 1).await;
        let mut tail = services.tail(follow("acme", None)).await.unwrap();
        message(&mut tail).await;
        services.shutdown.cancel();
        let ended = timeout(PATIENCE, tail.message()).await.unwrap().unwrap_err();
        assert_eq!((ended.code(), reason(&ended)), (Code::Unavailable, "SHUTTING_DOWN".into()));
        services.stop().await;
    }

    async fn a_bad_tail_is_refused_with_the_field(db: Database) {
        let (services, _) = with_log(&db, 1).await;
        let good = follow("acme", None);
        let other = events(services.read(tail("acme", EARLIEST)).await.unwrap()).remove(0).cursor;
        let ticket = |connection_id: &str, ticket_id| {
            Some(TicketName { connection_id: connection_id.into(), ticket_id })
        };
        let id = uuid::Uuid::new_v4().to_string();
        let start = |start| TailTriggersRequest { start: Some(start), ..good.clone() };
        let cases = [
            (TailTriggersRequest { account_id: "Acme".into(), ..good.clone() }, "account_id"),
            (TailTriggersRequest { start: None, ..good.clone() }, "start"),
            (start(Start::Cursor("nonsense".into())), "cursor"),
            (start(Start::Cursor(String::new())), "cursor"),
            (
                TailTriggersRequest { account_id: "acme2".into(), ..start(Start::Cursor(other)) },
                "cursor",
            ),
            (start(Start::StartPoint(0)), "start_point"),
            (start(Start::StartPoint(9)), "start_point"),
            (start(Start::CommitTime(Timestamp { seconds: -1, nanos: 0 })), "commit_time"),
            (TailTriggersRequest { kinds: vec![1, 0], ..good.clone() }, "kinds[1]"),
            (TailTriggersRequest { kinds: vec![7], ..good.clone() }, "kinds[0]"),
            (TailTriggersRequest { kinds: vec![1; 17], ..good.clone() }, "kinds"),
            (TailTriggersRequest { contact_id: "x".into(), ..good.clone() }, "contact_id"),
            (
                TailTriggersRequest { ticket: ticket("x", 1), ..good.clone() },
                "ticket.connection_id",
            ),
            (TailTriggersRequest { ticket: ticket(&id, 0), ..good.clone() }, "ticket.ticket_id"),
            (TailTriggersRequest { max_events: -1, ..good.clone() }, "max_events"),
        ];
        for (request, path) in cases {
            let refused = failure(&services, request).await;
            assert_eq!((refused.code(), field(&refused)), (Code::InvalidArgument, path.into()));
        }
        services.stop().await;
    }

    async fn a_lost_hint_delays_an_event_and_loses_nothing(db: Database) {
        let connected = db.active_connection("acme").await;
        let writer = Services::start(&db).await;
        let quick = FeedOptions { heartbeat: Duration::from_mins(1), ..QUICK };
        let deaf = Feed::new(writer.store.clone(), quick, writer.shutdown.clone());
        let mut tail = deaf.tail(TailRequest {
            account: "acme".to_owned().try_into().unwrap(),
            start: TailStart::Earliest,
            filter: TriggerFilter::default(),
            stop_at_head: StopAtHead::No,
            max_events: None,
        });
        assert!(tail.next().await.unwrap().unwrap().events.is_empty());
        writer.apply(&connected, created("e1", 1)).await;
        let batch = timeout(PATIENCE, tail.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(batch.events.len(), 1);
        writer.stop().await;
    }

    async fn a_tail_ends_after_two_heartbeats_without_the_database(db: Database) {
        db.active_connection("acme").await;
        let services = Services::start_with(&db, QUICK).await;
        let mut tail = services.tail(follow("acme", None)).await.unwrap();
        let first = message(&mut tail).await;
        services.store.close().await;
        let mut heartbeats = 0;
        let ended = loop {
            match timeout(PATIENCE, tail.message()).await.unwrap() {
                Ok(heartbeat) => assert_eq!(heartbeat.unwrap().cursor, first.cursor),
                Err(status) => break status,
            }
            heartbeats += 1;
        };
        assert_eq!((ended.code(), reason(&ended)), (Code::Unavailable, "STORE_UNAVAILABLE".into()));
        assert!(ended.get_details_retry_info().is_some());
        assert!(heartbeats <= 2, "{heartbeats}");
        let refused = failure(&services, follow("acme", None)).await;
        assert_eq!(reason(&refused), "STORE_UNAVAILABLE", "a tail does not begin without it");
        services.stop().await;
    }
}
