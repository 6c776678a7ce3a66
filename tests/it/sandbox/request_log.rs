//! The log of the calls that applications make of the small Zendesk.

use reqwest::Method;
use serde_json::Value;
use ticketsync::sandbox::zendesk::Switches;
use tokio::task::JoinSet;

use super::desk::HelpDesk;
use crate::support::eventually;

#[tokio::test]
async fn a_call_is_logged_with_its_ids_its_token_and_both_ends() {
    let zendesk = HelpDesk::start().await;
    let token = zendesk.desk.oauth.issue("tickets:read");
    let path = "/api/v2/tickets/show_many?ids=3,1,2";
    let request = zendesk.get(path).bearer_auth(&token).header("user-agent", "replica/1");
    assert_eq!(request.send().await.unwrap().status(), 200);
    zendesk.get("").send().await.unwrap();

    let log = zendesk.desk.requests();
    assert_eq!(log.len(), 1, "the page is no call: {log:?}");
    let call = &log[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("GET", "/api/v2/tickets/show_many"));
    assert_eq!(call.ids, [3, 1, 2]);
    assert_eq!((call.token_id, call.status), (Some(1), Some(200)));
    assert_eq!(call.user_agent, "replica/1");
    assert!(call.ended_at.unwrap() >= call.started_at);
    assert!(call.peer.is_some());
    assert!(!format!("{log:?}").contains(&token));
}

#[tokio::test]
async fn callers_of_different_addresses_can_be_told_apart() {
    let mut zendesk = HelpDesk::start().await;
    let elsewhere = zendesk.listen_elsewhere().await;
    let path = "/api/v2/tickets/show_many?ids=1";
    zendesk.call(Method::GET, path, None).await;
    let other = format!("http://{elsewhere}/acme{path}");
    zendesk.http.get(other).bearer_auth("unknown").send().await.unwrap();
    let log = zendesk.desk.requests();
    assert!(zendesk.desk.url.contains(&log[0].called.unwrap().to_string()));
    assert_eq!(log[1].called, Some(elsewhere));
    assert_eq!((log[1].token_id, log[1].status), (None, Some(401)));
}

#[tokio::test]
async fn calls_that_overlap_and_calls_that_are_given_up_show_it() {
    let slow = Switches { hold_answers_ms: 60_000, ..Switches::default() };
    let zendesk = HelpDesk::misbehaving(slow).await;
    let mut calls = JoinSet::new();
    let call = zendesk.get("/api/v2/tickets/show_many?ids=1").bearer_auth("any");
    calls.spawn(async move { call.send().await });
    eventually("the call", async || {
        let log = zendesk.desk.requests();
        (log.len() == 1 && log[0].ended_at.is_none()).then_some(())
    })
    .await;
    calls.abort_all();
    eventually("its end", async || {
        let log = zendesk.desk.requests();
        (log[0].ended_at.is_some() && log[0].status.is_none()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn people_read_both_logs_over_http() {
    let zendesk = HelpDesk::start().await;
    zendesk.call(Method::GET, "/api/v2/tickets/show_many?ids=9", None).await;
    let log: Value = zendesk.get("/sandbox/requests").send().await.unwrap().json().await.unwrap();
    assert_eq!(log[0]["ids"], serde_json::json!([9]));
    let log: Value = zendesk.get("/sandbox/deliveries").send().await.unwrap().json().await.unwrap();
    assert_eq!(log, serde_json::json!([]));
}
