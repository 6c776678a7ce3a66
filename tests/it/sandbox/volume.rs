//! The small Zendesk with as much in it as a long test puts there.

use std::collections::HashSet;

use serde_json::json;
use ticketsync::{clock, sandbox::zendesk::DeskOptions};

use super::{
    desk::{HelpDesk, letter},
    receiver::Receiver,
};

/// Changes so many that a cost which grows with the contents would keep the suite waiting for
/// minutes.
const TICKETS: usize = 20_000;

#[tokio::test]
async fn twenty_thousand_tickets_are_written_changed_and_exported() {
    let zendesk = HelpDesk::start_with(DeskOptions::default()).await;
    let store = &zendesk.desk.store;
    for number in 0..TICKETS {
        let address = format!("customer{}@example.com", number % 1_000);
        let input = serde_json::from_value(letter("Somebody", Some(&address))).unwrap();
        let ticket = store.create_ticket(&zendesk.desk.url, &input, clock::now()).unwrap();
        let change = serde_json::from_value(json!({ "status": "open" })).unwrap();
        store.update_ticket(ticket.id, &change, clock::now()).unwrap();
    }
    let users: HashSet<i64> = store.all().iter().map(|(_, user)| user.id).collect();
    assert_eq!(users.len(), 1_000);

    let mut seen = HashSet::new();
    let mut path = "start_time=946684800".to_owned();
    loop {
        let url = format!("/api/v2/incremental/tickets/cursor.json?{path}");
        let page = zendesk.read(&url).await;
        let ids = page["tickets"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap());
        seen.extend(ids);
        path = format!("cursor={}", page["after_cursor"].as_str().unwrap());
        if page["end_of_stream"] == true {
            break;
        }
    }
    assert_eq!(seen.len(), TICKETS);
}

#[tokio::test]
async fn two_thousand_events_are_delivered_each_once() {
    let zendesk = HelpDesk::start().await;
    let receiver = Receiver::willing().await;
    zendesk.subscribe(&receiver, &["created"]).await;
    let input = serde_json::from_value(letter("Somebody", Some("somebody@example.com"))).unwrap();
    for _ in 0..2_000 {
        zendesk.desk.store.create_ticket(&zendesk.desk.url, &input, clock::now()).unwrap();
    }
    zendesk.all_delivered().await;
    let ids: HashSet<String> =
        receiver.received().iter().map(|it| it.json()["id"].to_string()).collect();
    assert_eq!((ids.len(), receiver.received().len()), (2_000, 2_000));
}
