//! What waits, since when, and why: as `GetConnection` and `GetEvent` tell it.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use ticketsync::{
    clock,
    domain::{AccountId, HintKind, Timestamp},
    proto::v1::{
        self as pb, HintDelay, SyncProblem, SyncStatus, ingest_service_server::IngestService as _,
    },
    rpc::ingest::IngestApi,
    service::{OnCommit, Parked, Writes},
};
use tonic::Request;

use super::{Synced, hasty, scripted::export};
use crate::{
    support::{eventually, on_both_engines},
    zendesk_api::{page, ticket},
};

impl Synced {
    /// What `GetEvent` tells of a hint of Zendesk's.
    async fn event(&self, id: &str) -> pb::Event {
        let on_commit: OnCommit = Arc::new(|_: &AccountId| {});
        let parked = Parked::new(self.store.clone(), Writes::default(), on_commit);
        let (batcher, stopping) = (self.batcher.clone(), self.stopping.clone());
        let api = IngestApi::new(self.store.clone(), batcher, parked, stopping);
        let request = pb::GetEventRequest {
            account_id: "acme".into(),
            connection_id: self.key.connection.to_string(),
            event_id: id.into(),
            event_source: pb::EventSource::Zendesk.into(),
        };
        api.get_event(Request::new(request)).await.unwrap().into_inner()
    }

    /// Waits until a hint was fetched in vain for this reason.
    async fn delayed(&self, id: &str, delay: HintDelay) -> (pb::Event, pb::WaitingHint) {
        eventually(delay.as_str_name(), async || {
            let event = self.event(id).await;
            let hint = event.hint.filter(|hint| hint.delay() == delay)?;
            Some((event, hint))
        })
        .await
    }

    /// Waits until the status, of a visit that is over, is like this.
    async fn status_that(&self, what: &str, fits: fn(&SyncStatus) -> bool) -> SyncStatus {
        eventually(what, async || Some(self.status().await).filter(fits)).await
    }
}

fn seconds(time: Option<prost_types::Timestamp>) -> i64 {
    time.unwrap().seconds
}

/// A moment so many minutes from now, in seconds.
fn in_minutes(minutes: u64) -> i64 {
    let at: Timestamp = clock::now().plus(Duration::from_mins(minutes));
    at.as_micros() / 1_000_000
}

on_both_engines! {
    async fn a_change_that_zendesk_does_not_show_yet_says_so_and_when_it_is_tried_again(db: Database) {
        let synced = Synced::start(&db).await;
        synced.hint("h1", HintKind::Changed, 999_999).await;
        let (event, hint) = synced.delayed("h1", HintDelay::NotShown).await;
        assert_eq!((hint.ticket_id, event.result), (999_999, None));
        assert!(hint.attempt_count >= 1);
        assert!(seconds(hint.next_attempt_time) >= seconds(event.receive_time), "{hint:?}");
        let status = synced
            .status_that("the end of a visit", |status| status.next_attempt_time.is_some())
            .await;
        assert_eq!((status.waiting_hint_count, status.oldest_hint_time), (1, event.receive_time));
        assert_eq!(status.problem(), SyncProblem::Unspecified, "it is nothing unusual");
        synced.stop().await;
    }

    async fn a_hint_that_waits_for_a_limit_was_not_fetched_and_the_connection_says_why(db: Database) {
        let synced = Synced::start(&db).await;
        eventually("the first export", async || synced.status().await.export_time).await;
        synced.desk.desk.switches.turn(|switches| {
            (switches.throttle, switches.retry_after_seconds) = (true, 120);
        });
        synced.hint("h1", HintKind::Changed, 5).await;
        let status = synced.problem(SyncProblem::RateLimited).await;
        let event = synced.event("h1").await;
        let hint = event.hint.unwrap();
        assert_eq!((hint.delay(), hint.attempt_count), (HintDelay::Unspecified, 0));
        assert_eq!((status.waiting_hint_count, status.oldest_hint_time), (1, event.receive_time));
        assert!(status.problem_time.is_some() && status.problem_detail.contains("120"), "{status:?}");
        assert!(seconds(status.next_attempt_time) >= in_minutes(1), "{status:?}");
        synced.stop().await;
    }

    async fn a_hint_that_waits_for_an_authorisation_was_not_fetched_and_the_connection_says_why(db: Database) {
        let synced = Synced::start(&db).await;
        eventually("the first export", async || synced.status().await.export_time).await;
        for token in synced.calls(super::EXPORT) {
            assert!(synced.desk.desk.oauth.revoke(token.token_id.unwrap()));
        }
        synced.hint("h1", HintKind::Changed, 5).await;
        let status = synced.problem(SyncProblem::Unauthorized).await;
        assert_eq!(synced.connection().await.state(), pb::ConnectionState::NeedsReauthorization);
        let event = synced.event("h1").await;
        let hint = event.hint.unwrap();
        assert_eq!((hint.delay(), hint.attempt_count), (HintDelay::Unspecified, 0));
        assert_eq!((status.waiting_hint_count, status.oldest_hint_time), (1, event.receive_time));
        assert!(status.problem_time.is_some());
        assert_eq!(status.next_attempt_time, None, "only a person can help");
        synced.stop().await;
    }

    async fn a_ticket_that_cannot_be_applied_says_so_and_nothing_else_waits_for_it(db: Database) {
        let mut synced = Synced::start(&db).await;
        // Which would hint at the ticket as well.
        eventually("the first export", async || synced.status().await.export_time).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.drained().await;
        let content = synced.session.texts("select content from tickets").await.remove(0);
        synced.session.execute("update tickets set content = '{}'").await;

        synced.change(id, json!({"subject": "Changed"})).await;
        synced.hint("h2", HintKind::Changed, id).await;
        let (event, hint) = synced.delayed("h2", HintDelay::NotApplied).await;
        assert!(seconds(hint.next_attempt_time) >= in_minutes(30), "{hint:?}");
        let other = synced.write("Bob", Some("bob@x.example")).await;
        synced.hint("h3", HintKind::Created, other).await;
        eventually("the other ticket", async || synced.ticket(other).await).await;
        let status = synced.problem(SyncProblem::TicketStuck).await;
        assert_eq!((status.waiting_hint_count, status.oldest_hint_time), (1, event.receive_time));
        assert_eq!(status.problem_time, event.receive_time);
        assert!(status.problem_detail.contains(&format!("ticket {id} ")), "{status:?}");
        assert!(status.problem_detail.ends_with("event h2"), "{status:?}");

        let put_right = format!("update tickets set content = '{}' where ticket_id = {id}", content.replace('\'', "''"));
        synced.session.execute(&put_right).await;
        synced.session.execute("update inbox set due_at = 0").await;
        synced.session.execute("update upkeep set due_at = 0").await;
        synced.drained().await;
        synced.problem(SyncProblem::Unspecified).await;
        assert_eq!(synced.ticket(id).await.unwrap().subject, "Changed");
        synced.stop().await;
    }

    async fn a_ticket_that_does_not_read_says_so(db: Database) {
        let mut nobodys = ticket(5);
        nobodys["requester_id"] = json!(null);
        let mut replies = vec![page(&[nobodys], &[]); 8];
        replies.insert(0, export("one", true));
        let (synced, _script) = Synced::scripted(&db, hasty(), replies).await;
        eventually("the export", async || synced.status().await.export_time).await;
        synced.hint("h1", HintKind::Changed, 5).await;
        synced.delayed("h1", HintDelay::Unreadable).await;
        let status = synced.problem(SyncProblem::TicketStuck).await;
        assert_eq!(status.waiting_hint_count, 1);
        assert!(status.problem_detail.contains("ticket 5 "), "{status:?}");
        synced.stop().await;
    }
}
