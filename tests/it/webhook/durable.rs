//! What was answered 2xx is kept, whatever happens to the service, its database or the caller.

use std::{collections::BTreeSet, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::StatusCode;
use tokio::{task::JoinSet, time::timeout};

use super::{assert_says_retry, counted, waiting};
use crate::support::{
    Database, Disk, Hook, PostgresServer, Replica, eventually, on_both_engines, zendesk_event,
};

/// Callers at once, as many as Zendesk is known to have connections.
const CALLERS: usize = 64;
/// Deliveries of each.
const EACH: usize = 20;
/// Deliveries that are answered before a kill, at least.
const BEFORE_KILL: usize = 200;
/// When a delivery is given up, at the latest: about what one takes.
const LATEST_MICROS: u64 = 8_000;

/// Posts so many events under names that begin so, and answers those that were answered OK.
async fn deliver(hook: Hook, tag: String, count: usize) -> BTreeSet<String> {
    let mut stored = BTreeSet::new();
    for n in 0..count {
        let id = format!("{tag}-{n}");
        let event = zendesk_event(&id, "comment_added", 7).to_string();
        let time = crate::support::timestamp(0);
        let signature = hook.sign(&time, event.as_bytes());
        let answer = hook.post_with(event.as_bytes(), Some(&time), Some(&signature)).await;
        match answer.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => {
                stored.insert(id);
            }
            Ok(status) => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
            Err(_) => break,
        }
    }
    stored
}

fn start_callers(hook: &Hook, each: usize) -> JoinSet<BTreeSet<String>> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(deliver(hook.clone(), format!("c{caller}"), each));
    }
    callers
}

/// The names of the hints that wait.
async fn kept(db: &Database) -> BTreeSet<String> {
    let mut session = db.session().await;
    let kept = session.texts("select event_id from inbox").await;
    session.close().await;
    kept.iter().map(|id| id.strip_prefix("zendesk ").unwrap().to_owned()).collect()
}

on_both_engines! {
    async fn many_deliveries_share_a_commit(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let answered = start_callers(&Hook::of(service.http, &to), EACH).join_all().await;
        let answered: BTreeSet<String> = answered.into_iter().flatten().collect();
        assert_eq!(answered.len(), CALLERS * EACH);
        assert_eq!(kept(&db).await, answered);
        let batches = counted(&service, "ticketsync_batches_total").await;
        assert!(batches * 2 < (CALLERS * EACH) as u64, "{batches} batches");
        let stored = counted(&service, "ticketsync_hints_total{outcome=\"stored\"}").await;
        assert_eq!(stored, (CALLERS * EACH) as u64);
    }

    async fn a_killed_service_keeps_every_delivery_that_it_answered(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let mut service = Replica::start(db.url()).await;
        let callers = start_callers(&Hook::of(service.http, &to), usize::MAX);
        eventually("deliveries", async || {
            (usize::try_from(waiting(&db).await).unwrap() > BEFORE_KILL).then_some(())
        })
        .await;
        service.kill();
        let answered: BTreeSet<String> = callers.join_all().await.into_iter().flatten().collect();
        assert!(answered.len() >= BEFORE_KILL / 2, "hardly any was answered");
        let kept = kept(&db).await;
        assert!(answered.is_subset(&kept), "{:?}", answered.difference(&kept).next());
    }

    async fn a_caller_that_hangs_up_tears_nothing_that_others_were_answered(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let hook = hook.clone();
            callers.spawn(async move {
                let mut random = StdRng::seed_from_u64(caller as u64);
                let mut answered = BTreeSet::new();
                for n in 0..EACH {
                    let patience = Duration::from_micros(random.random_range(0..LATEST_MICROS));
                    let delivery = deliver(hook.clone(), format!("c{caller}-{n}"), 1);
                    answered.extend(timeout(patience, delivery).await.unwrap_or_default());
                }
                answered
            });
        }
        let mut answered: BTreeSet<String> =
            callers.join_all().await.into_iter().flatten().collect();
        assert!(answered.len() < CALLERS * EACH / 2, "hardly any was given up");
        answered.extend(deliver(hook, "after".into(), EACH).await);
        let kept = kept(&db).await;
        assert!(answered.is_subset(&kept), "{:?}", answered.difference(&kept).next());
        assert!(kept.contains("after-0"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_away_zendesk_is_told_to_try_again_and_then_all_is_well() {
    let mut server = PostgresServer::start(Disk::Unsynced, &[]);
    let db = Database::on(&server);
    let to = Hook::registered(&db, "acme").await;
    let service = Replica::start(db.url()).await;
    let hook = Hook::of(service.http, &to);
    let [before, away] = ["before", "away"].map(|id| zendesk_event(id, "created", 7));
    assert_eq!(hook.post(&before).await, StatusCode::OK);
    server.kill();
    assert_says_retry(&hook.post_signed_at(away.to_string().as_bytes(), 0).await);
    server.resume();
    eventually("the database", async || (hook.post(&away).await == StatusCode::OK).then_some(()))
        .await;
    assert_eq!(kept(&db).await, BTreeSet::from(["before".to_owned(), "away".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_else_holds_sqlite_zendesk_is_told_to_try_again() {
    let db = Database::sqlite();
    let to = Hook::registered(&db, "acme").await;
    let service = Replica::start(db.url()).await;
    let hook = Hook::of(service.http, &to);
    let mut outsider = db.session().await;
    outsider.execute("begin immediate").await;
    let event = zendesk_event("away", "created", 7);
    assert_says_retry(&hook.post_signed_at(event.to_string().as_bytes(), 0).await);
    outsider.execute("rollback").await;
    outsider.close().await;
    assert_eq!(hook.post(&event).await, StatusCode::OK);
    assert_eq!(waiting(&db).await, 1);
}
