//! An export that does not move.

use ticketsync::proto::v1::SyncProblem;

use super::{
    EXPORT, Synced, reconciling,
    scripted::{export, queries},
};
use crate::support::{eventually, on_both_engines};

on_both_engines! {
    async fn an_export_whose_cursor_does_not_move_is_seen_and_begins_again_at_a_time(db: Database) {
        let replies = [
            export("one", false),
            export("two", false),
            export("two", false),
            export("three", true),
        ];
        let (synced, script) = Synced::scripted(&db, reconciling(), replies).await;
        let status = synced.problem(SyncProblem::ExportStuck).await;
        assert!(status.problem_detail.contains("does not advance"), "{status:?}");
        eventually("the fourth page", async || (queries(&script, EXPORT).len() >= 4).then_some(())).await;
        let asked = queries(&script, EXPORT);
        assert!(asked[0].starts_with("start_time="), "{asked:?}");
        assert_eq!(asked[1..3], ["cursor=one", "cursor=two"]);
        assert!(asked[3].starts_with("start_time="), "{asked:?}");
        synced.stop().await;
    }
}
