//! How the small Zendesk delivers: what it tries again, how often, and when it stops.

use std::time::Duration;

use ticketsync::sandbox::zendesk::{Fate, Pace};

use super::{
    desk::{HelpDesk, letter},
    receiver::{Receiver, Reply},
};

/// Everything a hundred times faster.
fn hurried() -> Pace {
    Pace::times(100)
}

/// Delivers one event to an endpoint that answers so; gives what became of each try.
async fn fates(replies: &[Reply]) -> Vec<Fate> {
    fates_at(hurried(), replies).await
}

async fn fates_at(pace: Pace, replies: &[Reply]) -> Vec<Fate> {
    let zendesk = HelpDesk::at(pace).await;
    let receiver = Receiver::start(replies).await;
    zendesk.subscribe(&receiver, &["created"]).await;
    zendesk.write(letter("Sanne", None)).await;
    zendesk.all_delivered().await;
    let tries = zendesk.desk.deliveries();
    assert_eq!(receiver.received().len(), tries.len(), "each try is one request");
    let ids: Vec<&str> = tries.iter().map(|it| it.event_id.as_str()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "it is one event");
    let numbers: Vec<u32> = tries.iter().map(|it| it.attempt).collect();
    assert_eq!(numbers, (1..).take(tries.len()).collect::<Vec<u32>>());
    tries.iter().map(|it| it.fate).collect()
}

#[tokio::test]
async fn what_is_taken_is_sent_once() {
    assert_eq!(fates(&[Reply::Status(204)]).await, [Fate::Answered(204)]);
}

#[tokio::test]
async fn no_answer_in_time_is_tried_5_times() {
    let impatient = |timeout| Pace { delivery_timeout: timeout, ..hurried() };
    let silent = fates_at(impatient(Duration::from_millis(100)), &[Reply::Silence]).await;
    assert_eq!(silent, [Fate::TimedOut; 5]);
    let once = [Reply::Silence, Reply::Status(200)];
    let late = fates_at(impatient(Duration::from_secs(2)), &once).await;
    assert_eq!(late, [Fate::TimedOut, Fate::Answered(200)]);
}

#[tokio::test]
async fn a_conflict_is_tried_3_times() {
    assert_eq!(fates(&[Reply::Status(409)]).await, [Fate::Answered(409); 3]);
}

#[tokio::test]
async fn being_busy_is_tried_5_times_and_only_with_a_retry_after_under_60() {
    for status in [429, 503] {
        assert_eq!(fates(&[Reply::Later(status, 1)]).await, [Fate::Answered(status); 5]);
        assert_eq!(fates(&[Reply::Later(status, 59), Reply::Status(200)]).await.len(), 2);
        assert_eq!(fates(&[Reply::Later(status, 60)]).await, [Fate::Answered(status)]);
        assert_eq!(fates(&[Reply::Status(status)]).await, [Fate::Answered(status)]);
    }
}

#[tokio::test]
async fn no_other_status_is_tried_again() {
    for status in [301, 400, 401, 404, 413, 500, 502, 504] {
        assert_eq!(fates(&[Reply::Later(status, 1)]).await, [Fate::Answered(status)]);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_away_loses_its_events() {
    let zendesk = HelpDesk::at(hurried()).await;
    let receiver = Receiver::willing().await;
    zendesk.subscribe(&receiver, &["created"]).await;
    drop(receiver);
    zendesk.write(letter("Sanne", None)).await;
    zendesk.all_delivered().await;
    let fates: Vec<Fate> = zendesk.desk.deliveries().iter().map(|it| it.fate).collect();
    assert_eq!(fates, [Fate::Unreachable]);
}

#[tokio::test]
async fn the_circuit_breaker_stops_deliveries_for_a_while() {
    let pace = Pace {
        breaker_min_tries: 3,
        breaker_pause: Duration::from_secs(2),
        deliveries_at_once: 1,
        ..hurried()
    };
    let zendesk = HelpDesk::at(pace).await;
    let broken = [Reply::Status(500), Reply::Status(500), Reply::Status(500), Reply::Status(200)];
    let receiver = Receiver::start(&broken).await;
    zendesk.subscribe(&receiver, &["created"]).await;
    let write = async || {
        zendesk.write(letter("Sanne", None)).await;
        zendesk.all_delivered().await;
        zendesk.desk.deliveries().last().unwrap().fate
    };
    for _ in 0..3 {
        assert_eq!(write().await, Fate::Answered(500));
    }
    assert_eq!(write().await, Fate::CircuitOpen);
    assert_eq!(receiver.received().len(), 3, "it was not asked");
    crate::support::eventually("a closed circuit", async || {
        (write().await == Fate::Answered(200)).then_some(())
    })
    .await;
}
