//! The switches of the small Zendesk.

use std::collections::HashMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ticketsync::{
    clock,
    sandbox::zendesk::{Fate, Switches},
};

use super::{
    desk::{HelpDesk, letter, refresh},
    receiver::Receiver,
};

/// Has tickets written at a help desk that misbehaves so; gives the tickets that events told of, as
/// they came in.
async fn told(switches: Switches, tickets: usize) -> (Vec<i64>, HelpDesk) {
    let zendesk = HelpDesk::misbehaving(switches).await;
    let receiver = Receiver::willing().await;
    zendesk.subscribe(&receiver, &["created"]).await;
    let input = serde_json::from_value(letter("Sanne", Some("sanne@example.com"))).unwrap();
    for _ in 0..tickets {
        zendesk.desk.store.create_ticket(&zendesk.desk.url, &input, clock::now()).unwrap();
    }
    zendesk.all_delivered().await;
    let id = |body: Value| body["detail"]["id"].as_str().unwrap().parse().unwrap();
    (receiver.received().iter().map(|it| id(it.json())).collect(), zendesk)
}

#[tokio::test]
async fn dropped_events_never_arrive_and_the_same_seed_drops_the_same() {
    let some = Switches { seed: 7, drop: 0.5, ..Switches::default() };
    let (mut first, zendesk) = told(some.clone(), 40).await;
    let (mut again, _) = told(some.clone(), 40).await;
    let (mut other, _) = told(Switches { seed: 8, ..some }, 40).await;
    for ids in [&mut first, &mut again, &mut other] {
        ids.sort_unstable();
        assert!((5..35).contains(&ids.len()), "about half: {}", ids.len());
    }
    assert_eq!(first, again);
    assert_ne!(first, other);
    let dropped = zendesk.desk.deliveries().iter().filter(|it| it.fate == Fate::Dropped).count();
    assert_eq!(dropped + first.len(), 40);
}

#[tokio::test]
async fn doubled_events_arrive_twice_with_one_event_id() {
    let (_, zendesk) = told(Switches { double: 1.0, ..Switches::default() }, 3).await;
    let mut invocations: HashMap<String, Vec<String>> = HashMap::new();
    for delivery in zendesk.desk.deliveries() {
        invocations.entry(delivery.event_id).or_default().push(delivery.invocation_id);
    }
    assert_eq!(invocations.len(), 3);
    assert!(invocations.values().all(|ids| ids.len() == 2 && ids[0] != ids[1]));
}

#[tokio::test]
async fn reordered_events_all_arrive_in_another_order() {
    let (ids, zendesk) = told(Switches { reorder: 0.5, ..Switches::default() }, 20).await;
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_ne!(ids, sorted);
    let written: Vec<i64> = zendesk.desk.store.all().iter().map(|(ticket, _)| ticket.id).collect();
    assert_eq!(sorted, written);
}

#[tokio::test]
async fn delayed_events_come_late() {
    let switches = Switches { delay: 1.0, delay_ms: 400, ..Switches::default() };
    let before = clock::now();
    let (ids, zendesk) = told(switches, 1).await;
    assert_eq!(ids.len(), 1);
    let at = zendesk.desk.deliveries()[0].at;
    assert!(at >= before.plus(std::time::Duration::from_millis(400)));
}

#[tokio::test]
async fn calls_can_be_answered_500_and_people_are_served_all_the_same() {
    let zendesk = HelpDesk::misbehaving(Switches { fail: 1.0, ..Switches::default() }).await;
    zendesk.write(letter("Sanne", None)).await;
    let answer = zendesk.call(Method::GET, "/api/v2/tickets/show_many?ids=1", None).await;
    assert_eq!(answer.status(), 500);
    let body: Value = answer.json().await.unwrap();
    assert!(body["error"].is_object(), "an error may be an object: {body}");
}

#[tokio::test]
async fn a_token_answer_can_be_cut_off_after_the_tokens_were_changed() {
    let zendesk = HelpDesk::start().await;
    let (_, first) = zendesk.exchange(&zendesk.code().await, json!({})).await;
    zendesk.desk.switches.turn(|switches| switches.cut_token_answers = 1.0);
    let refresh = refresh(&first);
    let url = format!("{}/oauth/tokens", zendesk.desk.url);
    let lost = zendesk.http.post(&url).json(&refresh).send().await;
    assert!(lost.is_err(), "nothing of the answer arrives");
    assert_eq!(zendesk.desk.oauth.rotations(), 1);

    zendesk.desk.switches.turn(|switches| switches.cut_token_answers = 0.0);
    let (status, refusal) = zendesk.token_call(&refresh).await;
    assert_eq!((status, &refusal["error"]), (400, &json!("invalid_grant")), "the old pair is dead");
    let current = zendesk.get("/api/v2/oauth/tokens/current.json");
    let old = current.bearer_auth(first["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(old.status(), 401);
}

#[tokio::test]
async fn people_turn_switches_over_http() {
    let zendesk = HelpDesk::start().await;
    let url = format!("{}/sandbox/switches", zendesk.desk.url);
    let turn = async |body: Value| zendesk.http.patch(&url).json(&body).send().await.unwrap();
    let answer = turn(json!({ "drop": 0.25, "lag_ms": 300 })).await;
    assert_eq!(answer.status(), StatusCode::OK);
    turn(json!({ "calls_per_minute": 700 })).await;
    let expected =
        Switches { drop: 0.25, lag_ms: 300, calls_per_minute: Some(700), ..Switches::default() };
    assert_eq!(zendesk.desk.switches.read(), expected, "those not named stay");
    let shown: Switches = zendesk.http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown, expected);
    let page = zendesk.get("").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("calls_per_minute"), "the page shows what is not as usual");

    for wrong in [
        json!({ "dorp": 1 }),
        json!({ "drop": 1.5 }),
        json!({ "lag_ms": 60_001 }),
        json!({ "export_page": 0 }),
    ] {
        assert_eq!(turn(wrong.clone()).await.status(), 400, "{wrong}");
    }
    assert_eq!(zendesk.desk.switches.read(), expected);
    zendesk.http.delete(&url).send().await.unwrap();
    assert_eq!(zendesk.desk.switches.read(), Switches::default());
}
