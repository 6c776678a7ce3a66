//! The database hangs: it keeps its connections and says nothing, until it goes on where it stood.

use std::{collections::BTreeSet, time::Duration};

use ticketsync::proto::v1::{ListContactsRequest, TailTriggersResponse};
use tokio::{task::JoinSet, time::Instant};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt as _;

use super::{
    assert_refused_is_not_stored, assert_says_retry, assert_works_again, contact, until_health_is,
};
use crate::support::{
    Clients, Database, Disk, Load, PostgresServer, Replica, created, reason, send_all,
};

/// How long anybody waits for word of it: what a write may take, and a busy machine.
const BOUND: Duration = Duration::from_secs(40);
/// Callers that read, and callers that write contacts, one call after the other: together more than
/// the service has connections, so that some are in the middle of a statement when it happens.
const CALLERS: usize = 8;
/// What the load has had answered, and has in flight, when it happens.
const ANSWERED: usize = 300;
const IN_FLIGHT: usize = 700;

/// Callers at work until they are refused.
#[derive(Default)]
struct Callers {
    /// Each ends with its refusal, and when it came.
    readers: JoinSet<(Status, Instant)>,
    /// Each ends so too, with the address that was refused and those that were created.
    writers: JoinSet<(Status, Instant, String, Vec<String>)>,
}

impl Callers {
    fn start(clients: &Clients) -> Self {
        let mut callers = Self::default();
        for caller in 0..CALLERS {
            let (reader, writer) = (clients.contacts.clone(), clients.contacts.clone());
            callers.readers.spawn(async move {
                let list = ListContactsRequest { account_id: "acme".into(), ..Default::default() };
                loop {
                    if let Err(status) = reader.clone().list_contacts(list.clone()).await {
                        return (status, Instant::now());
                    }
                }
            });
            callers.writers.spawn(async move {
                let mut created = Vec::new();
                for n in 0.. {
                    let email = format!("c{caller}-{n}@example.com");
                    if let Err(status) = writer.clone().create_contact(contact(&email)).await {
                        return (status, Instant::now(), email, created);
                    }
                    created.push(email);
                }
                unreachable!("there are enough numbers")
            });
        }
        callers
    }

    /// Waits until all were refused, and checks what they were told against the contacts.
    async fn assert_told_in_time(mut self, since: Instant) -> Told {
        while let Some(told) = self.readers.join_next().await {
            let (status, at) = told.unwrap();
            assert_says_retry(&status);
            assert!(at - since < BOUND, "a reader waited {:?}", at - since);
        }
        let mut told = Told::default();
        while let Some(ended) = self.writers.join_next().await {
            let (status, at, email, created) = ended.unwrap();
            assert!(at - since < BOUND, "a writer waited {:?}", at - since);
            told.created.extend(created);
            if is_unknown(&status) { &mut told.unknown } else { &mut told.refused }.insert(email);
        }
        told
    }
}

/// What callers were told of the contacts they created, by address.
#[derive(Default)]
struct Told {
    created: BTreeSet<String>,
    refused: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

impl Told {
    async fn assert_matches(&self, db: &Database) {
        let mut session = db.session().await;
        let sql = "select email from contacts where email like 'c%'";
        let stored: BTreeSet<String> = session.texts(sql).await.into_iter().collect();
        assert!(stored.is_superset(&self.created), "{:?}", self.created.difference(&stored));
        assert!(stored.is_disjoint(&self.refused), "{:?}", self.refused.intersection(&stored));
        let known: BTreeSet<_> = self.created.union(&self.unknown).cloned().collect();
        assert!(stored.is_subset(&known), "{:?}", stored.difference(&known));
        session.close().await;
    }
}

/// Whether a write was told that it may or may not have happened; else that it has not.
fn is_unknown(status: &Status) -> bool {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(
        status.get_error_details().retry_info().is_some_and(|retry| retry.retry_delay.is_some())
    );
    let reason = reason(status);
    assert!(["STORE_UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&reason.as_str()), "{reason}");
    reason == "OUTCOME_UNKNOWN"
}

/// Calls that begin while the database hangs.
async fn assert_calls_say_retry(clients: &Clients) {
    let list = ListContactsRequest { account_id: "acme".into(), ..Default::default() };
    assert_says_retry(&clients.contacts.clone().list_contacts(list).await.unwrap_err());
    let create = contact("away@example.com");
    assert_says_retry(&clients.contacts.clone().create_contact(create).await.unwrap_err());
}

/// Reads a tail until it ends, which is not as if it were complete.
async fn assert_ends_with_retry(mut tail: Streaming<TailTriggersResponse>) {
    loop {
        match tail.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the tail ended as if it were complete"),
            Err(status) => break assert_says_retry(&status),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_hangs_callers_are_told_in_time_and_what_was_told_matches_the_rows() {
    let server = PostgresServer::start(Disk::Unsynced, &[]);
    let db = Database::on(&server);
    let to = db.active_connection("acme").await;
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    until_health_is(&clients, ServingStatus::Serving).await;
    let tail = clients.tail("acme", false).await.unwrap();
    let callers = Callers::start(&service.clients().await);
    let load = Load::start(&service.channel().await, &to, 0);
    load.until(ANSWERED, IN_FLIGHT).await;

    let frozen = server.freeze();
    let since = Instant::now();
    let channel = service.channel().await;
    let away = vec![created("away", 1_000_000)];
    let (away, (), (), (), contacts, mut ledger) = tokio::join!(
        send_all(&channel, &to, away),
        assert_calls_say_retry(&clients),
        assert_ends_with_retry(tail),
        until_health_is(&clients, ServingStatus::NotServing),
        callers.assert_told_in_time(since),
        load.ended(),
    );
    assert!(since.elapsed() < BOUND, "took {:?}", since.elapsed());
    ledger.absorb(away);

    drop(frozen);
    until_health_is(&clients, ServingStatus::Serving).await;
    assert_refused_is_not_stored(&db, &ledger).await;
    contacts.assert_matches(&db).await;
    assert_works_again(&service, &db, &to, ledger).await;
}
