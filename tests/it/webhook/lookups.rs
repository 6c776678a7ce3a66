//! What a delivery costs before it is believed: no read where none can help, and one for all who ask
//! at once, whatever they ask for.

use std::collections::BTreeSet;

use futures::{
    future::{join, join_all, join3},
    poll,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::StatusCode;
use ticketsync::{
    clock,
    domain::ConnectionId,
    error::Error,
    sandbox::zendesk::sign,
    service::{Checked, SigningSecrets},
    zendesk::Presented,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{counted, read_answer, send_head, value_of};
use crate::support::{
    Connected, Database, Disk, ENCRYPTION_KEYS, Hook, PostgresServer, Replica, SIGNING_SECRET,
    eventually, on_both_engines, store_secrets, timestamp, zendesk_event,
};

const READS: &str = "ticketsync_webhook_secret_reads_total";
/// What is logged of a genuine delivery that is too old or too new.
const WARNED: &str = "a delivery is refused";
/// Callers at once, and what each of them sends: seconds' worth of secrets in memory go by.
const CALLERS: usize = 32;
const EACH: usize = 10;
/// How many deliveries share a read at the least, on a machine however slow.
const SHARED: usize = 8;
/// Ids that are guessed at once, far more than the store has connections to the database.
const GUESSES: usize = 200;
/// Well outside of the window, in seconds.
const LATE: i64 = -3_600;

/// The webhook of a connection that nobody has.
fn nobodys(service: &Replica) -> (Connected, Hook) {
    let id = Uuid::new_v4().to_string();
    let to = Connected { account_id: "acme".into(), connection_id: id };
    let hook = Hook::of(service.http, &to);
    (to, hook)
}

/// Posts from many callers at once; the answers that there were.
async fn flood(hook: &Hook) -> BTreeSet<StatusCode> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let hook = hook.clone();
        callers.spawn(async move {
            let mut answers = BTreeSet::new();
            for n in 0..EACH {
                let event = zendesk_event(&format!("e{caller}-{n}"), "tags_changed", 7);
                answers.insert(hook.post(&event).await);
            }
            answers
        });
    }
    callers.join_all().await.into_iter().flatten().collect()
}

async fn assert_few_reads(service: &Replica) {
    let reads = usize::try_from(counted(service, READS).await).unwrap();
    assert!((1..=CALLERS * EACH / SHARED).contains(&reads), "{reads} reads");
}

/// Posts what nobody with a secret would have sent like this; the answers that there were.
async fn post_unprovable(hook: &Hook) -> BTreeSet<StatusCode> {
    let body = zendesk_event("e1", "created", 7).to_string();
    let body = body.as_bytes();
    let time = timestamp(0);
    let good = sign(SIGNING_SECRET, &time, body);
    let mut answers = BTreeSet::new();
    for (timestamp, signature) in [
        (None, None),
        (Some(time.as_str()), None),
        (None, Some(good.as_str())),
        (Some(time.as_str()), Some("")),
        (Some(time.as_str()), Some(&good[..good.len() - 4])),
        (Some("1616648967"), Some(good.as_str())),
        (Some("yesterday"), Some(good.as_str())),
    ] {
        answers.insert(hook.post_with(body, timestamp, signature).await.unwrap().status());
    }
    answers
}

on_both_engines! {
    async fn what_no_secret_could_have_signed_is_refused_without_a_read(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        for hook in [Hook::of(service.http, &to), nobodys(&service).1] {
            assert_eq!(post_unprovable(&hook).await, BTreeSet::from([StatusCode::UNAUTHORIZED]));
        }
        assert_eq!(counted(&service, READS).await, 0);
        assert!(!service.log().contains(WARNED), "{}", service.log());
    }

    async fn what_no_secret_could_have_signed_is_refused_before_its_body_is_read(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let time = timestamp(0);
        for signature in ["", "x-zendesk-webhook-signature: c2hvcnQ=\r\n"] {
            let lines = format!("x-zendesk-webhook-signature-timestamp: {time}\r\n{signature}");
            // As much as is taken, and not a byte of it is sent.
            let mut socket = send_head(&service, &to, 1024 * 1024, &lines).await;
            let answer = read_answer(&mut socket).await;
            assert!(answer.starts_with("http/1.1 401 "), "the body is not asked for: {answer}");
        }
        assert_eq!(counted(&service, READS).await, 0);
    }

    async fn that_a_clock_may_be_wrong_is_said_of_genuine_deliveries_only(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        let body = zendesk_event("e1", "created", 7).to_string();
        let other = hook.signing_with("another");
        let answer = other.post_signed_at(body.as_bytes(), LATE).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(!service.log().contains(WARNED), "{}", service.log());
        let late = hook.post_signed_at(body.as_bytes(), LATE).await;
        assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
        assert!(service.log().contains(WARNED), "{}", service.log());
    }

    async fn many_deliveries_share_the_reads_of_their_secret(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let answers = flood(&Hook::of(service.http, &to)).await;
        assert_eq!(answers, BTreeSet::from([StatusCode::OK]));
        assert_few_reads(&service).await;
    }

    async fn a_flood_to_nobodys_address_costs_few_reads_and_does_not_outlast_its_absence(db: Database) {
        let to = db.active_connection("acme").await;
        let service = Replica::start(db.url()).await;
        let (nobody, hook) = nobodys(&service);
        assert_eq!(flood(&hook).await, BTreeSet::from([StatusCode::NOT_FOUND]));
        assert_few_reads(&service).await;
        // It becomes somebody's: first without a secret.
        let (before, id) = (&to.connection_id, &nobody.connection_id);
        let sql = format!("update connections set connection_id = '{id}' where connection_id = '{before}'");
        let mut session = db.session().await;
        session.execute(&sql).await;
        session.close().await;
        let event = zendesk_event("e1", "created", 7);
        for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK] {
            if status == StatusCode::OK {
                store_secrets(&db, &nobody, SIGNING_SECRET, None, clock::now()).await;
            }
            eventually(status.as_str(), async || (hook.post(&event).await == status).then_some(()))
                .await;
        }
    }

    async fn a_connection_that_is_there_is_believed_at_once_when_it_takes_events_again(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        let event = zendesk_event("e1", "created", 7);
        let mut session = db.session().await;
        for (state, answer) in [
            ("disconnected", StatusCode::NOT_FOUND),
            ("awaiting_mapping", StatusCode::NOT_FOUND),
            ("active", StatusCode::OK),
        ] {
            session.execute(&format!("update connections set state = '{state}'")).await;
            assert_eq!(hook.post(&event).await, answer, "{state}");
        }
        session.close().await;
    }

    async fn a_connection_that_does_not_read_is_no_concern_of_the_others(db: Database) {
        let broken = Hook::registered(&db, "broken").await.key().connection;
        let mut session = db.session().await;
        session.execute("update connections set state = 'unheard of'").await;
        session.close().await;
        let to = Hook::registered(&db, "acme").await.key();
        let store = db.store().await;
        let secrets = SigningSecrets::new(store.clone(), ENCRYPTION_KEYS.parse().unwrap());
        let time = timestamp(0);
        let signature = sign(SIGNING_SECRET, &time, b"{}");
        let presented = Presented::read(&time, &signature).unwrap();
        let call = |id| secrets.check(id, presented, b"{}", clock::now());
        // While the first one reads, the others come, and go together.
        let (first, second, genuine) =
            join3(call(broken), call(broken), call(to.connection)).await;
        for unread in [first, second] {
            assert!(matches!(unread, Err(Error::StoreUnavailable)), "{unread:?}");
        }
        assert_eq!(genuine.unwrap(), Checked::Genuine(to));
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_away_what_cannot_be_believed_is_refused_all_the_same() {
    let mut server = PostgresServer::start(Disk::Unsynced, &[]);
    let db = Database::on(&server);
    let to = Hook::registered(&db, "acme").await;
    let service = Replica::start(db.url()).await;
    let hook = Hook::of(service.http, &to);
    server.kill();
    assert_eq!(post_unprovable(&hook).await, BTreeSet::from([StatusCode::UNAUTHORIZED]));
    let event = zendesk_event("e1", "created", 7).to_string();
    let late = hook.post_signed_at(event.as_bytes(), LATE).await;
    assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
    assert!(!service.log().contains(WARNED), "nobody could tell that it is genuine");
    let signed = hook.post_signed_at(event.as_bytes(), 0).await;
    assert_eq!(signed.status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// The calls are polled by the test itself, so that it knows which of them have asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_guess_ids_hold_up_neither_a_first_delivery_nor_postgres() {
    let db = Database::postgres();
    let to = Hook::registered(&db, "acme").await.key();
    let store = db.store().await;
    let secrets = SigningSecrets::new(store.clone(), ENCRYPTION_KEYS.parse().unwrap());
    let recorder = PrometheusBuilder::new().build_recorder();
    let _local = metrics::set_default_local_recorder(&recorder);
    let (body, time) = (zendesk_event("e1", "created", 7).to_string(), timestamp(0));
    let signature = sign(SIGNING_SECRET, &time, body.as_bytes());
    let presented = Presented::read(&time, &signature).unwrap();
    let call = |id| Box::pin(secrets.check(id, presented, body.as_bytes(), clock::now()));

    let mut outsider = db.session().await;
    outsider.execute("begin; lock table connections in access exclusive mode").await;
    let mut guesses: Vec<_> = (0..GUESSES).map(|_| call(ConnectionId(Uuid::new_v4()))).collect();
    for guess in &mut guesses {
        assert!(poll!(guess.as_mut()).is_pending());
    }
    let mut genuine = call(to.connection);
    assert!(poll!(genuine.as_mut()).is_pending());
    store.ping().await.unwrap();
    outsider.execute("rollback").await;
    outsider.close().await;
    let (genuine, guesses) = join(genuine, join_all(guesses)).await;
    assert_eq!(genuine.unwrap(), Checked::Genuine(to));
    assert!(guesses.into_iter().all(|guess| guess.unwrap() == Checked::NoConnection));
    let reads = value_of(READS, &recorder.handle().render());
    assert_eq!(reads, 2, "the one that was under way, and one for all who had come meanwhile");
    store.close().await;
}
