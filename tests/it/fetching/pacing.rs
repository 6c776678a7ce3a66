//! The pace of the calls: below what the plan allows, every call counted.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::HintKind,
    sandbox::zendesk::{RequestRecord, Switches},
    service::UpkeepOptions,
};

use super::{
    Synced, hasty,
    scripted::{export, queries, users},
};
use crate::{
    support::{Reply, eventually, on_both_engines},
    zendesk_api::{page, ticket, user},
};

/// The smallest plan's limit; of it 80 % are used: 10 calls at once, and the rest spread over the
/// minute.
const LIMIT: u32 = 200;
const BURST: usize = 10;
const INTERVAL: Duration = Duration::from_millis(400);
/// By how much less two calls may be apart where they arrive than where they were made.
const JITTER: Duration = Duration::from_secs(1);
/// Enough calls to tell a pace from none.
const CALLS: usize = 30;

impl Synced {
    /// What the service asked the help desk, without the requests for tokens.
    fn api_calls(&self) -> Vec<RequestRecord> {
        let mut calls = self.desk.desk.requests();
        calls.retain(|call| call.user_agent.starts_with("ticketsync/"));
        calls.retain(|call| call.path.starts_with("/api/"));
        calls
    }
}

on_both_engines! {
    async fn every_call_counts_the_webhooks_and_those_made_again_included(db: Database) {
        let switches = Switches { calls_per_minute: Some(LIMIT), ..Switches::default() };
        let hooks = Some("http://127.0.0.1:9".parse().unwrap());
        let options = UpkeepOptions { webhook_base_url: hooks, ..hasty() };
        let begun = clock::now();
        let mut synced = Synced::start_with(&db, switches, options).await;
        let look = "update upkeep set due_at = 0, paused_until = 0, webhook_due_at = 0";
        for n in 0.. {
            if synced.api_calls().len() >= CALLS {
                break;
            }
            let id = synced.write("Ann", Some("ann@x.example")).await;
            // The next call is refused and made again, with another token.
            synced.desk.desk.oauth.expire_access_tokens();
            synced.session.execute(look).await;
            synced.hint(&format!("h{n}"), HintKind::Created, id).await;
            synced.drained().await;
        }
        let calls = synced.api_calls();
        let count = |of: fn(&RequestRecord) -> bool| calls.iter().filter(|call| of(call)).count();
        assert!(count(|call| call.path.contains("/webhooks")) > 3, "{calls:?}");
        assert!(count(|call| call.status == Some(401)) > 3, "{calls:?}");
        assert_eq!(count(|call| call.status == Some(429)), 0, "{calls:?}");
        // Counted from before the first one was made: a call that takes its time to arrive comes no nearer
        // to those before it.
        for (at, call) in calls.iter().enumerate().skip(BURST) {
            let due = begun.plus(INTERVAL * u32::try_from(at + 1 - BURST).unwrap());
            assert!(call.started_at >= due, "call {at} after {begun:?}: {calls:?}");
        }
        for (at, first) in calls.iter().enumerate() {
            for (further, later) in calls[at..].iter().enumerate().skip(BURST) {
                let spread = INTERVAL * u32::try_from(further + 1 - BURST).unwrap();
                let due = first.started_at.plus(spread.saturating_sub(JITTER));
                assert!(later.started_at >= due, "{further} calls later: {first:?}, {later:?}");
            }
        }
        synced.stop().await;
    }

    async fn requesters_that_did_not_come_along_are_asked_for_before_anything_is_applied(db: Database) {
        let alone = || page(&[ticket(5)], &[]);
        let replies = [
            export("one", true),
            alone(),
            Reply::new(503, ""),
            alone(),
            users(&[user(35_436)]),
        ];
        let (synced, script) = Synced::scripted(&db, hasty(), replies).await;
        eventually("the export", async || synced.status().await.export_time).await;
        synced.hint("h1", HintKind::Created, 5).await;
        synced.drained().await;
        assert!(synced.ticket(5).await.is_some());
        assert_eq!(queries(&script, "tickets/show_many.json").len(), 2);
        assert_eq!(queries(&script, "users/show_many.json"), ["ids=35436", "ids=35436"]);
        synced.stop().await;
    }
}
