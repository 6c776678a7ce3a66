//! SIGTERM: the service says that it goes, keeps what it accepted, and is gone in time.

use std::{collections::BTreeSet, fs, time::Duration};

use ticketsync::proto::v1::{ErrorReason, EventOutcome, ingest_ticket_events_response::Answer};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_types::StatusExt as _;

use crate::support::{Database, Load, Replica, created, on_both_engines};

/// How long the service may take, by its own setting, and how long a test gives a busy machine on
/// top of that.
const GRACE: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(3);
/// Events that wait in one stream: more than a few batches.
const SENT: usize = 2_000;

async fn start(database_url: &str) -> Replica {
    Replica::start_with(database_url, &["--shutdown-grace=2"]).await
}

fn assert_says_goodbye(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "SHUTTING_DOWN");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
}

on_both_engines! {
    async fn at_sigterm_streams_end_with_a_reason_and_a_time_to_retry(db: Database) {
        let mut service = start(db.url()).await;
        let clients = service.clients().await;
        let watch = HealthCheckRequest { service: String::new() };
        let mut health = clients.health.clone().watch(watch).await.unwrap().into_inner();
        let serving = health.message().await.unwrap().unwrap().status();
        assert_eq!(serving, ServingStatus::Serving);
        let mut tail = clients.tail("acme", false).await.unwrap();
        tail.message().await.unwrap().expect("the first message follows at once");

        service.terminate();

        while health.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
        let end = loop {
            match tail.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the tail ended as if it were complete"),
                Err(status) => break status,
            }
        };
        assert_says_goodbye(&end);
        assert!(service.ended().await.success());
    }

    async fn at_sigterm_an_ingest_stream_answers_what_it_took_and_ends_with_a_reason(db: Database) {
        let to = db.active_connection("acme").await;
        let mut service = start(db.url()).await;
        let mut client = service.clients().await.ingest;
        let (events, messages) = mpsc::channel(SENT);
        for ticket in 1..=i64::try_from(SENT).unwrap() {
            events.try_send(created(&format!("e{ticket}"), ticket).message(&to)).unwrap();
        }
        let answers = client.ingest_ticket_events(ReceiverStream::new(messages)).await.unwrap();
        let mut answers = answers.into_inner();
        let first = answers.message().await.unwrap().expect("an answer before the end");
        service.terminate();

        let mut answered = BTreeSet::new();
        let mut next = Ok(Some(first));
        let end = loop {
            let answer = match next {
                Ok(Some(answer)) => answer,
                Ok(None) => panic!("the stream ended as if every event were answered"),
                Err(status) => break status,
            };
            match answer.answer.unwrap() {
                Answer::Result(result) => {
                    assert_eq!(result.outcome(), EventOutcome::Created);
                    answered.insert(answer.event_id);
                }
                Answer::Error(error) => assert_eq!(error.reason(), ErrorReason::ShuttingDown),
            }
            next = answers.message().await;
        };
        assert_says_goodbye(&end);
        drop(events);
        assert!(service.ended().await.success());
        let mut session = db.session().await;
        let stored = session.texts("select event_id from events").await;
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), answered);
        session.close().await;
    }

    async fn what_was_accepted_before_sigterm_is_committed(db: Database) {
        let to = db.active_connection("acme").await;
        let mut service = start(db.url()).await;
        let load = Load::start(&service.channel().await, &to, 0);
        load.until(100, 100).await;
        service.terminate();
        let ledger = load.ended().await;
        assert!(service.ended().await.success());
        let mut session = db.session().await;
        let broken = ledger.broken_promises(&mut session, &to).await;
        assert!(broken.is_empty(), "{broken:?}");
        // Refused means not stored, and for no other reason than that the service went.
        for (id, error) in &ledger.refused {
            assert_eq!(error.reason(), ErrorReason::ShuttingDown);
            let sql = format!("select count(*) from events where event_id = '{id}'");
            assert_eq!(session.integers(&sql).await, [0], "{id} was refused and is stored");
        }
        session.close().await;
    }

    async fn a_peer_that_never_speaks_does_not_hold_the_service(db: Database) {
        let mut service = start(db.url()).await;
        let silent = TcpStream::connect(service.grpc).await.unwrap();
        let silent_http = TcpStream::connect(service.http).await.unwrap();
        // This one begins to speak HTTP/2, and then never reads nor writes again.
        let mut mute = TcpStream::connect(service.grpc).await.unwrap();
        mute.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        // And this one holds a stream open that it never reads.
        let clients = service.clients().await;
        let unread = clients.tail("acme", false).await.unwrap();

        let asked = Instant::now();
        service.terminate();
        assert!(service.ended().await.success());
        assert!(asked.elapsed() < GRACE + SLACK, "took {:?}", asked.elapsed());
        drop((silent, silent_http, mute, unread));
    }

    async fn an_idle_service_ends_at_once(db: Database) {
        let mut service = Replica::start_with(db.url(), &["--shutdown-grace=60"]).await;
        service.clients().await.log("acme").await;
        let asked = Instant::now();
        service.terminate();
        assert!(service.ended().await.success());
        assert!(asked.elapsed() < SLACK, "took {:?}", asked.elapsed());
    }
}

/// As the README has it: with the service stopped, the file itself will do for a backup.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_under_load_the_file_of_sqlite_holds_all_by_itself() {
    let db = Database::sqlite();
    let to = db.active_connection("acme").await;
    let mut service = start(db.url()).await;
    let load = Load::start(&service.channel().await, &to, 0);
    load.until(300, 50).await;
    service.terminate();
    assert!(service.ended().await.success());
    drop(load.ended().await);
    let names = fs::read_dir(db.dir()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with("-wal")).collect();
    assert!(left.is_empty(), "{left:?}");
}
