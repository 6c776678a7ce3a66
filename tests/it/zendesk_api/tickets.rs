//! What a ticket of the REST API becomes, with nulls, odd values and values that do not fit.

use serde_json::{Value, json};
use ticketsync::{
    domain::{Status, Ticket, TicketPriority, TicketType, Timestamp},
    zendesk::{Error, Unreadable},
};

use super::{Desk, id, page, ticket, user};
use crate::support::Reply;

/// 2025-01-08T10:12:07Z.
const UPDATED_AT_MICROS: i64 = 1_736_331_127_000_000;

/// What a ticket becomes that comes in with a readable neighbour.
async fn read(odd: &Value) -> Result<Ticket, Unreadable> {
    let desk = Desk::start([page(&[odd.clone(), ticket(6)], &[user(35_436)])]).await;
    let number = odd["id"].as_i64().unwrap();
    let mut fetched = desk.tickets(&[number, 6]).await.unwrap();
    assert!(fetched.tickets[&id(6)].is_ok());
    fetched.tickets.remove(&id(number)).unwrap()
}

fn with(field: &str, value: &Value) -> Value {
    let mut ticket = ticket(5);
    ticket[field] = value.clone();
    ticket
}

fn micros(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

#[tokio::test]
async fn all_22_fields_are_read() {
    let expected = Ticket {
        status: Status::Open,
        id: id(5),
        priority: Some(TicketPriority::High),
        ticket_type: Some(TicketType::Incident),
        updated_at: micros(UPDATED_AT_MICROS),
        assignee_id: Some(id(235_323)),
        brand_id: Some(id(47)),
        created_at: micros(UPDATED_AT_MICROS - 1_000_000),
        description: "It is on fire.".into(),
        due_at: None,
        external_id: Some("ahg35h3jh".into()),
        forum_topic_id: None,
        group_id: Some(id(98_738)),
        organization_id: Some(id(509_974)),
        problem_id: Some(id(9_873_764)),
        raw_subject: "{{dc.printer}}".into(),
        recipient: Some("support@example.com".into()),
        requester_id: id(35_436),
        subject: "The printer".into(),
        submitter_id: Some(id(76_872)),
        ticket_form_id: Some(id(2)),
        url: "https://acme.zendesk.com/api/v2/tickets/5.json".into(),
    };
    let read = read(&ticket(5)).await.unwrap();
    assert!(read == expected, "{:?}", read.changes_since(&expected));
}

#[tokio::test]
async fn every_field_but_id_and_requester_may_be_null_or_missing() {
    let all_null = {
        let mut ticket = ticket(5);
        for (field, value) in ticket.as_object_mut().unwrap() {
            if field != "id" && field != "requester_id" {
                *value = Value::Null;
            }
        }
        ticket
    };
    for bare in [all_null, json!({"id": 5, "requester_id": 35_436})] {
        let expected = Ticket {
            status: Status::New,
            id: id(5),
            priority: None,
            ticket_type: None,
            updated_at: Timestamp::EPOCH,
            assignee_id: None,
            brand_id: None,
            created_at: Timestamp::EPOCH,
            description: String::new(),
            due_at: None,
            external_id: None,
            forum_topic_id: None,
            group_id: None,
            organization_id: None,
            problem_id: None,
            raw_subject: String::new(),
            recipient: None,
            requester_id: id(35_436),
            subject: String::new(),
            submitter_id: None,
            ticket_form_id: None,
            url: String::new(),
        };
        let read = read(&bare).await.unwrap();
        assert!(read == expected, "{:?}", read.changes_since(&expected));
    }
}

#[tokio::test]
async fn of_two_times_one_stands_for_the_other() {
    let created = read(&with("updated_at", &Value::Null)).await.unwrap();
    assert_eq!(created.updated_at, micros(UPDATED_AT_MICROS - 1_000_000));
    let updated = read(&with("created_at", &Value::Null)).await.unwrap();
    assert_eq!(updated.created_at, micros(UPDATED_AT_MICROS));
}

#[tokio::test]
async fn ids_keep_all_their_digits() {
    for number in [12_345_678_901_234, 9_007_199_254_740_993, i64::MAX] {
        let mut long = ticket(number);
        long["assignee_id"] = json!(number - 1);
        let ticket = read(&long).await.unwrap();
        assert_eq!((ticket.id, ticket.assignee_id), (id(number), Some(id(number - 1))));
    }
}

#[tokio::test]
async fn a_deleted_ticket_is_read_as_deleted() {
    assert_eq!(read(&with("status", &json!("deleted"))).await.unwrap().status, Status::Deleted);
    assert_eq!(read(&with("status", &json!("HOLD"))).await.unwrap().status, Status::Hold);
}

#[tokio::test]
async fn a_character_that_no_database_keeps_is_dropped() {
    let ticket = read(&with("subject", &json!("nul\u{0}s"))).await.unwrap();
    assert_eq!(ticket.subject, "nuls");
}

#[tokio::test]
async fn a_ticket_that_does_not_fit_is_told_by_its_field_and_keeps_no_other_back() {
    let line = json!("a".repeat(Ticket::MAX_LINE_BYTES + 1));
    for (field, value) in [
        ("requester_id", json!(null)),
        ("requester_id", json!("nobody")),
        ("status", json!("archived")),
        ("status", json!(3)),
        ("priority", json!("critical")),
        ("type", json!("riddle")),
        ("updated_at", json!("yesterday")),
        ("created_at", json!(1_736_331_127)),
        ("due_at", json!("9999-99-99T00:00:00Z")),
        ("assignee_id", json!(-1)),
        ("assignee_id", json!(1.5)),
        ("group_id", json!(1e30)),
        ("brand_id", json!([1])),
        ("subject", line.clone()),
        ("raw_subject", line.clone()),
        ("external_id", line.clone()),
        ("recipient", line),
        ("subject", json!({"text": "x"})),
        ("description", json!("a".repeat(Ticket::MAX_DESCRIPTION_BYTES + 1))),
        ("url", json!("a".repeat(Ticket::MAX_URL_BYTES + 1))),
    ] {
        let unreadable = read(&with(field, &value)).await.unwrap_err();
        assert_eq!(unreadable.field, field);
        assert!(!unreadable.to_string().contains("yesterday"), "{unreadable}");
    }
}

#[tokio::test]
async fn what_no_value_can_hold_costs_its_ticket_and_no_other() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for odd in [r#""half a character: \ud83d""#, "1e999", &deep] {
        let mut body = json!({"tickets": [ticket(5), ticket(6)], "users": [user(35_436)]});
        body["tickets"][0]["tags"] = json!("odd");
        body["users"][0]["notes"] = json!("odd");
        let desk = Desk::start([Reply::new(200, body.to_string().replace("\"odd\"", odd))]).await;
        let fetched = desk.tickets(&[5, 6]).await.unwrap();
        assert_eq!(fetched.tickets[&id(5)].as_ref().unwrap_err().field, "ticket");
        assert!(fetched.tickets[&id(6)].is_ok());
        assert!(fetched.requesters.contains_key(&id(35_436)));
    }
}

#[tokio::test]
async fn an_answer_with_a_ticket_that_has_no_id_is_refused_whole() {
    for odd in [json!({"status": "open"}), json!({"id": null}), json!({"id": 0}), json!(null)] {
        let desk = Desk::start([page(&[ticket(5), odd], &[user(35_436)])]).await;
        assert!(matches!(desk.tickets(&[5]).await, Err(Error::Unavailable { .. })));
    }
}

#[tokio::test]
async fn an_answer_without_tickets_is_not_taken_for_one_with_none() {
    for body in [json!({}), json!({"tickets": null}), json!({"tickets": {}}), json!([]), json!("")]
    {
        let desk = Desk::start([Reply::json(&body)]).await;
        assert!(matches!(desk.tickets(&[5]).await, Err(Error::Unavailable { .. })), "{body}");
    }
    let desk = Desk::start([page(&[], &[])]).await;
    assert!(desk.tickets(&[5]).await.unwrap().tickets.is_empty());
}
