//! The database goes away and comes back: callers are told to retry, and nobody restarts anything.

mod frozen;
mod full_disk;

use std::{collections::BTreeSet, time::Duration};

use ticketsync::proto::v1::{
    CreateContactRequest, ErrorReason, ListContactsRequest, StartConnectionRequest,
};
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_types::StatusExt as _;

use crate::support::{
    Clients, Connected, Database, Disk, Ledger, PostgresServer, Replica, created, eventually,
    send_all, updated,
};

/// How long a call may take to say that the database is away.
const PATIENCE: Duration = Duration::from_secs(30);

async fn health(clients: &Clients) -> ServingStatus {
    let request = HealthCheckRequest { service: String::new() };
    clients.health.clone().check(request).await.unwrap().into_inner().status()
}

async fn until_health_is(clients: &Clients, expected: ServingStatus) {
    eventually("the service's health", async || (health(clients).await == expected).then_some(()))
        .await;
}

fn assert_says_retry(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "STORE_UNAVAILABLE");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
}

async fn assert_every_call_says_retry(clients: &Clients, to: &Connected) {
    assert_says_retry(&clients.send(to, created("away", 7)).await.unwrap_err());
    let list = ListContactsRequest { account_id: "acme".into(), ..Default::default() };
    assert_says_retry(&clients.contacts.clone().list_contacts(list).await.unwrap_err());
    let start = StartConnectionRequest { account_id: "acme".into(), subdomain: "new".into() };
    assert_says_retry(&clients.connections.clone().start_connection(start).await.unwrap_err());
    let tail = match clients.tail("acme", false).await {
        Ok(mut tail) => tail.message().await.unwrap_err(),
        Err(status) => status,
    };
    assert_says_retry(&tail);
}

fn contact(email: &str) -> CreateContactRequest {
    CreateContactRequest { account_id: "acme".into(), email: email.into(), ..Default::default() }
}

/// The events that were refused, or of which nobody was told anything, are not stored, unless the
/// answer was that they may be.
async fn assert_refused_is_not_stored(db: &Database, ledger: &Ledger) {
    let mut session = db.session().await;
    let stored: BTreeSet<String> =
        session.texts("select event_id from events").await.into_iter().collect();
    session.close().await;
    for event in ledger.unanswered() {
        let id = &event.0.event_id;
        let refusal = ledger.refused.get(id).unwrap_or_else(|| panic!("{id} was told nothing"));
        assert_eq!(refusal.code, Code::Unavailable as i32);
        assert!(refusal.retry_delay.is_some());
        match refusal.reason() {
            ErrorReason::StoreUnavailable => assert!(!stored.contains(id), "{id} is stored"),
            ErrorReason::OutcomeUnknown => {}
            other => panic!("{id} was told {}", other.as_str_name()),
        }
    }
}

async fn assert_works_again(service: &Replica, db: &Database, to: &Connected, mut ledger: Ledger) {
    let repeated = send_all(&service.channel().await, to, ledger.unanswered()).await;
    ledger.absorb(repeated);
    assert!(ledger.unanswered().is_empty(), "one pass is enough");
    let clients = service.clients().await;
    clients.send(to, updated("after", 1, 50).subject("After")).await.unwrap();
    clients.contacts.clone().create_contact(contact("after@example.com")).await.unwrap();
    let log = clients.log("acme").await;
    assert_eq!(log.len(), ledger.sent.len() + 1, "each event stands in the log once");
    let mut session = db.session().await;
    let broken = ledger.broken_promises(&mut session, to).await;
    assert!(broken.is_empty(), "{broken:?}");
    session.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_away_callers_are_told_to_retry_and_then_all_is_well() {
    let mut server = PostgresServer::start(Disk::Unsynced, &[]);
    let db = Database::on(&server);
    let to = db.active_connection("acme").await;
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    until_health_is(&clients, ServingStatus::Serving).await;
    clients.send(&to, created("before", 1)).await.unwrap();

    server.kill();
    let asked = Instant::now();
    assert_every_call_says_retry(&clients, &to).await;
    assert!(asked.elapsed() < PATIENCE, "took {:?}", asked.elapsed());
    until_health_is(&clients, ServingStatus::NotServing).await;
    let channel = service.channel().await;
    let refused = send_all(&channel, &to, vec![created("away", 7)]).await.refused;
    assert_eq!(refused["away"].reason(), ErrorReason::StoreUnavailable);
    assert!(refused["away"].retry_delay.is_some());

    server.resume();
    until_health_is(&clients, ServingStatus::Serving).await;
    clients.send(&to, updated("after", 1, 5).subject("After")).await.unwrap();
    let ids: Vec<String> =
        clients.log("acme").await.into_iter().map(|event| event.event_id).collect();
    assert_eq!(ids, ["before", "after"], "what was refused is not stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_tail_outlives_a_short_outage_or_says_retry() {
    let mut server = PostgresServer::start(Disk::Unsynced, &[]);
    let db = Database::on(&server);
    let to = db.active_connection("acme").await;
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    let mut tail = clients.tail("acme", false).await.unwrap();
    tail.message().await.unwrap().expect("the first message follows at once");
    server.kill();
    server.resume();
    until_health_is(&clients, ServingStatus::Serving).await;
    clients.send(&to, created("after", 1)).await.unwrap();
    loop {
        match tail.message().await {
            Ok(Some(batch)) if batch.events.is_empty() => {}
            Ok(Some(batch)) => break assert_eq!(batch.events[0].event_id, "after"),
            Ok(None) => panic!("the tail ended as if it were complete"),
            Err(status) => break assert_says_retry(&status),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_else_holds_sqlite_writers_are_told_to_retry_and_readers_read() {
    let db = Database::sqlite();
    let to = db.active_connection("acme").await;
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    let mut outsider = db.session().await;
    outsider.execute("begin immediate").await;
    let (refused, log) =
        tokio::join!(clients.send(&to, created("away", 1)), clients.log(&to.account_id));
    assert_says_retry(&refused.unwrap_err());
    assert!(log.is_empty());
    outsider.execute("rollback").await;
    outsider.close().await;
    clients.send(&to, created("away", 1)).await.unwrap();
}
