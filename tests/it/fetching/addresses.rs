//! Requesters without an e-mail address, looked at again.

use reqwest::Method;
use serde_json::json;
use ticketsync::domain::{HintKind, TriggerKind};

use super::Synced;
use crate::support::{eventually, on_both_engines};

on_both_engines! {
    async fn a_requester_who_has_an_address_by_now_gets_their_tickets(db: Database) {
        let mut synced = Synced::start(&db).await;
        let id = synced.write("Ann", None).await;
        let other = synced.write("Bob", None).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.hint("h2", HintKind::Created, other).await;
        synced.drained().await;
        assert!(synced.ticket(id).await.is_none());
        let parked = synced.session.integers("select distinct ticket_id from parked_events").await;
        assert_eq!(parked.len(), 2);

        let ann = synced.desk.read(&format!("/api/v2/tickets/{id}.json")).await;
        let ann = ann["ticket"]["requester_id"].as_i64().unwrap();
        let change = json!({"user": {"email": "ann@x.nl"}});
        let answer = synced.desk.person(Method::PUT, &format!("users/{ann}.json"), change).await;
        assert!(answer.status().is_success());
        synced.session.execute("update upkeep set requesters_due_at = 0, due_at = 0").await;
        eventually("the ticket", async || synced.ticket(id).await).await;
        assert_eq!(synced.log().await, [(TriggerKind::TicketCreated, id)]);
        synced.drained().await;
        let waiting = synced.session.integers("select distinct ticket_id from parked_events").await;
        assert_eq!(waiting, [other], "who has none still waits");
        let users = synced.calls("users/show_many.json").pop().unwrap();
        assert_eq!(users.ids.len(), 2, "both in one call");
        synced.stop().await;
    }
}
