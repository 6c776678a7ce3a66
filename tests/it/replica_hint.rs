//! Hints between replicas: a commit on one wakes the tails of another.

use std::time::Duration;

use ticketsync::{proto::v1::TriggerEvent, service::FeedOptions};
use tokio::time::timeout;

use crate::{
    support::{Database, PATIENCE, Services, created, eventually, follow},
    trigger::message,
};

/// Without a hint nothing would come while a test waits.
const DEAF: FeedOptions =
    FeedOptions { heartbeat: Duration::from_hours(1), poll: Duration::from_hours(1) };

async fn next_event(
    tail: &mut tonic::Streaming<ticketsync::proto::v1::TailTriggersResponse>,
) -> TriggerEvent {
    timeout(PATIENCE, async {
        loop {
            if let Some(event) = message(tail).await.events.pop() {
                return event;
            }
        }
    })
    .await
    .expect("an event in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_on_one_replica_wakes_the_tails_of_another() {
    let db = Database::postgres();
    let connected = db.active_connection("acme").await;
    let (one, two) = (Services::start_with(&db, DEAF).await, Services::start_with(&db, DEAF).await);
    let mut tail = two.tail(follow("acme", None)).await.unwrap();
    message(&mut tail).await;
    for ticket in 1..=5 {
        one.apply(&connected, created(&format!("e{ticket}"), ticket)).await;
        assert_eq!(next_event(&mut tail).await.position, ticket);
    }
    drop(tail);
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lost_its_ear_hears_again_and_catches_up() {
    let db = Database::postgres();
    let connected = db.active_connection("acme").await;
    let (one, two) = (Services::start_with(&db, DEAF).await, Services::start_with(&db, DEAF).await);
    let mut tail = two.tail(follow("acme", None)).await.unwrap();
    message(&mut tail).await;
    let mut session = db.session().await;
    let listening = "select cast(count(pg_terminate_backend(pid)) as bigint) from pg_stat_activity
                      where datname = current_database() and query like 'LISTEN%'";
    eventually("both replicas to listen", async || {
        (session.integers(&listening.replace("pg_terminate_backend(pid)", "pid")).await == [2])
            .then_some(())
    })
    .await;
    assert_eq!(session.integers(listening).await, [2], "both lose their ears");
    one.apply(&connected, created("e1", 1)).await;
    assert_eq!(next_event(&mut tail).await.position, 1);
    session.close().await;
    drop(tail);
    one.stop().await;
    two.stop().await;
}
