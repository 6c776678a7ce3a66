//! Both sides of each limit: what stands at it is taken, one more is refused.

use prost_types::Timestamp;
use ticketsync::clock;
use ticketsync::proto::v1::{
    AuthorizeConnectionRequest, GetTicketObjectRequest, ListConnectionsRequest,
    ListContactsRequest, ListParkedEventsRequest, ListTicketsRequest, Requester,
    RetryParkedEventsRequest, TicketEvent, authorize_connection_request::Decision,
};
use tonic::Status;

use super::{assert_refuses, rows, setting};
use crate::support::{
    Clients, Connected, Event, created, deleted, on_both_engines, permanently_deleted, reason,
    updated,
};

/// So many seconds after now, at the most a second more.
fn ahead(seconds: i64) -> Timestamp {
    Timestamp { seconds: clock::now().as_micros() / 1_000_000 + seconds, nanos: 0 }
}

/// Sets one of an event's times.
type SetTime = fn(&mut TicketEvent, Timestamp);

/// The times of an event that may lie at most 5 minutes ahead.
const TIMES: [(&str, SetTime); 3] = [
    ("event.event_time", |event, time| event.event_time = Some(time)),
    ("event.ticket.updated_at", |event, time| {
        event.ticket.as_mut().unwrap().updated_at = Some(time);
    }),
    ("event.ticket.created_at", |event, time| {
        event.ticket.as_mut().unwrap().created_at = Some(time);
    }),
];

fn with_time(id: &str, set: SetTime, time: Timestamp) -> Event {
    let mut event = created(id, 1);
    set(&mut event.0, time);
    event
}

async fn authorize(clients: &Clients, state: &str, decision: Decision) -> Status {
    let request = AuthorizeConnectionRequest {
        account_id: "acme".into(),
        state: state.into(),
        decision: Some(decision),
    };
    clients.connections.clone().authorize_connection(request).await.unwrap_err()
}

async fn retry(clients: &Clients, to: &Connected, event_ids: &[&str]) -> Status {
    let request = RetryParkedEventsRequest {
        account_id: to.account_id.clone(),
        connection_id: to.connection_id.clone(),
        event_ids: event_ids.iter().map(|id| (*id).to_owned()).collect(),
        ..RetryParkedEventsRequest::default()
    };
    clients.ingest.clone().retry_parked_events(request).await.unwrap_err()
}

/// What each list answers to a page of this size, given the most that it takes.
async fn lists(
    clients: &Clients,
    to: &Connected,
    contact_id: &str,
    size: fn(i32) -> i32,
) -> [Result<(), Status>; 5] {
    let (account_id, contact_id) = (to.account_id.clone(), contact_id.to_owned());
    let (page_size, page_token) = (size(1_000), String::new());
    let connections = ListConnectionsRequest {
        account_id: account_id.clone(),
        page_size,
        page_token: page_token.clone(),
    };
    let contacts = ListContactsRequest {
        account_id: account_id.clone(),
        page_size,
        page_token: page_token.clone(),
    };
    let parked = ListParkedEventsRequest {
        account_id: account_id.clone(),
        page_size,
        ..ListParkedEventsRequest::default()
    };
    let object = GetTicketObjectRequest {
        account_id: account_id.clone(),
        contact_id: contact_id.clone(),
        page_size,
        ..GetTicketObjectRequest::default()
    };
    let tickets = ListTicketsRequest { account_id, contact_id, page_size: size(100), page_token };
    [
        clients.connections.clone().list_connections(connections).await.map(drop),
        clients.contacts.clone().list_contacts(contacts).await.map(drop),
        clients.ingest.clone().list_parked_events(parked).await.map(drop),
        clients.contacts.clone().get_ticket_object(object).await.map(drop),
        clients.contacts.clone().list_tickets(tickets).await.map(drop),
    ]
}

on_both_engines! {
    async fn a_time_may_lie_five_minutes_ahead_and_no_more(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        for (path, set) in TIMES {
            // Between 5:01 and 5:02 when it is made: a second for the way.
            let late = with_time("late", set, ahead(302));
            assert_refuses(&clients.send(&to, late).await.unwrap_err(), path);
            clients.send(&to, with_time(path, set, ahead(299))).await.unwrap();
        }
    }

    async fn a_time_has_less_than_a_second_of_nanos_and_none_before_1970(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let before = rows(&db).await;
        for (path, set) in TIMES {
            for (seconds, nanos) in [(0, 1_000_000_000), (0, -1), (-1, 0), (-1, 999_999_999)] {
                let event = with_time("bad", set, Timestamp { seconds, nanos });
                assert_refuses(&clients.send(&to, event).await.unwrap_err(), path);
            }
        }
        assert_eq!(rows(&db).await, before, "nothing is stored");
        for (path, set) in TIMES {
            for time in [Timestamp { seconds: 0, nanos: 0 }, Timestamp { seconds: 0, nanos: 999_999_999 }] {
                let id = format!("{path}-{}", time.nanos);
                clients.send(&to, with_time(&id, set, time)).await.unwrap();
            }
        }
    }

    async fn an_account_id_has_64_characters_at_the_most(db: Database) {
        let (_service, clients, _) = setting(&db).await;
        let longest = db.active_connection(&"a".repeat(64)).await;
        clients.send(&longest, created("e1", 1)).await.unwrap();
        let longer = Connected { account_id: "a".repeat(65), ..longest };
        assert_refuses(&clients.send(&longer, created("e2", 2)).await.unwrap_err(), "account_id");
    }

    async fn a_requester_s_name_has_256_bytes_at_the_most(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let named = |id: &str, name: String| {
            let mut event = created(id, 1);
            event.0.requester.as_mut().unwrap().name = name;
            event
        };
        clients.send(&to, named("e1", "é".repeat(128))).await.unwrap();
        assert_eq!(clients.log("acme").await[0].contact.as_ref().unwrap().name, "é".repeat(128));
        let longer = format!("{}n", "é".repeat(128));
        let refused = clients.send(&to, named("e2", longer)).await.unwrap_err();
        assert_refuses(&refused, "event.requester.name");
    }

    async fn a_deletion_that_names_a_requester_names_a_sound_one(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let before = rows(&db).await;
        let sound = || Requester { id: 901, email: "r901@example.com".into(), name: "Ann".into() };
        let cases = [
            ("event.requester.id", Requester { id: 0, ..sound() }),
            ("event.requester.id", Requester { id: -1, ..sound() }),
            ("event.requester.email", Requester { email: "ann".into(), ..sound() }),
            ("event.requester.name", Requester { name: "n".repeat(257), ..sound() }),
            ("event.requester.name", Requester { name: "n\0".into(), ..sound() }),
        ];
        for event in [deleted("gone", 1, 5), permanently_deleted("gone", 1, 5)] {
            for (path, requester) in cases.clone() {
                let mut event = event.clone();
                event.0.requester = Some(requester);
                assert_refuses(&clients.send(&to, event).await.unwrap_err(), path);
            }
        }
        assert_eq!(rows(&db).await, before, "nothing is stored");
        let mut named = deleted("gone", 1, 5);
        named.0.requester = Some(sound());
        clients.send(&to, named).await.unwrap();
    }

    async fn a_page_has_as_many_items_as_the_contract_says_and_no_more(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let contact = clients.send(&to, created("e1", 1)).await.unwrap().contact_id;
        for size in [|_| 0, |_| 1, |most| most] {
            for answer in lists(&clients, &to, &contact, size).await {
                answer.unwrap();
            }
        }
        for size in [|_| -1, |most| most + 1, |_| i32::MAX, |_| i32::MIN] {
            for answer in lists(&clients, &to, &contact, size).await {
                assert_refuses(&answer.unwrap_err(), "page_size");
            }
        }
    }

    async fn what_a_browser_brings_back_has_1_024_bytes_at_the_most(db: Database) {
        let (_service, clients, _) = setting(&db).await;
        let before = rows(&db).await;
        let (longest, longer) = ("x".repeat(1_024), "x".repeat(1_025));
        let code: fn(String) -> Decision = Decision::Code;
        for (path, decision) in [("code", code), ("error", Decision::Error)] {
            let taken = authorize(&clients, &longest, decision(longest.clone())).await;
            assert_eq!(reason(&taken), "AUTHORIZATION_STATE_INVALID");
            let refused = authorize(&clients, &longer, decision("x".into())).await;
            assert_refuses(&refused, "state");
            let refused = authorize(&clients, "x", decision(longer.clone())).await;
            assert_refuses(&refused, path);
            let refused = authorize(&clients, "x", decision(String::new())).await;
            assert_refuses(&refused, path);
        }
        assert_eq!(rows(&db).await, before);
    }

    async fn one_to_a_hundred_parked_events_are_tried_again(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let park = |id: &str| updated(id, 1, 5).email("");
        clients.send(&to, park("e0")).await.unwrap();
        let ids: Vec<String> = (0..=100).map(|n| format!("e{n}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert_refuses(&retry(&clients, &to, &[]).await, "event_ids");
        assert_refuses(&retry(&clients, &to, &ids).await, "event_ids");
        assert_refuses(&retry(&clients, &to, &["e0", "e 1"]).await, "event_ids[1]");
        assert_refuses(&retry(&clients, &to, &["e0", "e1", ""]).await, "event_ids[2]");
        // A hundred pass the edge; most of them are not parked.
        assert_eq!(reason(&retry(&clients, &to, &ids[..100]).await), "EVENT_NOT_FOUND");
    }
}
