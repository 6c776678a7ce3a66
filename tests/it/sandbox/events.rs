//! The events of the small Zendesk: which happen, and how they are written.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use ticketsync::sandbox::zendesk::{Pace, Switches};

use super::{
    desk::{HelpDesk, letter},
    receiver::Receiver,
};

/// Every type that touches the 22 fields and that can happen here.
const KINDS: [&str; 22] = [
    "created",
    "agent_assignment_changed",
    "brand_changed",
    "comment_added",
    "status_changed",
    "description_changed",
    "external_id_changed",
    "form_changed",
    "group_assignment_changed",
    "organization_changed",
    "priority_changed",
    "problem_link_changed",
    "requester_changed",
    "subject_changed",
    "submitter_changed",
    "task_due_at_changed",
    "type_changed",
    "merged",
    "marked_as_spam",
    "soft_deleted",
    "undeleted",
    "permanently_deleted",
];

/// A help desk whose events arrive in the order in which they happened, and who is told of them all.
async fn listened_to() -> (HelpDesk, Receiver) {
    let pace = Pace { deliveries_at_once: 1, ..Pace::default() };
    let (zendesk, receiver) = (HelpDesk::at(pace).await, Receiver::willing().await);
    zendesk.subscribe(&receiver, &KINDS).await;
    (zendesk, receiver)
}

#[tokio::test]
async fn an_event_has_the_documented_shape() {
    let (zendesk, receiver) = listened_to().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let event = receiver.receives(1).await[0].json();
    assert_eq!(event["type"], "zen:event-type:ticket.created");
    assert_eq!(event["subject"], format!("zen:ticket:{}", ticket["id"]));
    assert_eq!(event["zendesk_event_version"], "2022-11-06");
    assert!(event["account_id"].is_i64() && event["id"].is_string());
    assert!(event["event"]["meta"]["sequence"]["id"].is_string());
    let detail = event["detail"].as_object().unwrap();
    let mut keys: Vec<&str> = detail.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = "actor_id assignee_id brand_id created_at custom_status description external_id \
                    form_id group_id id is_public organization_id priority requester_id status \
                    subject submitter_id tags type updated_at via";
    assert_eq!(keys.join(" "), expected);
    assert_eq!(detail["id"], ticket["id"].to_string(), "ids are text");
    assert_eq!(detail["requester_id"], ticket["requester_id"].to_string());
    assert_eq!(detail["status"], "NEW", "closed lists are in upper case");
    assert_eq!(detail["priority"], Value::Null);
    assert_eq!(detail["updated_at"], ticket["updated_at"]);
    assert_eq!(detail["via"]["channel"], "web");
}

#[tokio::test]
async fn every_way_of_writing_a_time_and_no_id_comes_up() {
    let (zendesk, receiver) = listened_to().await;
    for _ in 0..12 {
        zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    }
    let events = receiver.receives(12).await;
    let digits = |event: &Value| {
        let time = event["time"].as_str().unwrap().to_owned();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        time.split_once('.').map_or(0, |(_, fraction)| fraction.len() - 1)
    };
    let written: HashSet<usize> = events.iter().map(|it| digits(&it.json())).collect();
    assert_eq!(written, HashSet::from([0, 3, 6, 9]));
    let nobody: HashSet<Value> =
        events.iter().map(|it| it.json()["detail"]["assignee_id"].clone()).collect();
    assert_eq!(nobody, HashSet::from([Value::Null, json!(""), json!("0")]));
}

#[tokio::test]
async fn one_action_fires_an_event_for_each_change_under_one_sequence() {
    let (zendesk, receiver) = listened_to().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let other = zendesk.write(letter("Bram", Some("bram@example.com"))).await;
    let change = json!({
        "status": "pending",
        "priority": "high",
        "type": "task",
        "subject": "Order 17",
        "requester_id": other["requester_id"],
        "assignee_id": 360_000_000_007_i64,
        "group_id": 360_000_000_008_i64,
        "organization_id": 360_000_000_009_i64,
        "brand_id": 360_000_000_010_i64,
        "ticket_form_id": 360_000_000_011_i64,
        "external_id": "17",
        "problem_id": 4_000,
        "due_at": "2030-01-02T03:04:05Z",
        "recipient": "nobody is told of this one",
        "comment": { "body": "Which order is it?" },
    });
    assert_eq!(zendesk.change(&ticket["id"], change).await.status(), 200);
    zendesk.all_delivered().await;
    let events = receiver.received().split_off(2);
    let kinds: Vec<String> = events.iter().map(super::receiver::Received::kind).collect();
    let expected = [
        "status_changed",
        "priority_changed",
        "type_changed",
        "subject_changed",
        "requester_changed",
        "agent_assignment_changed",
        "group_assignment_changed",
        "organization_changed",
        "brand_changed",
        "form_changed",
        "external_id_changed",
        "problem_link_changed",
        "task_due_at_changed",
        "comment_added",
    ];
    assert_eq!(kinds, expected);
    let bodies: Vec<Value> = events.iter().map(super::receiver::Received::json).collect();
    let sequences: HashSet<&Value> =
        bodies.iter().map(|it| &it["event"]["meta"]["sequence"]["id"]).collect();
    assert_eq!(sequences.len(), 1);
    let ids: HashSet<&str> = bodies.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), bodies.len(), "each is an event of its own");
    assert_eq!(bodies[0]["event"]["previous"], "NEW");
    assert_eq!(bodies[0]["event"]["current"], "PENDING");
    assert_eq!(bodies[4]["event"]["current"], other["requester_id"].to_string());
    assert_eq!(bodies[4]["detail"]["priority"], "HIGH", "the ticket afterwards");
}

#[tokio::test]
async fn what_changes_nothing_is_not_told() {
    let (zendesk, receiver) = listened_to().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    zendesk
        .change(&ticket["id"], json!({ "status": "new", "recipient": "other@acme.example" }))
        .await;
    let body = json!({ "user": { "email": "sanne@elsewhere.example" } });
    let path = format!("users/{}.json", ticket["requester_id"]);
    assert_eq!(zendesk.person(Method::PUT, &path, body).await.status(), 200);
    zendesk.change(&ticket["id"], json!({ "priority": 3 })).await;
    zendesk.all_delivered().await;
    assert_eq!(receiver.kinds(), ["created"]);
}

#[tokio::test]
async fn coming_and_going_is_told_as_that_alone() {
    let (zendesk, receiver) = listened_to().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let id = &ticket["id"];
    for (method, path) in [
        (Method::DELETE, format!("tickets/{id}.json")),
        (Method::PUT, format!("deleted_tickets/{id}/restore")),
        (Method::PUT, format!("tickets/{id}/mark_as_spam")),
        (Method::DELETE, format!("deleted_tickets/{id}")),
    ] {
        assert!(zendesk.person(method, &path, json!({})).await.status().is_success(), "{path}");
    }
    zendesk.all_delivered().await;
    let expected =
        ["created", "soft_deleted", "undeleted", "marked_as_spam", "permanently_deleted"];
    assert_eq!(receiver.kinds(), expected);
    let events = receiver.received();
    assert_eq!(events[1].json()["detail"]["status"], "DELETED");
    assert_eq!(events[4].json()["detail"], json!({ "id": id.to_string() }), "nothing is left");
}

#[tokio::test]
async fn a_merge_closes_the_source_and_comments_on_both_sides() {
    let (zendesk, receiver) = listened_to().await;
    let source = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let target = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let merge = json!({
        "ids": [source["id"]],
        "target_comment": "It came twice",
        "source_comment": "Goes on elsewhere",
    });
    let path = format!("tickets/{}/merge", target["id"]);
    assert_eq!(zendesk.person(Method::POST, &path, merge).await.status(), 200);
    zendesk.all_delivered().await;
    let told: Vec<(String, String)> = receiver.received()[2..]
        .iter()
        .map(|it| (it.json()["detail"]["id"].as_str().unwrap().to_owned(), it.kind()))
        .collect();
    let (from, to) = (source["id"].to_string(), target["id"].to_string());
    let expected = [
        (&from, "status_changed"),
        (&from, "comment_added"),
        (&from, "merged"),
        (&to, "comment_added"),
    ];
    assert_eq!(told, expected.map(|(id, kind)| (id.clone(), kind.to_owned())));
}

#[tokio::test]
async fn an_event_may_hold_no_more_than_the_id() {
    let zendesk = HelpDesk::misbehaving(Switches { sparse: 1.0, ..Switches::default() }).await;
    let receiver = Receiver::willing().await;
    zendesk.subscribe(&receiver, &KINDS).await;
    let ticket = zendesk.write(letter("Sanne", None)).await;
    let event = receiver.receives(1).await[0].json();
    assert_eq!(event["detail"], json!({ "id": ticket["id"].to_string() }));
    assert_eq!(event["subject"], format!("zen:ticket:{}", ticket["id"]));
}
