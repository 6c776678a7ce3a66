//! What becomes of tickets at the small Zendesk, and how their reading lags behind.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use ticketsync::{clock, sandbox::zendesk::Switches};

use super::desk::{HelpDesk, letter};
use crate::support::eventually;

const OLD: &str = "/api/v2/incremental/tickets/cursor.json?start_time=946684800&include=users";

async fn shown(zendesk: &HelpDesk, id: &Value) -> Value {
    zendesk.read(&format!("/api/v2/tickets/show_many?ids={id}")).await["tickets"][0].clone()
}

async fn exported(zendesk: &HelpDesk, id: &Value) -> Value {
    let page = zendesk.read(OLD).await;
    page["tickets"].as_array().unwrap().iter().find(|it| it["id"] == *id).unwrap().clone()
}

#[tokio::test]
async fn one_ticket_is_shown_until_it_is_deleted() {
    let zendesk = HelpDesk::start().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let path = format!("/api/v2/tickets/{}.json", ticket["id"]);
    assert_eq!(zendesk.read(&path).await["ticket"], ticket);
    zendesk.person(Method::DELETE, &format!("tickets/{}.json", ticket["id"]), json!({})).await;
    let gone = zendesk.call(Method::GET, &path, None).await;
    assert_eq!(gone.status(), 404);
    assert_eq!(gone.json::<Value>().await.unwrap()["error"], "RecordNotFound");
}

#[tokio::test]
async fn a_deleted_ticket_comes_back_with_the_status_it_had() {
    let zendesk = HelpDesk::start().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let id = &ticket["id"];
    zendesk.change(id, json!({ "status": "pending" })).await;
    let restore = format!("deleted_tickets/{id}/restore");
    assert_eq!(zendesk.person(Method::PUT, &restore, json!({})).await.status(), 404);
    zendesk.person(Method::DELETE, &format!("tickets/{id}.json"), json!({})).await;
    assert_eq!(shown(&zendesk, id).await, Value::Null);
    assert_eq!(exported(&zendesk, id).await["status"], "deleted");
    assert_eq!(zendesk.person(Method::PUT, &restore, json!({})).await.status(), 200);
    assert_eq!(shown(&zendesk, id).await["status"], "pending");
}

#[tokio::test]
async fn a_ticket_deleted_for_good_leaves_no_contents() {
    let zendesk = HelpDesk::start().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let id = &ticket["id"];
    let path = format!("deleted_tickets/{id}");
    assert_eq!(zendesk.person(Method::DELETE, &path, json!({})).await.status(), 404);
    zendesk.person(Method::DELETE, &format!("tickets/{id}.json"), json!({})).await;
    assert_eq!(zendesk.person(Method::DELETE, &path, json!({})).await.status(), 200);
    let left = exported(&zendesk, id).await;
    assert_eq!(left["status"], "deleted");
    assert!(!left.to_string().contains("Friday") && !left.to_string().contains("order"));
    let restore = format!("{path}/restore");
    assert_eq!(zendesk.person(Method::PUT, &restore, json!({})).await.status(), 404);
}

#[tokio::test]
async fn merging_closes_the_source_and_touches_the_target() {
    let zendesk = HelpDesk::start().await;
    let source = zendesk.write(letter("Sanne", None)).await;
    let target = zendesk.write(letter("Sanne", None)).await;
    let path = format!("tickets/{}/merge", target["id"]);
    for wrong in [json!({ "ids": [] }), json!({ "ids": [target["id"]] })] {
        assert_eq!(zendesk.person(Method::POST, &path, wrong).await.status(), 422);
    }
    let missing = json!({ "ids": [source["id"], 1] });
    assert_eq!(zendesk.person(Method::POST, &path, missing).await.status(), 404);
    assert_eq!(shown(&zendesk, &source["id"]).await["status"], "new", "whole or not at all");
    let merge = json!({ "ids": [source["id"]] });
    assert_eq!(zendesk.person(Method::POST, &path, merge).await.status(), 200);
    assert_eq!(shown(&zendesk, &source["id"]).await["status"], "closed");
    assert_eq!(shown(&zendesk, &target["id"]).await["status"], "new");
}

#[tokio::test]
async fn an_agent_may_be_a_requester_and_a_caller_has_no_address() {
    let zendesk = HelpDesk::start().await;
    let agent = json!({
        "requester": { "name": "Noor", "email": "noor@acme.example", "role": "agent" },
        "comment": { "body": "For the record" },
    });
    let own = zendesk.write(agent).await;
    let call = zendesk.write(letter("Caller", None)).await;
    let path = format!("/api/v2/tickets/show_many?ids={},{}&include=users", own["id"], call["id"]);
    let users = zendesk.read(&path).await["users"].clone();
    assert_eq!(
        (&users[0]["role"], &users[0]["email"]),
        (&json!("agent"), &json!("noor@acme.example"))
    );
    assert_eq!((&users[1]["role"], &users[1]["email"]), (&json!("end-user"), &Value::Null));
}

#[tokio::test]
async fn more_than_100_ids_are_refused() {
    let zendesk = HelpDesk::start().await;
    let ids = |count: i64| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    for kind in ["tickets", "users"] {
        let status = async |count| {
            let path = format!("/api/v2/{kind}/show_many?ids={}", ids(count));
            zendesk.call(Method::GET, &path, None).await.status()
        };
        assert_eq!(status(100).await, 200);
        assert_eq!(status(101).await, 400);
    }
}

#[tokio::test]
async fn reads_show_things_as_they_stood_before_the_lag() {
    let zendesk = HelpDesk::start().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let id = &ticket["id"];
    zendesk.desk.switches.turn(|switches| switches.lag_ms = 60_000);
    assert_eq!(shown(&zendesk, id).await, Value::Null, "it was not there a minute ago");
    assert_eq!(zendesk.read(OLD).await["tickets"], json!([]));
    let users =
        zendesk.read(&format!("/api/v2/users/show_many?ids={}", ticket["requester_id"])).await;
    assert_eq!(users["users"], json!([]));

    zendesk.desk.switches.turn(|switches| switches.lag_ms = 100);
    eventually("the ticket", async || (shown(&zendesk, id).await["status"] == "new").then_some(()))
        .await;
}

#[tokio::test]
async fn a_read_under_lag_shows_the_state_before_the_newest_change() {
    let zendesk = HelpDesk::start().await;
    let input = serde_json::from_value(letter("Sanne", Some("sanne@example.com"))).unwrap();
    let before = clock::now().minus(Duration::from_mins(10));
    let ticket = zendesk.desk.store.create_ticket(&zendesk.desk.url, &input, before).unwrap();
    let id = json!(ticket.id);
    zendesk.change(&id, json!({ "status": "open" })).await;
    zendesk.person(Method::DELETE, &format!("tickets/{id}.json"), json!({})).await;
    for (lag, status) in [(60_000, json!("new")), (0, Value::Null)] {
        zendesk.desk.switches.turn(|switches| switches.lag_ms = lag);
        assert_eq!(shown(&zendesk, &id).await["status"], status, "{lag} ms ago");
    }
}

#[tokio::test]
async fn an_export_under_lag_passes_nothing_by() {
    let zendesk = HelpDesk::misbehaving(Switches { lag_ms: 300, ..Switches::default() }).await;
    let mut written = Vec::new();
    let mut read: Vec<Value> = Vec::new();
    let mut path = OLD.to_owned();
    for number in 0..200 {
        if number < 20 {
            written.push(zendesk.write(letter("Sanne", None)).await["id"].clone());
        }
        let page = zendesk.read(&path).await;
        read.extend(page["tickets"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        let cursor = page["after_cursor"].as_str().unwrap();
        path = format!("/api/v2/incremental/tickets/cursor.json?cursor={cursor}");
    }
    eventually("the rest", async || {
        let page = zendesk.read(&path).await;
        let cursor = page["after_cursor"].as_str().unwrap();
        path = format!("/api/v2/incremental/tickets/cursor.json?cursor={cursor}");
        read.extend(page["tickets"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        (read.len() >= written.len()).then_some(())
    })
    .await;
    assert_eq!(read, written);
}

#[tokio::test]
async fn an_export_that_starts_where_nothing_changed_goes_on_from_there() {
    let zendesk = HelpDesk::start().await;
    let input = serde_json::from_value(letter("Sanne", None)).unwrap();
    let old = clock::now().minus(Duration::from_hours(1));
    zendesk.desk.store.create_ticket(&zendesk.desk.url, &input, old).unwrap();
    let start = clock::now().as_micros() / 1_000_000 - 120;
    let page =
        zendesk.read(&format!("/api/v2/incremental/tickets/cursor.json?start_time={start}")).await;
    assert_eq!((&page["tickets"], &page["end_of_stream"]), (&json!([]), &json!(true)));
    let cursor = page["after_cursor"].as_str().unwrap();
    let path = format!("/api/v2/incremental/tickets/cursor.json?cursor={cursor}");
    assert_eq!(zendesk.read(&path).await["tickets"], json!([]), "not all over again");
}

#[tokio::test]
async fn a_page_of_the_export_holds_as_many_tickets_as_it_is_told_to() {
    let zendesk = HelpDesk::misbehaving(Switches { export_page: 2, ..Switches::default() }).await;
    for _ in 0..3 {
        zendesk.write(letter("Sanne", None)).await;
    }
    let page = zendesk.read(OLD).await;
    let size = |page: &Value| page["tickets"].as_array().unwrap().len();
    assert_eq!((size(&page), &page["end_of_stream"]), (2, &json!(false)));
    zendesk.desk.switches.turn(|switches| switches.export_page = 3);
    let page = zendesk.read(OLD).await;
    assert_eq!((size(&page), &page["end_of_stream"]), (3, &json!(true)));
}
