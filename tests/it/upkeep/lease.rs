//! The leases of connections: one holder at a time, told apart by an epoch, and when it goes on.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::{ConnectionKey, SyncProblem, Timestamp, Trouble},
    store::{Lease, LeaseHolding, LeaseOwner, Store, Upkeep},
};

use super::execute;
use crate::support::{Database, Session, eventually, on_both_engines};

const LONG: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

async fn revive(store: &Store, key: &ConnectionKey, after: Duration) {
    let mut tx = store.begin().await.unwrap();
    tx.revive_upkeep(key, after).await.unwrap();
    tx.commit().await.unwrap();
}

async fn is_as_claimed(store: &Store, lease: &Lease) -> bool {
    store.begin().await.unwrap().is_as_claimed(lease).await.unwrap()
}

async fn claim(store: &Store, length: Duration) -> Option<(Lease, Upkeep)> {
    let claimed = store.claim_upkeep(&LeaseOwner::random(), length, 1).await.unwrap();
    claimed.into_iter().next()
}

async fn known(store: &Store, key: &ConnectionKey) -> Upkeep {
    store.upkeep(key).await.unwrap().unwrap()
}

/// This moment by the database's clock.
async fn database_time(db: &Database) -> Timestamp {
    let mut session = db.session().await;
    let sql = match session {
        Session::Sqlite(_) => "select cast(unixepoch('subsec') * 1000000 as integer)",
        Session::Postgres(_) => {
            "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)"
        }
    };
    let now = session.integers(sql).await;
    session.close().await;
    Timestamp::from_micros(now[0]).unwrap()
}

/// The pause of a connection that nothing keeps from going on.
const NO_PAUSE: Timestamp = Timestamp::EPOCH;

on_both_engines! {
    async fn a_due_connection_is_claimed_once_the_longest_due_first(db: Database) {
        let (one, two) =
            (db.active_connection("one").await.key(), db.active_connection("two").await.key());
        let store = db.store().await;
        assert_eq!(claim(&store, LONG).await, None);
        assert!(!store.has_due_upkeep().await.unwrap());
        revive(&store, &one, Duration::ZERO).await;
        revive(&store, &two, Duration::ZERO).await;
        let sql = "update upkeep set due_at = due_at - 1000000 where account_id = 'two'";
        execute(&db, sql).await;
        assert!(store.has_due_upkeep().await.unwrap());
        let (first, _) = claim(&store, LONG).await.unwrap();
        let (second, _) = claim(&store, LONG).await.unwrap();
        assert_eq!((&first.key, &second.key), (&two, &one));
        assert_eq!(claim(&store, LONG).await, None);
        assert!(!store.has_due_upkeep().await.unwrap());
        assert_eq!(store.claim_upkeep_of(&one, &LeaseOwner::random(), LONG).await.unwrap(), None);
        store.close().await;
    }

    async fn what_is_due_and_when_a_lease_was_taken_are_by_the_databases_clock(db: Database) {
        let key = db.active_connection("acme").await.key();
        db.set_clock_ahead(SECOND).await;
        let store = db.store().await;
        let before = database_time(&db).await;
        revive(&store, &key, Duration::ZERO).await;
        let due_at = known(&store, &key).await.due_at.unwrap();
        assert!((before..=database_time(&db).await).contains(&due_at), "{due_at:?}");
        let (lease, left) = claim(&store, LONG).await.unwrap();
        let between = database_time(&db).await;
        assert!((before..=between).contains(&lease.claimed_at), "{lease:?}");
        let idle = Upkeep { due_at: None, paused_until: NO_PAUSE, ..left };
        store.release_upkeep(&lease, &idle).await.unwrap();
        let claimed = store.claim_upkeep_of(&key, &LeaseOwner::random(), LONG).await.unwrap();
        let (lease, _) = claimed.unwrap();
        let after = database_time(&db).await;
        assert!((between..=after).contains(&lease.claimed_at), "{lease:?}");
        store.close().await;
    }

    async fn several_are_claimed_at_once_and_none_by_two(db: Database) {
        let store = db.store().await;
        for number in 0..20 {
            let key = db.active_connection(&format!("acme-{number}")).await.key();
            revive(&store, &key, Duration::ZERO).await;
        }
        let (one, two) = (LeaseOwner::random(), LeaseOwner::random());
        let (a, b) = tokio::join!(
            store.claim_upkeep(&one, LONG, 12),
            store.claim_upkeep(&two, LONG, 12),
        );
        let mut keys: Vec<_> =
            a.unwrap().into_iter().chain(b.unwrap()).map(|(lease, _)| lease.key).collect();
        let claimed = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), claimed, "a connection was claimed by two");
        assert!(claimed >= 12, "{claimed}");
        store.close().await;
    }

    async fn what_is_not_due_yet_or_is_paused_is_left_alone(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let now = clock::now();
        revive(&store, &key, LONG).await;
        assert_eq!(claim(&store, LONG).await, None);
        revive(&store, &key, Duration::ZERO).await;
        let (lease, left) = claim(&store, LONG).await.unwrap();
        let paused = Upkeep { due_at: Some(now), paused_until: now.plus(LONG), ..left };
        store.release_upkeep(&lease, &paused).await.unwrap();
        assert_eq!(claim(&store, LONG).await, None);
        assert_eq!(known(&store, &key).await.next_attempt_at(), Some(now.plus(LONG)));
        // Somebody has put right what it waited for.
        revive(&store, &key, Duration::ZERO).await;
        let (again, left) = claim(&store, LONG).await.unwrap();
        let idle = Upkeep { due_at: None, paused_until: NO_PAUSE, ..left };
        store.release_upkeep(&again, &idle).await.unwrap();
        assert_eq!(known(&store, &key).await.next_attempt_at(), None);
        assert_eq!(claim(&store, LONG).await, None);
        store.close().await;
    }

    async fn what_becomes_due_while_a_lease_is_held_is_due_afterwards(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let now = clock::now();
        revive(&store, &key, Duration::ZERO).await;
        for renewals in [0, 1] {
            let (lease, left) = claim(&store, LONG).await.unwrap();
            let mut session = db.session().await;
            let hint = format!("update upkeep set due_at = {}", now.as_micros());
            session.execute(&hint).await;
            session.close().await;
            for _ in 0..renewals {
                assert_eq!(store.renew_lease(&lease, LONG).await.unwrap(), LeaseHolding::Held);
            }
            assert_eq!(claim(&store, LONG).await, None, "it is held");
            let idle = Upkeep { due_at: None, paused_until: NO_PAUSE, ..left };
            store.release_upkeep(&lease, &idle).await.unwrap();
            assert_eq!(known(&store, &key).await.due_at, Some(now));
        }
        store.close().await;
    }

    async fn what_is_put_right_while_a_lease_is_held_outweighs_how_the_visit_ended(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let now = clock::now();
        revive(&store, &key, Duration::ZERO).await;
        let (lease, left) = claim(&store, LONG).await.unwrap();
        revive(&store, &key, Duration::ZERO).await;
        let revived_at = known(&store, &key).await.due_at;
        assert_eq!(store.renew_lease(&lease, LONG).await.unwrap(), LeaseHolding::Held);
        let (problem, detail) = (SyncProblem::Unauthorized, String::new());
        let trouble = Some(Trouble { problem, detail, since: now });
        let failed = Upkeep {
            due_at: None,
            paused_until: Timestamp::MAX,
            failure_count: 7,
            trouble,
            webhook_due_at: Some(Timestamp::MAX),
            ..left
        };
        store.release_upkeep(&lease, &failed).await.unwrap();
        let known = known(&store, &key).await;
        assert_eq!((known.due_at, known.paused_until), (revived_at, NO_PAUSE));
        assert_eq!((known.failure_count, known.trouble), (0, None));
        assert_eq!(known.webhook_due_at, revived_at);
        store.close().await;
    }

    async fn who_changes_what_there_is_to_do_while_a_lease_is_held_says_when_it_goes_on(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        revive(&store, &key, Duration::ZERO).await;
        let (lease, left) = claim(&store, LONG).await.unwrap();
        assert!(is_as_claimed(&store, &lease).await, "before the lease is not since");
        // Who waits for the lease is to have it before others.
        revive(&store, &key, LONG / 2).await;
        let reserved = known(&store, &key).await.due_at;
        assert!(!is_as_claimed(&store, &lease).await);
        let more = Upkeep { due_at: Some(clock::now()), paused_until: NO_PAUSE, ..left };
        store.release_upkeep(&lease, &more).await.unwrap();
        assert_eq!(known(&store, &key).await.due_at, reserved);
        assert_eq!(claim(&store, LONG).await, None);
        let claimed = store.claim_upkeep_of(&key, &LeaseOwner::random(), LONG).await.unwrap();
        assert!(is_as_claimed(&store, &claimed.unwrap().0).await);
        assert!(!is_as_claimed(&store, &lease).await, "the lease is another's");
        store.close().await;
    }

    async fn a_lease_that_ran_out_goes_to_the_next_and_its_holder_is_told(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        revive(&store, &key, Duration::ZERO).await;
        let (late, left) = claim(&store, Duration::ZERO).await.unwrap();
        // Nobody has taken it: it can go on.
        assert_eq!(store.renew_lease(&late, Duration::ZERO).await.unwrap(), LeaseHolding::Held);
        let claimed = eventually("the end of a lease", async || claim(&store, LONG).await).await;
        let (next, _) = claimed;
        assert_eq!(store.renew_lease(&late, LONG).await.unwrap(), LeaseHolding::Lost);
        let idle = Upkeep { due_at: None, paused_until: NO_PAUSE, ..left };
        store.release_upkeep(&late, &idle).await.unwrap();
        assert_eq!(store.renew_lease(&next, LONG).await.unwrap(), LeaseHolding::Held);
        store.release_upkeep(&next, &idle).await.unwrap();
        let lost = store.renew_lease(&next, LONG).await.unwrap();
        assert_eq!(lost, LeaseHolding::Lost, "it was let go of");
        store.close().await;
    }
}
