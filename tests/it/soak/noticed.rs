//! What the soak's checks find, where there is something to find.

use std::{collections::BTreeSet, net::SocketAddr};

use serde_json::json;
use ticketsync::{
    clock,
    domain::{SYNC_TAG, Timestamp},
    proto::v1::{Contact, SyncedTicket, Ticket, TicketField, TriggerEvent, TriggerKind},
    sandbox::{
        compare::{Profile, compare},
        zendesk::{Desk, DeskOptions, OAuthClient, RequestRecord},
    },
};

use super::checks::{
    FETCH, TOKENS, fetched_by_two_at_once, tokens_were_lost_by_a_kill, unsound, wrongly_announced,
};

/// A fetch of these tickets by the replica that calls this port, from then until then.
fn fetch(port: u16, ids: &[i64], from: i64, to: Option<i64>) -> RequestRecord {
    let at = |micros| Timestamp::from_micros(micros).unwrap();
    RequestRecord {
        method: "GET".into(),
        path: FETCH.into(),
        ids: ids.to_vec(),
        token_id: None,
        user_agent: String::new(),
        peer: None,
        called: Some(SocketAddr::from(([127, 0, 0, 1], port))),
        started_at: at(from),
        ended_at: to.map(at),
        status: Some(200),
    }
}

fn trigger(position: i64, kind: TriggerKind, ticket_id: i64, second: i64) -> TriggerEvent {
    let time = Some(prost_types::Timestamp { seconds: second, nanos: 0 });
    TriggerEvent {
        position,
        kind: kind.into(),
        connection_id: "one".into(),
        ticket_id,
        event_time: time,
        ticket: Some(Ticket { id: ticket_id, updated_at: time, ..Ticket::default() }),
        changed_fields: vec![TicketField::UpdatedAt.into()],
        ..TriggerEvent::default()
    }
}

fn updated(position: i64, ticket_id: i64, second: i64) -> TriggerEvent {
    trigger(position, TriggerKind::TicketUpdated, ticket_id, second)
}

fn created(position: i64, ticket_id: i64) -> TriggerEvent {
    trigger(position, TriggerKind::TicketCreated, ticket_id, 1)
}

/// The one breach of a log, which says so.
#[track_caller]
fn one_breach(log: &[TriggerEvent], says: &str) {
    let breaches = unsound(log);
    assert!(breaches.len() == 1 && breaches[0].contains(says), "{breaches:?}");
}

#[test]
fn a_ticket_that_two_replicas_fetch_at_once_is_noticed() {
    let first = fetch(1, &[5, 6], 10, Some(20));
    for other in [(19, Some(30)), (10, Some(20)), (11, None), (12, Some(13))] {
        let found = fetched_by_two_at_once(&[first.clone(), fetch(2, &[6, 7], other.0, other.1)]);
        assert!(found.len() == 1 && found[0].starts_with("#6 "), "{other:?}: {found:?}");
    }
    let cut_off = fetch(1, &[5], 10, None);
    assert_eq!(fetched_by_two_at_once(&[fetch(2, &[5], 90, Some(99)), cut_off]).len(), 1);
}

#[test]
fn fetches_one_after_the_other_by_one_replica_or_of_other_tickets_are_none_at_once() {
    let first = fetch(1, &[5, 6], 10, Some(20));
    let webhooks =
        RequestRecord { path: "/api/v2/webhooks".into(), ..fetch(2, &[5], 12, Some(18)) };
    for other in [
        fetch(2, &[6], 20, Some(30)),
        fetch(2, &[6], 1, Some(10)),
        fetch(1, &[6], 12, Some(18)),
        fetch(2, &[7], 12, Some(18)),
        webhooks,
    ] {
        let found = fetched_by_two_at_once(&[first.clone(), other]);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn tokens_that_no_kill_took_are_noticed() {
    const SECOND: i64 = 1_000_000;
    let token = |status, from: i64, to| RequestRecord {
        path: TOKENS.into(),
        status,
        ..fetch(1, &[], from * SECOND, Some(to * SECOND))
    };
    let lost = |status, killed_at: i64| {
        let calls = [token(Some(200), 1, 1), token(status, 10, 11), token(Some(400), 80, 80)];
        let killed_at = Timestamp::from_micros(killed_at * SECOND).unwrap();
        tokens_were_lost_by_a_kill(&calls, &[killed_at])
    };
    assert!(lost(None, 11) && lost(Some(200), 11) && lost(Some(200), 13));
    assert!(!lost(None, 12), "its caller was gone before that kill");
    assert!(!lost(Some(200), 14) && !lost(Some(200), 9) && !lost(Some(500), 11));
    let stored = [token(Some(200), 1, 1), token(Some(200), 10, 11)];
    assert!(!tokens_were_lost_by_a_kill(&stored, &[Timestamp::EPOCH]));
}

#[test]
fn a_trigger_that_comes_twice_is_noticed() {
    one_breach(&[created(1, 5), created(2, 5)], "created twice");
    let again = TriggerEvent { event_time: updated(3, 5, 9).event_time, ..updated(3, 5, 2) };
    one_breach(&[created(1, 5), updated(2, 5, 2), again], "to one state twice");
    let unchanged = TriggerEvent { changed_fields: Vec::new(), ..updated(1, 5, 2) };
    one_breach(&[unchanged], "without a change");
}

#[test]
fn a_hole_and_a_step_back_are_noticed() {
    one_breach(&[created(1, 5), updated(3, 5, 2)], "position 3 stands in place of 2");
    one_breach(&[updated(1, 5, 3), updated(2, 5, 2)], "backwards");
}

#[test]
fn a_log_that_is_as_it_should_be_has_no_breach() {
    let elsewhere = TriggerEvent { connection_id: "other".into(), ..created(4, 5) };
    let log = [created(1, 5), updated(2, 5, 2), updated(3, 5, 3), elsewhere, created(5, 6)];
    assert_eq!(unsound(&log), Vec::<String>::new());
}

#[test]
fn a_ticket_that_nobody_is_told_of_or_too_late_is_noticed() {
    let log = [created(1, 5), updated(2, 6, 2), created(3, 7)];
    let set = |ids: &[i64]| ids.iter().copied().collect::<BTreeSet<i64>>();
    let breaches = |connection, new: &[i64], waiting: &[i64], old: &[i64]| {
        wrongly_announced(&log, connection, &set(new), &set(waiting), &set(old)).len()
    };
    assert_eq!(breaches("one", &[5, 7], &[], &[6]), 0);
    assert_eq!(breaches("one", &[5, 6], &[], &[]), 1);
    assert_eq!(breaches("one", &[5, 6], &[6], &[]), 0, "it is told once the address is known");
    assert_eq!(breaches("one", &[5], &[5], &[7]), 1);
    assert_eq!(breaches("other", &[5, 7], &[], &[]), 2, "another connection's");
}

#[test]
fn a_ticket_that_differs_is_missing_or_too_much_is_noticed() {
    let client =
        OAuthClient { id: String::new(), secret: String::new(), redirect_url: String::new() };
    let at = SocketAddr::from(([127, 0, 0, 1], 1));
    let desk = Desk::open("acme", at, client, DeskOptions::default()).unwrap();
    let letter = json!({
        "requester": { "name": "Sanne", "email": "sanne@example.com" },
        "comment": { "body": "Hello" },
    });
    let input = serde_json::from_value(letter).unwrap();
    let id = desk.store.create_ticket(&desk.url, &input, clock::now()).unwrap().id;
    let differences = |email: &str, ids: &[i64]| {
        let tickets = ids.iter().map(|id| SyncedTicket {
            connection_id: "one".into(),
            ticket: Some(Ticket { id: *id, ..Ticket::default() }),
            ..SyncedTicket::default()
        });
        let tags = vec![SYNC_TAG.to_owned()];
        let contact = Contact { email: email.into(), tags, ..Contact::default() };
        let profile = Profile { contact, tickets: tickets.collect() };
        compare(&desk.store, "one", &[profile]).unwrap().differences.join("\n")
    };
    let found = differences("sanne@example.com", &[id]);
    assert!(found.contains(&format!("#{id} status: \"new\" at the help desk")), "{found}");
    assert!(differences("other@example.com", &[id]).contains("stands in other@example.com's"));
    assert!(differences("sanne@example.com", &[]).contains("stands in no ticket object"));
    assert!(differences("sanne@example.com", &[id, 9]).contains("#9 is not at the help desk"));
}
