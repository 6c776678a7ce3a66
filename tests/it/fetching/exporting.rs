//! Reconciliation by the export.

use reqwest::Method;
use serde_json::json;
use ticketsync::{
    clock,
    domain::{HintKind, TriggerKind},
    sandbox::zendesk::{Switches, TicketInput},
};

use super::{EXPORT, Synced, hasty, reconciling};
use crate::support::{eventually, on_both_engines};

impl Synced {
    /// Waits for an export that begins from now on, and for its end.
    async fn exported_again(&self) {
        let exports = self.calls(EXPORT).len();
        eventually("two more exports", async || {
            (self.calls(EXPORT).len() > exports + 2).then_some(())
        })
        .await;
    }

    /// Waits until the ticket stands in an object, or no longer does.
    async fn stands(&self, id: i64, expected: bool) {
        eventually("the ticket in its object, or out of it", async || {
            (self.ticket(id).await.is_some() == expected).then_some(())
        })
        .await;
    }
}

on_both_engines! {
    async fn a_ticket_that_no_webhook_told_of_is_created_all_the_same(db: Database) {
        let mut synced = Synced::start_with(&db, Switches::default(), reconciling()).await;
        synced.finished_later_by(-10).await;
        synced.exported_again().await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.stands(id, true).await;
        assert_eq!(synced.log().await, [(TriggerKind::TicketCreated, id)]);
        synced.change(id, json!({"subject": "Changed"})).await;
        eventually("the change", async || {
            (synced.ticket(id).await?.subject == "Changed").then_some(())
        })
        .await;
        let expected = [(TriggerKind::TicketCreated, id), (TriggerKind::TicketUpdated, id)];
        assert_eq!(synced.log().await, expected);
        let export_time = eventually("the end of the export", async || {
            synced.status().await.export_time
        });
        assert!(export_time.await.seconds > 0);
        synced.stop().await;
    }

    async fn a_ticket_older_than_the_connection_is_adopted_in_silence(db: Database) {
        let mut synced = Synced::start_with(&db, Switches::default(), reconciling()).await;
        synced.finished_later_by(10).await;
        synced.exported_again().await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.stands(id, true).await;
        assert_eq!(synced.log().await, []);
        synced.stop().await;
    }

    async fn a_deletion_and_a_return_that_no_webhook_told_of_are_made_up_for(db: Database) {
        let synced = Synced::start_with(&db, Switches::default(), reconciling()).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.stands(id, true).await;
        synced.act(Method::DELETE, &format!("tickets/{id}.json")).await;
        synced.stands(id, false).await;
        synced.act(Method::PUT, &format!("deleted_tickets/{id}/restore")).await;
        synced.stands(id, true).await;
        synced.stop().await;
    }

    async fn what_was_applied_is_looked_at_once_more_at_the_most(db: Database) {
        let mut synced = Synced::start_with(&db, Switches::default(), reconciling()).await;
        synced.finished_later_by(-10).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.stands(id, true).await;
        synced.drained().await;
        let fetches = synced.fetches().len();
        synced.exported_again().await;
        synced.drained().await;
        assert!(synced.fetches().len() <= fetches + 1, "{:?}", synced.fetches());
        assert_eq!(synced.log().await.len(), 1);
        synced.stop().await;
    }

    async fn pages_follow_each_other_at_the_pace_that_zendesk_allows(db: Database) {
        let mut synced = Synced::unfinished(&db, Switches::default(), reconciling()).await;
        for n in 0..250 {
            let input = json!({
                "requester": {"name": "Ann", "email": format!("ann{n}@x.example")},
                "subject": "Help",
                "comment": {"body": "Please."},
            });
            let input: TicketInput = serde_json::from_value(input).unwrap();
            synced.desk.desk.store.create_ticket(&synced.desk.desk.url, &input, clock::now()).unwrap();
        }
        synced.authorize().await;
        synced.finish().await;
        eventually("the end of the export", async || synced.status().await.export_time).await;
        synced.drained().await;
        let tickets = synced.session.integers("select count(*) from tickets").await;
        assert_eq!(tickets, [250]);
        let exports = synced.calls(EXPORT);
        assert!(exports.len() >= 3, "{exports:?}");
        let pause = reconciling().export_pause;
        // What comes after the end begins when it is due.
        let apart = exports[..3].windows(2).all(|two| two[1].started_at >= two[0].started_at.plus(pause));
        assert!(apart, "{exports:?}");
        synced.stop().await;
    }

    async fn an_export_that_was_read_goes_on_at_its_cursor_and_waits_for_its_time(db: Database) {
        let synced = Synced::start_with(&db, Switches::default(), hasty()).await;
        eventually("the end of the export", async || synced.status().await.export_time).await;
        let upkeep = synced.store.upkeep(&synced.key).await.unwrap().unwrap();
        assert!(upkeep.export_cursor.is_some());
        assert!(upkeep.export_due_at.unwrap() > clock::now());
        assert_eq!(synced.calls(EXPORT).len(), 1);
        synced.stop().await;
    }
}
