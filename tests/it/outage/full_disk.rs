//! The disk under `SQLite` fills up: nothing is answered that is not stored.

use futures::future::join_all;
use ticketsync::proto::v1::{ErrorReason, EventOutcome};
use tonic_health::pb::health_check_response::ServingStatus;

use super::{assert_refused_is_not_stored, assert_says_retry, assert_works_again, contact, health};
use crate::support::{
    Clients, Connected, Database, Event, FullDisk, Ledger, Load, created, send_all,
};

/// What the load has had answered, and has in flight, when the disk is full.
const ANSWERED: usize = 300;
const IN_FLIGHT: usize = 700;
/// Calls that are in flight at once where each has a large event.
const LARGE_CALLS: i64 = 16;
/// The longest description.
const LONG: usize = 64 * 1024;

/// What passes on a full disk, and what does not.
async fn assert_readers_read_and_writers_are_told(clients: &Clients, ledger: &Ledger) {
    assert_eq!(health(clients).await, ServingStatus::Serving, "for those who read");
    assert_eq!(clients.log("acme").await.len(), ledger.answered.len());
    let create = contact("away@example.com");
    assert_says_retry(&clients.contacts.clone().create_contact(create).await.unwrap_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_under_load_is_told_and_once_there_is_room_all_is_well() {
    let db = Database::sqlite();
    let to = db.active_connection("acme").await;
    let service = FullDisk::service_on(db.url()).await;
    let clients = service.clients().await;
    let channel = service.channel().await;
    let load = Load::start(&channel, &to, 0);
    load.until(ANSWERED, IN_FLIGHT).await;

    let full = FullDisk::under(&service, db.url()).await;
    let mut ledger = load.ended().await;
    let again = send_all(&channel, &to, ledger.unanswered()).await;
    assert!(again.answered.is_empty(), "{} answered", again.answered.len());
    ledger.absorb(again);
    assert!(!ledger.refused.is_empty());
    let is_told = |reason| reason == ErrorReason::StoreUnavailable;
    assert!(ledger.refused.values().all(|refusal| is_told(refusal.reason())));
    assert_refused_is_not_stored(&db, &ledger).await;
    assert_readers_read_and_writers_are_told(&clients, &ledger).await;

    drop(full);
    assert_works_again(&service, &db, &to, ledger).await;
}

/// An event that takes 256 KiB of the database, by a character that needs two bytes in JSON. A batch
/// full of these is 4 MiB: where `SQLite` keeps less in memory, it is written while it is made, and
/// fails there and not at its commit.
fn large(ticket: i64) -> Event {
    created(&format!("e{ticket}"), ticket).with(|ticket| ticket.description = "\"".repeat(LONG))
}

/// Sends events by calls of their own, all at once, and answers those that were refused.
async fn send_at_once(
    clients: &Clients,
    to: &Connected,
    ledger: &mut Ledger,
    events: impl IntoIterator<Item = Event>,
) -> Vec<Event> {
    let calls =
        events.into_iter().map(async |event| (clients.send(to, event.clone()).await, event));
    let mut refused = Vec::new();
    for (told, event) in join_all(calls).await {
        let id = event.0.event_id.clone();
        ledger.sent.insert(id.clone(), event.clone());
        match told {
            Ok(result) => {
                assert_eq!(result.outcome(), EventOutcome::Created, "also when it is sent again");
                ledger.answered.insert(id, result);
            }
            Err(status) => {
                assert_says_retry(&status);
                refused.push(event);
            }
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_too_full_for_large_batches_is_told_and_once_there_is_room_all_is_well() {
    let db = Database::sqlite();
    let to = db.active_connection("acme").await;
    let service = FullDisk::service_on(db.url()).await;
    let clients = service.clients().await;
    let mut ledger = Ledger::default();
    let refused = send_at_once(&clients, &to, &mut ledger, (1..=LARGE_CALLS).map(large)).await;
    assert!(refused.is_empty());

    let full = FullDisk::under(&service, db.url()).await;
    let news = (LARGE_CALLS + 1..=2 * LARGE_CALLS).map(large);
    let refused = send_at_once(&clients, &to, &mut ledger, news).await;
    assert_eq!(refused.len(), ledger.unanswered().len());
    assert_eq!(ledger.answered.len(), refused.len(), "none of the news");
    assert_readers_read_and_writers_are_told(&clients, &ledger).await;
    let mut session = db.session().await;
    let stored = session.texts("select event_id from events order by event_id").await;
    assert!(stored.iter().eq(ledger.answered.keys()), "what was refused is not stored");
    session.close().await;

    drop(full);
    let refused = send_at_once(&clients, &to, &mut ledger, refused).await;
    assert!(refused.is_empty());
    assert_works_again(&service, &db, &to, ledger).await;
}
