//! A Zendesk that is away, limits, or no longer knows the tokens: nothing is lost, and it shows.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::HintKind,
    proto::v1::{ConnectionState, SyncProblem},
    sandbox::zendesk::Switches,
};

use super::{Synced, hasty, scripted::export};
use crate::support::{Reply, eventually, on_both_engines};

on_both_engines! {
    async fn a_zendesk_that_is_away_is_left_alone_for_as_long_as_it_says(db: Database) {
        let away = Reply::new(503, "").header("retry-after", "250");
        let (mut synced, _script) = Synced::scripted(&db, hasty(), [export("one", true), away]).await;
        eventually("the export", async || synced.status().await.export_time).await;
        synced.leave_alone().await;
        synced.hint("h1", HintKind::Changed, 7).await;
        let before = clock::now();
        let claimed = synced.claim().await;
        let left = synced.visit(claimed).await;
        // Longer than the first pause of our own.
        assert!(left.paused_until >= before.plus(Duration::from_secs(250)), "{left:?}");
        assert_eq!(left.failure_count, 1);
        assert_eq!(synced.status().await.waiting_hint_count, 1);
        synced.stop().await;
    }

    async fn a_limit_is_waited_out_and_shows_meanwhile(db: Database) {
        let synced = Synced::start(&db).await;
        eventually("the first export", async || synced.status().await.export_time).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.desk.desk.switches.turn(|switches| {
            switches.throttle = true;
            switches.retry_after_seconds = 2;
        });
        synced.hint("h1", HintKind::Changed, id).await;
        let status = synced.problem(SyncProblem::RateLimited).await;
        assert_eq!(status.waiting_hint_count, 1);
        assert!(status.oldest_hint_time.is_some() && status.problem_time.is_some());
        assert!(status.next_attempt_time.is_some(), "{status:?}");
        synced.desk.desk.switches.turn(|switches| switches.throttle = false);
        synced.drained().await;
        synced.problem(SyncProblem::Unspecified).await;
        assert!(synced.ticket(id).await.is_some());
        let calls = synced.desk.desk.requests();
        let limited: Vec<usize> =
            (0..calls.len()).filter(|at| calls[*at].status == Some(429)).collect();
        assert!(!limited.is_empty());
        for at in limited {
            let asked = calls[at].ended_at.unwrap().plus(Duration::from_secs(2));
            assert!(calls[at + 1].started_at >= asked, "{calls:?}");
        }
        synced.stop().await;
    }

    async fn an_outage_ends_by_itself_and_loses_nothing(db: Database) {
        let switches = Switches { fail: 1.0, ..Switches::default() };
        let synced = Synced::start_with(&db, switches, hasty()).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        let status = synced.problem(SyncProblem::ZendeskUnavailable).await;
        assert!(status.problem_detail.contains("status 500"), "{status:?}");
        synced.desk.desk.switches.turn(|switches| switches.fail = 0.0);
        synced.drained().await;
        synced.problem(SyncProblem::Unspecified).await;
        assert_eq!(synced.log().await.len(), 1);
        synced.stop().await;
    }

    async fn hints_wait_for_a_new_authorisation_and_are_applied_then(db: Database) {
        let synced = Synced::start(&db).await;
        eventually("the first export", async || synced.status().await.export_time).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.drained().await;
        let token = synced.fetches().pop().unwrap().token_id.unwrap();
        assert!(synced.desk.desk.oauth.revoke(token));

        let other = synced.write("Bob", Some("bob@x.example")).await;
        synced.hint("h2", HintKind::Created, other).await;
        eventually("word that somebody has to authorise again", async || {
            let connection = synced.connection().await;
            (connection.state() == ConnectionState::NeedsReauthorization).then_some(())
        })
        .await;
        let third = synced.write("Cas", Some("cas@x.example")).await;
        synced.hint("h3", HintKind::Created, third).await;
        let status = synced.problem(SyncProblem::Unauthorized).await;
        assert_eq!((status.waiting_hint_count, status.next_attempt_time), (2, None));

        synced.authorize().await;
        synced.drained().await;
        synced.problem(SyncProblem::Unspecified).await;
        assert_eq!(synced.log().await.len(), 3);
        assert_eq!(synced.connection().await.state(), ConnectionState::Active);
        synced.stop().await;
    }

    async fn a_token_that_expires_meanwhile_is_refreshed(db: Database) {
        let synced = Synced::start(&db).await;
        synced.desk.desk.oauth.expire_access_tokens();
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.drained().await;
        assert!(synced.ticket(id).await.is_some());
        assert_eq!(synced.desk.desk.oauth.rotations(), 1);
        synced.stop().await;
    }
}
