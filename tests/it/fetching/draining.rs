//! The inbox, drained.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use ticketsync::{
    domain::{HintKind, Status, TriggerKind},
    sandbox::zendesk::{RequestRecord, Switches},
};

use super::{Synced, hasty};
use crate::support::{eventually, on_both_engines};

/// No ticket was asked for while another call for it was under way.
fn assert_one_at_a_time(fetches: &[RequestRecord]) {
    let mut ended = BTreeMap::new();
    for fetch in fetches {
        for id in &fetch.ids {
            let before = ended.insert(*id, fetch.ended_at.unwrap());
            assert!(before.is_none_or(|before| before <= fetch.started_at), "ticket {id}");
        }
    }
}

on_both_engines! {
    async fn hinted_tickets_are_fetched_in_one_call_and_applied(db: Database) {
        let synced = Synced::start(&db).await;
        let (one, two) =
            (synced.write("Ann", Some("ann@x.example")).await, synced.write("Bob", Some("bob@x.example")).await);
        synced.change(two, json!({"status": "solved"})).await;
        synced.desk.desk.switches.turn(|switches| switches.hold_answers_ms = 300);
        synced.hint("h1", HintKind::Created, one).await;
        // While that is fetched, these gather: five of one ticket, one of another.
        eventually("the first fetch", async || synced.fetches().pop()).await;
        for n in 0..5 {
            synced.hint(&format!("c{n}"), HintKind::Changed, two).await;
        }
        synced.hint("c5", HintKind::Changed, one).await;
        synced.drained().await;
        assert_eq!(synced.fetches().len(), 2, "{:?}", synced.fetches());
        assert_eq!(synced.ticket(two).await.unwrap().status, Status::Solved);
        assert_eq!(synced.log().await, [(TriggerKind::TicketCreated, one)], "the other is adopted");
        assert_eq!(synced.status().await.oldest_hint_time, None);
        eventually("word of the fetch", async || synced.status().await.fetch_time).await;
        synced.stop().await;
    }

    async fn a_change_that_zendesk_does_not_show_yet_is_looked_at_again(db: Database) {
        let switches = Switches { lag_ms: 1_500, ..Switches::default() };
        let synced = Synced::start_with(&db, switches, hasty()).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.drained().await;
        assert_eq!(synced.log().await, [(TriggerKind::TicketCreated, id)]);
        assert!(synced.fetches().len() > 1, "it was absent at first, and not taken for deleted");
        synced.stop().await;
    }

    async fn deleted_tickets_leave_and_undeleted_ones_return_in_silence(db: Database) {
        let synced = Synced::start(&db).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.drained().await;
        synced.act(Method::DELETE, &format!("tickets/{id}.json")).await;
        synced.hint("h2", HintKind::SoftDeleted, id).await;
        synced.drained().await;
        assert!(synced.ticket(id).await.is_none());
        synced.act(Method::PUT, &format!("deleted_tickets/{id}/restore")).await;
        synced.hint("h3", HintKind::Undeleted, id).await;
        synced.drained().await;
        assert!(synced.ticket(id).await.is_some());
        assert_eq!(synced.log().await, [(TriggerKind::TicketCreated, id)]);
        synced.stop().await;
    }

    async fn a_deleted_ticket_is_a_deletion_and_no_endless_search(db: Database) {
        let synced = Synced::start(&db).await;
        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.drained().await;
        synced.act(Method::DELETE, &format!("tickets/{id}.json")).await;
        let before = synced.fetches().len();
        synced.hint("h2", HintKind::Changed, id).await;
        synced.drained().await;
        assert!(synced.ticket(id).await.is_none());
        assert_eq!(synced.fetches().len(), before + 1);
        synced.stop().await;
    }

    async fn no_ticket_is_fetched_by_two_replicas_at_once(db: Database) {
        let switches = Switches { hold_answers_ms: 50, ..Switches::default() };
        let synced = Synced::start_with(&db, switches, hasty()).await;
        synced.another_replica();
        synced.another_replica();
        let id = synced.write("Ann", Some("ann@x.example")).await;
        for n in 0..30 {
            synced.change(id, json!({"subject": format!("Number {n}")})).await;
            synced.hint(&format!("h{n}"), HintKind::Changed, id).await;
        }
        synced.drained().await;
        assert_eq!(synced.ticket(id).await.unwrap().subject, "Number 29");
        let fetches = synced.fetches();
        assert!(fetches.len() > 1, "there was only one to look at");
        assert_one_at_a_time(&fetches);
        synced.stop().await;
    }
}
