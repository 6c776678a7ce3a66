//! The connection to the database is lost at COMMIT: what callers are told matches the rows.

use futures::future::join_all;
use ticketsync::proto::v1::{EventOutcome, EventResult};
use tonic_types::StatusExt as _;

use crate::support::{
    Clients, Connected, Database, Event, Forward, Ledger, Proxy, Replica, created, updated,
};

/// How often the connection is cut.
const CUTS: i64 = 100;
/// How often an event is sent before its outcome has to be known.
const MAX_TRIES: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_right_after_commit_was_forwarded_callers_are_told_what_the_rows_say() {
    cut(Forward::Yes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_right_before_commit_is_forwarded_callers_are_told_what_the_rows_say() {
    cut(Forward::No).await;
}

/// Sends a few events at once, again and again, and cuts each time.
async fn cut(forward: Forward) {
    let db = Database::postgres();
    let to = db.active_connection("acme").await;
    let (proxy, url) = Proxy::before(db.url()).await;
    let service = Replica::start(&url).await;
    let clients = service.clients().await;
    let mut ledger = Ledger::default();
    for round in 1..=CUTS {
        let cut = proxy.cut_next_commit(forward);
        let events = [
            created(&format!("{round}-created"), round),
            updated(&format!("{round}-updated"), round, 5).subject("Later"),
            updated(&format!("{round}-earlier"), (round - 1).max(1), 5 + round),
        ];
        join_all(events.map(|event| tell(&clients, &to, event))).await.into_iter().for_each(
            |(event, outcome)| {
                let id = event.0.event_id.clone();
                ledger.sent.insert(id.clone(), event);
                ledger.answered.insert(id, outcome);
            },
        );
        cut.done().await;
    }
    let mut session = db.session().await;
    let broken = ledger.broken_promises(&mut session, &to).await;
    assert!(broken.is_empty(), "{broken:?}");
    let stored = session.integers("select count(*) from events").await;
    assert_eq!(stored, [i64::try_from(ledger.sent.len()).unwrap()]);
    session.close().await;
    let looked_up = service.log().matches("a commit was cut off, its outcome is looked up").count();
    assert!(looked_up >= usize::try_from(CUTS).unwrap(), "only {looked_up} commits were cut off");
}

/// Sends an event, and again for as long as the answer is that its outcome is unknown. Who was told
/// nothing before is told what the event did, never that it is a duplicate of itself.
async fn tell(clients: &Clients, to: &Connected, event: Event) -> (Event, EventResult) {
    for attempt in 1..=MAX_TRIES {
        match clients.send(to, event.clone()).await {
            Ok(result) => {
                assert_ne!(result.outcome(), EventOutcome::Unspecified);
                let is_news = result.outcome() != EventOutcome::Duplicate;
                assert!(is_news || attempt > 1, "a duplicate of itself: {result:?}");
                return (event, result);
            }
            Err(status) => {
                let details = status.get_error_details();
                let reason = &details.error_info().unwrap().reason;
                assert_eq!(reason, "OUTCOME_UNKNOWN", "{status:?}");
                assert!(details.retry_info().is_some());
            }
        }
    }
    panic!("{} has no outcome after {MAX_TRIES} tries", event.0.event_id);
}
