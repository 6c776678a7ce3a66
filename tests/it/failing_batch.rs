//! Batches that fail: who is told what, and that nothing of what is refused is stored.

use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use ticketsync::{
    proto::v1::{ErrorReason, EventOutcome, ingest_ticket_events_response::Answer},
    service::BatcherOptions,
    store::{Store, StoreOptions},
};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    Connected, Database, Event, Forward, PATIENCE, Proxy, Services, Session, created,
    on_both_engines, reason, updated,
};

/// More than the lane's channel and the batch before it hold.
const OVERLOAD: i64 = 1_700;
/// Times that a test can wait for.
const QUICK: BatcherOptions = BatcherOptions {
    queue_wait: Duration::from_millis(200),
    attempt_limit: Duration::from_millis(500),
    batch_limit: Duration::from_secs(3),
};

async fn release(mut session: Session) {
    session.execute("rollback").await;
    session.close().await;
}

async fn stored_events(db: &Database) -> Vec<String> {
    let mut session = db.session().await;
    let ids = session.texts("select event_id from events order by event_id").await;
    session.close().await;
    ids
}

async fn send(services: &Services, to: &Connected, event: Event) -> Result<EventOutcome, Status> {
    let answer = services.ingest.clone().ingest_ticket_event(event.request(to)).await?;
    Ok(answer.into_inner().result.unwrap().outcome())
}

/// Sends events over one stream and answers what each is answered, in order.
async fn stream(services: &Services, to: &Connected, events: Vec<Event>) -> Vec<(String, Answer)> {
    let messages: Vec<_> = events.into_iter().map(|event| event.message(to)).collect();
    let messages = tokio_stream::iter(messages);
    let answers = services.ingest.clone().ingest_ticket_events(messages).await;
    let mut answers = answers.unwrap().into_inner();
    let mut read = Vec::new();
    while let Some(answer) = timeout(PATIENCE, answers.message()).await.unwrap().unwrap() {
        read.push((answer.event_id, answer.answer.unwrap()));
    }
    read
}

on_both_engines! {
    async fn one_guilty_event_is_answered_in_its_place_and_the_others_are_stored(db: Database) {
        const TICKETS: i64 = 60;
        const GUILTY: i64 = 23;
        let to = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let all = (1..=TICKETS).map(|n| created(&format!("created-{n}"), n)).collect();
        stream(&services, &to, all).await;
        let mut session = db.session().await;
        let spoil = "update tickets set content = '{}' where ticket_id =";
        session.execute(&format!("{spoil} {GUILTY}")).await;
        session.close().await;

        let all = (1..=TICKETS).map(|n| updated(&format!("updated-{n}"), n, 5)).collect();
        let answers = stream(&services, &to, all).await;
        assert_eq!(answers.len(), usize::try_from(TICKETS).unwrap());
        for (ticket, (event_id, answer)) in (1..).zip(answers) {
            assert_eq!(event_id, format!("updated-{ticket}"), "in the order sent");
            match answer {
                Answer::Result(result) => {
                    assert_eq!((result.ticket_id, result.outcome()), (ticket, EventOutcome::Updated));
                }
                Answer::Error(error) => {
                    assert_eq!(ticket, GUILTY, "{error:?}");
                    assert_eq!(error.reason(), ErrorReason::Internal);
                    assert_eq!(error.code, Code::Internal as i32);
                    assert_eq!(error.message, "internal error", "its cause is not told");
                    assert!(error.retry_delay.is_none());
                }
            }
        }
        let stored = stored_events(&db).await;
        assert_eq!(stored.len(), usize::try_from(2 * TICKETS - 1).unwrap());
        assert!(!stored.contains(&format!("updated-{GUILTY}")));

        let alone = send(&services, &to, updated("alone", GUILTY, 9)).await.unwrap_err();
        assert_eq!((alone.code(), reason(&alone).as_str()), (Code::Internal, "INTERNAL"));
        services.stop().await;
    }

    async fn a_queue_that_stays_full_refuses_calls_and_stores_nothing_of_them(db: Database) {
        let to = db.active_connection("acme").await;
        let options = BatcherOptions { queue_wait: QUICK.queue_wait, ..BatcherOptions::default() };
        let services = Services::start_on(db.store().await, options).await;
        let mut holder = Some(db.hold("acme").await);
        let mut calls: FuturesUnordered<_> = (1..=OVERLOAD)
            .map(|n| {
                let (services, to) = (&services, &to);
                let id = format!("e{n:04}");
                async move { (id.clone(), send(services, to, created(&id, n)).await) }
            })
            .collect();
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        while let Some((id, answer)) = timeout(PATIENCE, calls.next()).await.unwrap() {
            match answer {
                Ok(outcome) => {
                    assert_eq!(outcome, EventOutcome::Created);
                    taken.push(id);
                }
                Err(status) => {
                    assert_eq!(reason(&status), "QUEUE_FULL");
                    assert_eq!(status.code(), Code::ResourceExhausted);
                    let retry = status.get_error_details().retry_info().unwrap().retry_delay;
                    assert!(retry.is_some_and(|delay| !delay.is_zero()));
                    refused.push(id);
                    if let Some(holder) = holder.take() {
                        release(holder).await;
                    }
                }
            }
        }
        drop(calls);
        assert!(!refused.is_empty() && taken.len() >= 1_000, "{} refused", refused.len());
        taken.sort_unstable();
        assert_eq!(stored_events(&db).await, taken);
        // What was refused may come again.
        let again = created(&refused[0], OVERLOAD + 1);
        assert_eq!(send(&services, &to, again).await.unwrap(), EventOutcome::Created);
        services.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_held_from_outside_is_unavailable_after_retries_and_nothing_is_stored() {
    let db = Database::postgres();
    let (to, other) = (db.active_connection("acme").await, db.active_connection("other").await);
    let services = Services::start_on(db.store().await, QUICK).await;
    let holder = db.hold("acme").await;
    let refused = send(&services, &to, created("alone", 9)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Unavailable, "STORE_UNAVAILABLE")
    );
    assert!(refused.get_error_details().retry_info().unwrap().retry_delay.is_some());
    let events: Vec<Event> = (1..=3).map(|n| created(&format!("e{n}"), n)).collect();
    for (event_id, answer) in stream(&services, &to, events.clone()).await {
        let Answer::Error(error) = answer else { panic!("{event_id} is stored") };
        assert_eq!(error.reason(), ErrorReason::StoreUnavailable);
        assert!(error.retry_delay.is_some());
    }
    assert!(stored_events(&db).await.is_empty());
    release(holder).await;
    for event in events {
        assert_eq!(send(&services, &to, event).await.unwrap(), EventOutcome::Created);
    }
    assert_eq!(send(&services, &other, created("e1", 1)).await.unwrap(), EventOutcome::Created);
    services.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_cut_until_the_limit_has_an_unknown_outcome_and_a_repeat_tells_it() {
    for (forward, repeated) in
        [(Forward::Yes, EventOutcome::Duplicate), (Forward::No, EventOutcome::Created)]
    {
        let db = Database::postgres();
        let to = db.active_connection("acme").await;
        let (proxy, url) = Proxy::before(db.url()).await;
        let store = Store::open(&StoreOptions::new(url.parse().unwrap())).await.unwrap();
        let services = Services::start_on(store, QUICK).await;
        proxy.cut_all_commits(forward);
        let unknown = send(&services, &to, created("e1", 1)).await.unwrap_err();
        assert_eq!(
            (unknown.code(), reason(&unknown).as_str()),
            (Code::Unavailable, "OUTCOME_UNKNOWN")
        );
        assert!(unknown.get_error_details().retry_info().unwrap().retry_delay.is_some());
        proxy.forget_plans();
        assert_eq!(send(&services, &to, created("e1", 1)).await.unwrap(), repeated);
        assert_eq!(stored_events(&db).await, ["e1"]);
        services.stop().await;
    }
}
