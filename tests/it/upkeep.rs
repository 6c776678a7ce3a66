//! The upkeep of connections: one holder at a time, told apart by an epoch, and when it goes on.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::{ConnectionKey, SyncProblem, Timestamp},
    store::{Holding, Lease, NextUpkeep, Store},
};

use crate::support::{eventually, on_both_engines};

const LONG: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

async fn make_due(store: &Store, key: &ConnectionKey, at: Timestamp) {
    let mut tx = store.begin().await.unwrap();
    tx.make_upkeep_due(key, at).await.unwrap();
    tx.commit().await.unwrap();
}

async fn claim(store: &Store, length: Duration, now: Timestamp) -> Option<Lease> {
    let mut tx = store.begin().await.unwrap();
    let claimed = tx.claim_upkeep("me", length, now).await.unwrap();
    tx.commit().await.unwrap();
    claimed.map(|(lease, _)| lease)
}

async fn release(store: &Store, lease: &Lease, next: NextUpkeep) -> Holding {
    let mut tx = store.begin().await.unwrap();
    let holding = tx.release_lease(lease, next).await.unwrap();
    tx.commit().await.unwrap();
    holding
}

async fn renew(store: &Store, lease: &Lease, length: Duration) -> Holding {
    let mut tx = store.begin().await.unwrap();
    let holding = tx.renew_lease(lease, length, clock::now()).await.unwrap();
    tx.commit().await.unwrap();
    holding
}

on_both_engines! {
    async fn a_due_connection_is_claimed_once_the_longest_due_first(db: Database) {
        let (one, two) =
            (db.active_connection("one").await.key(), db.active_connection("two").await.key());
        let store = db.store().await;
        let now = clock::now();
        assert_eq!(claim(&store, LONG, now).await, None);
        assert!(!store.has_due_upkeep(now).await.unwrap());
        make_due(&store, &one, now).await;
        make_due(&store, &two, now.minus(SECOND)).await;
        assert!(store.has_due_upkeep(now).await.unwrap());
        let first = claim(&store, LONG, now).await.unwrap();
        let second = claim(&store, LONG, now).await.unwrap();
        assert_eq!((&first.key, &second.key), (&two, &one));
        assert_eq!(claim(&store, LONG, now).await, None);
        assert!(!store.has_due_upkeep(now).await.unwrap());
        store.close().await;
    }

    async fn what_is_not_due_yet_or_is_paused_is_left_alone(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let now = clock::now();
        make_due(&store, &key, now.plus(SECOND)).await;
        assert_eq!(claim(&store, LONG, now).await, None);
        let lease = claim(&store, LONG, now.plus(SECOND)).await.unwrap();
        let next = NextUpkeep { due_at: Some(now), paused_until: Some(now.plus(2 * SECOND)) };
        assert_eq!(release(&store, &lease, next).await, Holding::Held);
        assert_eq!(claim(&store, LONG, now.plus(SECOND)).await, None);
        let upkeep = store.upkeep(&key).await.unwrap().unwrap();
        assert_eq!(upkeep.next_attempt_at(), Some(now.plus(2 * SECOND)));
        // Somebody has put right what it waited for.
        make_due(&store, &key, now.plus(SECOND)).await;
        let again = claim(&store, LONG, now).await.unwrap();
        assert!(again.epoch > lease.epoch);
        assert_eq!(release(&store, &again, NextUpkeep::default()).await, Holding::Held);
        assert_eq!(store.upkeep(&key).await.unwrap().unwrap().next_attempt_at(), None);
        assert_eq!(claim(&store, LONG, Timestamp::MAX).await, None);
        store.close().await;
    }

    async fn a_lease_that_ran_out_goes_to_the_next_and_its_holder_is_told(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        make_due(&store, &key, clock::now()).await;
        let late = claim(&store, Duration::ZERO, clock::now()).await.unwrap();
        // Nobody has taken it: it can go on.
        assert_eq!(renew(&store, &late, Duration::ZERO).await, Holding::Held);
        let next = eventually("the end of a lease", async || {
            claim(&store, LONG, clock::now()).await
        })
        .await;
        assert_eq!(next.epoch, late.epoch + 1);
        assert_eq!(renew(&store, &late, LONG).await, Holding::Lost);
        assert_eq!(release(&store, &late, NextUpkeep::default()).await, Holding::Lost);
        assert_eq!(renew(&store, &next, LONG).await, Holding::Held);
        assert_eq!(claim(&store, LONG, clock::now()).await, None);
        assert_eq!(release(&store, &next, NextUpkeep::default()).await, Holding::Held);
        assert_eq!(renew(&store, &next, LONG).await, Holding::Lost, "it was let go of");
        store.close().await;
    }

    async fn a_problem_counts_from_when_it_was_first_met_until_it_is_gone(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let now = clock::now();
        make_due(&store, &key, now).await;
        let trouble = async || {
            let upkeep = store.upkeep(&key).await.unwrap().unwrap();
            (upkeep.failure_count, upkeep.trouble.map(|met| (met.problem, met.detail, met.since)))
        };
        for (at, problem, detail) in [
            (now, SyncProblem::ZendeskUnavailable, "no answer"),
            (now.plus(SECOND), SyncProblem::ZendeskUnavailable, "status 500"),
        ] {
            let mut tx = store.begin().await.unwrap();
            tx.set_problem(&key, problem, detail, at).await.unwrap();
            tx.commit().await.unwrap();
        }
        let known = (SyncProblem::ZendeskUnavailable, "status 500".to_owned(), now);
        assert_eq!(trouble().await, (2, Some(known)));
        let mut tx = store.begin().await.unwrap();
        tx.set_problem(&key, SyncProblem::RateLimited, "", now.plus(SECOND)).await.unwrap();
        tx.commit().await.unwrap();
        let known = (SyncProblem::RateLimited, String::new(), now.plus(SECOND));
        assert_eq!(trouble().await, (3, Some(known)));
        let mut tx = store.begin().await.unwrap();
        tx.clear_problem(&key).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(trouble().await, (0, None));
        store.close().await;
    }
}
