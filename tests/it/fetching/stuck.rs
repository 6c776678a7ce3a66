//! An export that does not move.

use serde_json::{Value, json};
use ticketsync::{proto::v1::SyncProblem, sandbox::zendesk::Switches};

use super::{Synced, reconciling};
use crate::{
    sandbox::desk::HelpDesk,
    support::{Reply, Script, eventually, on_both_engines},
};

/// A page without tickets.
fn page(after_cursor: &str, end_of_stream: bool) -> Reply {
    Reply::json(&json!({
        "tickets": [], "after_cursor": after_cursor, "end_of_stream": end_of_stream,
    }))
}

/// Where the export was asked to begin, or to go on.
fn asked(script: &Script) -> Vec<String> {
    let calls = script.asked().into_iter().filter_map(|call| {
        let (path, query) = call.path.split_once('?')?;
        path.contains("incremental").then(|| query.to_owned())
    });
    calls.collect()
}

on_both_engines! {
    async fn an_export_whose_cursor_does_not_move_is_seen_and_begins_again_at_a_time(db: Database) {
        let token: Value = json!({"access_token": "a", "token_type": "bearer", "scope": "tickets:read"});
        let replies = [
            Reply::json(&token),
            page("one", false),
            page("two", false),
            page("two", false),
            page("three", true),
        ];
        let script = Script::start(replies).await;
        let base = format!("http://{}/", script.address);
        let desk = HelpDesk::misbehaving(Switches::default()).await;
        let synced = Synced::calling(&db, &base, desk, reconciling()).await;
        synced.agree_to_script().await;
        synced.finish().await;
        let status = synced.problem(SyncProblem::ExportStuck).await;
        assert!(status.problem_detail.contains("does not advance"), "{status:?}");
        eventually("the fourth page", async || (asked(&script).len() >= 4).then_some(())).await;
        let asked = asked(&script);
        assert!(asked[0].starts_with("start_time="), "{asked:?}");
        assert_eq!(asked[1..3], ["cursor=one", "cursor=two"]);
        assert!(asked[3].starts_with("start_time="), "{asked:?}");
        synced.stop().await;
    }
}
