//! Replicas whose clocks differ from the database's, which says what is due.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::HintKind,
    sandbox::zendesk::Switches,
    store::{Lease, Upkeep},
};

use super::{EXPORT, Synced, reconciling};
use crate::support::{Database, eventually, on_both_engines};

/// How far the database's clock is ahead: longer than a test takes.
const AHEAD: Duration = Duration::from_mins(10);

impl Synced {
    /// A connection that nobody but the test looks after.
    async fn left_alone(db: &Database) -> Self {
        let mut synced = Self::start(db).await;
        eventually("the first export", async || synced.status().await.export_time).await;
        synced.leave_alone().await;
        synced
    }

    /// Takes the connection's lease from a database whose clock is ahead of the service's.
    async fn claim_ahead(&mut self) -> (Lease, Upkeep) {
        let (mut lease, upkeep) = self.claim().await;
        lease.claimed_at = lease.claimed_at.plus(AHEAD);
        (lease, upkeep)
    }
}

on_both_engines! {
    async fn what_is_due_by_the_databases_clock_is_done_whatever_the_replicas_own_says(db: Database) {
        let mut synced = Synced::left_alone(&db).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        let later = clock::now().plus(AHEAD / 2);
        synced.session.execute(&format!("update inbox set due_at = {}", later.as_micros())).await;

        let claimed = synced.claim().await;
        let left = synced.visit(claimed).await;
        assert!(synced.ticket(id).await.is_none(), "it was not due by either clock");
        assert_eq!(left.next_attempt_at(), Some(later));

        let claimed = synced.claim_ahead().await;
        let claimed_at = claimed.0.claimed_at;
        let left = synced.visit(claimed).await;
        assert!(synced.ticket(id).await.is_some());
        assert_eq!(synced.status().await.waiting_hint_count, 0);
        assert!(left.due_at.unwrap() > claimed_at, "nothing is left that is due");
        let observed = synced.session.integers("select observed_at from tickets").await;
        assert!(observed[0] >= claimed_at.as_micros(), "one clock orders the fetches of all replicas");
        synced.stop().await;
    }

    async fn a_pause_after_a_failure_is_counted_by_the_databases_clock(db: Database) {
        let mut synced = Synced::left_alone(&db).await;
        synced.desk.desk.switches.turn(|switches| {
            (switches.throttle, switches.retry_after_seconds) = (true, 20);
        });
        synced.hint("h1", HintKind::Changed, 5).await;
        let claimed = synced.claim_ahead().await;
        let claimed_at = claimed.0.claimed_at;
        let left = synced.visit(claimed).await;
        assert!(left.paused_until >= claimed_at.plus(Duration::from_secs(20)), "{left:?}");
        assert!(left.trouble.unwrap().since >= claimed_at);
        assert_eq!(synced.status().await.waiting_hint_count, 1, "nothing is lost");
        synced.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_clock_is_behind_takes_a_lease_only_where_there_is_something_to_do() {
    let db = Database::postgres();
    db.set_clock_ahead(Duration::from_secs(5)).await;
    let mut synced = Synced::start_with(&db, Switches::default(), reconciling()).await;
    eventually("some exports", async || (synced.calls(EXPORT).len() >= 10).then_some(())).await;
    let leases = synced.session.integers("select epoch from upkeep").await[0];
    let exports = i64::try_from(synced.calls(EXPORT).len()).unwrap();
    assert!(leases <= exports + 3, "{leases} leases for {exports} exports");
    let id = synced.write("Ann", Some("ann@x.example")).await;
    synced.hint("h1", HintKind::Created, id).await;
    eventually("the ticket", async || synced.ticket(id).await).await;
    synced.stop().await;
}
