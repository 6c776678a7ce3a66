//! Tails that follow a log: what is committed arrives at once, and in between heartbeats do.

use std::{collections::HashSet, time::Duration};

use ticketsync::{
    proto::v1::{EventOutcome, TailTriggersRequest, TriggerKind},
    service::FeedOptions,
};
use tokio::time::Instant;

use crate::{
    support::{Services, created, follow, on_both_engines, updated},
    trigger::{LATEST, events, message, positions, with_log},
};

/// Times that a test can wait for.
pub const QUICK: FeedOptions =
    FeedOptions { heartbeat: Duration::from_millis(200), poll: Duration::from_millis(50) };
/// Times that no test waits for: what comes is no heartbeat, and follows no poll.
const NEVER: FeedOptions =
    FeedOptions { heartbeat: Duration::from_hours(1), poll: Duration::from_hours(1) };

on_both_engines! {
    async fn the_first_message_comes_at_once_though_there_is_nothing_to_read(db: Database) {
        let services = Services::start_with(&db, NEVER).await;
        let mut tail = services.tail(follow("nobody", None)).await.unwrap();
        let first = message(&mut tail).await;
        assert!(first.events.is_empty());
        assert_eq!((first.position, first.head_position, first.earliest_position), (0, 0, 1));
        drop(tail);
        services.stop().await;
    }

    async fn a_cursor_from_before_the_log_gives_all_of_it(db: Database) {
        let services = Services::start(&db).await;
        let mut before = services.tail(follow("acme", None)).await.unwrap();
        let cursor = message(&mut before).await.cursor;
        let connected = db.active_connection("acme").await;
        services.apply(&connected, created("e1", 1)).await;
        assert_eq!(positions(&message(&mut before).await.events), [1]);
        let mut resumed = services.tail(follow("acme", Some(&cursor))).await.unwrap();
        assert_eq!(positions(&message(&mut resumed).await.events), [1]);
        drop((before, resumed));
        services.stop().await;
    }

    async fn what_is_committed_arrives_while_one_follows(db: Database) {
        let (services, connected) = with_log(&db, 1).await;
        let mut tail = services
            .tail(TailTriggersRequest { start: Some(LATEST), ..follow("acme", None) })
            .await
            .unwrap();
        assert_eq!(message(&mut tail).await.position, 1);
        for ticket in 2..=4 {
            services.apply(&connected, created(&format!("e{ticket}"), ticket)).await;
            assert_eq!(positions(&message(&mut tail).await.events), [ticket]);
        }
        drop(tail);
        services.stop().await;
    }

    async fn heartbeats_tell_that_it_is_alive_and_how_far_it_is(db: Database) {
        db.active_connection("acme").await;
        let services = Services::start_with(&db, QUICK).await;
        let mut tail = services.tail(follow("acme", None)).await.unwrap();
        let first = message(&mut tail).await;
        let start = Instant::now();
        for _ in 0..3 {
            let heartbeat = message(&mut tail).await;
            assert!(heartbeat.events.is_empty());
            assert_eq!(heartbeat.cursor, first.cursor);
        }
        assert!(start.elapsed() >= 2 * QUICK.heartbeat, "heartbeats come no faster than told");
        drop(tail);
        services.stop().await;
    }

    async fn heartbeats_move_on_past_what_the_filter_skips(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start_with(&db, QUICK).await;
        let kinds = vec![TriggerKind::TicketUpdated.into()];
        let request = TailTriggersRequest { kinds, ..follow("acme", None) };
        let mut tail = services.tail(request).await.unwrap();
        let mut last = message(&mut tail).await;
        assert_eq!((last.position, last.head_position), (0, 0));
        for ticket in 1..=3 {
            services.apply(&connected, created(&format!("e{ticket}"), ticket)).await;
            // One that was on its way may still tell of the time before.
            let moved = loop {
                let heartbeat = message(&mut tail).await;
                assert!(heartbeat.events.is_empty());
                if heartbeat.position > last.position {
                    break heartbeat;
                }
            };
            assert_eq!((moved.position, moved.head_position), (ticket, ticket));
            assert_ne!(moved.cursor, last.cursor);
            last = moved;
        }
        services.apply(&connected, updated("u1", 1, 60)).await;
        let mut resumed = services.tail(follow("acme", Some(&last.cursor))).await.unwrap();
        assert_eq!(positions(&message(&mut resumed).await.events), [4], "nothing comes twice");
        drop((tail, resumed));
        services.stop().await;
    }

    async fn two_tails_each_get_everything_while_many_write(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let request = TailTriggersRequest { max_events: 200, ..follow("acme", None) };
        let (one, two) = (services.read(request.clone()), services.read(request));
        let write = async {
            let tickets = (1..=200)
                .map(|ticket| services.apply(&connected, created(&format!("e{ticket}"), ticket)));
            futures::future::join_all(tickets).await
        };
        let (one, two, results) = tokio::join!(one, two, write);
        assert!(results.iter().all(|result| result.outcome() == EventOutcome::Created));
        let written: HashSet<i64> =
            results.iter().map(ticketsync::proto::v1::EventResult::position).collect();
        assert_eq!(written, (1..=200).collect());
        for read in [one, two] {
            assert_eq!(positions(&events(read.unwrap())), (1..=200).collect::<Vec<_>>());
        }
        services.stop().await;
    }
}
