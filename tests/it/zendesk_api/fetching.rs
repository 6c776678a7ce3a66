//! Fetching tickets with their requesters: which calls are made, and what comes of them.

use serde_json::json;
use ticketsync::zendesk::{Error, MAX_IDS, Rate};

use super::{Desk, TOKEN, id, page, ticket, user};
use crate::support::Reply;

#[tokio::test]
async fn tickets_and_their_requesters_come_in_one_call() {
    let users = [user(35_436), user(7)];
    let desk = Desk::start([page(&[ticket(5), ticket(6)], &users)]).await;
    let fetched = desk.tickets(&[6, 5]).await.unwrap();
    assert_eq!(fetched.tickets.keys().map(|id| id.get()).collect::<Vec<_>>(), [5, 6]);
    let requester = &fetched.requesters[&id(35_436)];
    assert_eq!(requester.email.as_ref().unwrap().as_str(), "ann@example.com");
    assert_eq!(requester.name, "Ann");
    let path = "GET /acme/api/v2/tickets/show_many.json?ids=6,5&include=users";
    assert_eq!(desk.paths(), [path]);
    assert_eq!(desk.asked()[0].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn requesters_that_did_not_come_along_are_named_and_can_be_asked_for() {
    let with_requester = |number, requester: i64| {
        let mut ticket = ticket(number);
        ticket["requester_id"] = json!(requester);
        ticket
    };
    let tickets = [with_requester(1, 10), with_requester(2, 11), with_requester(3, 11)];
    let desk = Desk::start([
        page(&tickets, &[user(10)]),
        Reply::json(&json!({"users": [{"id": 11, "name": "Bob", "email": null}]})),
    ])
    .await;
    let fetched = desk.tickets(&[1, 2, 3]).await.unwrap();
    assert_eq!(fetched.missing_requesters(), [id(11)]);
    let users = desk.users(&[11]).await.unwrap().requesters;
    assert_eq!((users.len(), &users[&id(11)].email), (1, &None));
    let paths = desk.paths();
    assert_eq!(paths.len(), 2, "each asks once: {paths:?}");
    assert_eq!(paths[1], "GET /acme/api/v2/users/show_many.json?ids=11");
    assert_eq!(desk.asked()[1].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn a_requester_whom_nobody_knows_is_missing() {
    for users in [json!({}), json!({"users": null}), json!({"users": []})] {
        let mut first = json!({"tickets": [ticket(5)]});
        first.as_object_mut().unwrap().extend(users.as_object().unwrap().clone());
        let none = Reply::json(&json!({"users": []}));
        let desk = Desk::start([Reply::json(&first), none]).await;
        let fetched = desk.tickets(&[5]).await.unwrap();
        assert!(fetched.tickets[&id(5)].is_ok() && fetched.requesters.is_empty());
        assert_eq!(fetched.missing_requesters(), [id(35_436)]);
        assert!(desk.users(&[35_436]).await.unwrap().requesters.is_empty());
    }
}

#[tokio::test]
async fn an_answer_without_users_is_none() {
    let desk = Desk::start([Reply::new(503, ""), Reply::json(&json!({"count": 1}))]).await;
    for _ in 0..2 {
        assert!(matches!(desk.users(&[5]).await, Err(Error::Unavailable { .. })));
    }
}

#[tokio::test]
async fn a_deleted_ticket_is_left_out_and_one_not_asked_for_too() {
    let desk = Desk::start([page(&[ticket(5), ticket(99)], &[user(35_436)])]).await;
    let fetched = desk.tickets(&[5, 6]).await.unwrap();
    assert_eq!(fetched.tickets.into_keys().collect::<Vec<_>>(), [id(5)]);
}

#[tokio::test]
async fn no_call_is_made_for_nothing_or_for_too_much() {
    let desk = Desk::start([]).await;
    assert!(desk.tickets(&[]).await.unwrap().tickets.is_empty());
    assert!(desk.users(&[]).await.unwrap().requesters.is_empty());
    let ids: Vec<i64> = (1..).take(MAX_IDS + 1).collect();
    let too_many = Error::TooManyIds { count: 101, limit: 100 };
    assert_eq!(desk.tickets(&ids).await.unwrap_err(), too_many);
    assert_eq!(desk.users(&ids).await.unwrap_err(), too_many);
    assert!(desk.asked().is_empty());
}

#[tokio::test]
async fn a_hundred_tickets_of_the_largest_size_are_read() {
    let largest = |number: i64| {
        let mut ticket = ticket(number);
        ticket["description"] = json!("\"\n".repeat(32 * 1024));
        ticket
    };
    let tickets: Vec<_> = (1..=100).map(largest).collect();
    let desk = Desk::start([page(&tickets, &[user(35_436)])]).await;
    let ids: Vec<i64> = (1..=100).collect();
    let fetched = desk.tickets(&ids).await.unwrap();
    assert_eq!(fetched.tickets.values().filter(|ticket| ticket.is_ok()).count(), 100);
}

#[tokio::test]
async fn what_is_left_of_the_limit_is_told() {
    let limited = |reply: Reply, limit: &str, remaining: &str| {
        reply.header("X-Rate-Limit", limit).header("X-Rate-Limit-Remaining", remaining)
    };
    let whole = || page(&[ticket(5)], &[user(35_436)]);
    let desk = Desk::start([
        limited(whole(), "700", "699"),
        limited(whole(), "700", "a few"),
        limited(whole(), "-1", "5"),
        whole(),
        limited(Reply::json(&json!({"users": [user(35_436)]})), "700", "697"),
    ])
    .await;
    for remaining in [Some(699), None, None, None] {
        let rate = desk.tickets(&[5]).await.unwrap().rate;
        assert_eq!(rate, remaining.map(|remaining| Rate { limit: 700, remaining }));
    }
    let rate = desk.users(&[35_436]).await.unwrap().rate;
    assert_eq!(rate, Some(Rate { limit: 700, remaining: 697 }));
}
