//! Requesters without an e-mail address, looked at again.

use std::{ops::RangeInclusive, sync::Arc};

use reqwest::Method;
use serde_json::{Value, json};
use ticketsync::{
    clock,
    domain::{
        Answer, EventBody, EventId, EventSource, HintKind, Observation, Outcome, Requester,
        Snapshot, SnapshotKind, Status, SyncProblem, Ticket, TicketEvent, Timestamp, TriggerKind,
        Version,
    },
};

use super::{
    Synced, hasty,
    scripted::{export, queries, users},
};
use crate::{
    support::{Reply, eventually, on_both_engines},
    zendesk_api::{page, ticket, user},
};

const TICKETS: &str = "tickets/show_many.json";
const USERS: &str = "users/show_many.json";
/// More than this is not read of an answer about users.
const MAX_USERS_BYTES: usize = 8 * 1024 * 1024;

/// Tickets as Zendesk shows them, each of a requester of the same number.
fn tickets(numbers: RangeInclusive<i64>) -> Vec<Value> {
    let numbered = |number: i64| {
        let mut ticket = ticket(number);
        ticket["requester_id"] = json!(number);
        ticket
    };
    numbers.map(numbered).collect()
}

/// Requesters as Zendesk shows them, each with an address of their own.
fn people(numbers: RangeInclusive<i64>) -> Vec<Value> {
    let numbered = |number: i64| {
        let mut user = user(number);
        user["email"] = json!(format!("{number}@x.example"));
        user
    };
    numbers.map(numbered).collect()
}

/// The ids that a call asked for.
fn ids(query: &str) -> Vec<i64> {
    let ids = query.trim_start_matches("ids=").split('&').next().unwrap();
    ids.split(',').map(|id| id.parse().unwrap()).collect()
}

fn all(numbers: RangeInclusive<i64>) -> Vec<i64> {
    numbers.collect()
}

impl Synced {
    /// Has a new ticket wait for the address of the requester of its number.
    async fn wait_for_address(&self, number: i64) {
        let (id, at) = (number.try_into().unwrap(), Timestamp::from_micros(1_000_000).unwrap());
        let content = json!({
            "status": Status::Open.as_str(), "id": id, "updated_at": at, "created_at": at,
            "requester_id": id, "description": "", "raw_subject": "", "subject": "", "url": "",
        });
        let ticket: Ticket = serde_json::from_value(content).unwrap();
        let requester = Requester { id, email: None, name: String::new() };
        let name = format!("parked-{number}");
        let event_id = EventId::of(EventSource::Producer, name).unwrap();
        let snapshot = Snapshot {
            kind: SnapshotKind::Created,
            ticket: Arc::new(ticket),
            requester,
            created_as: None,
        };
        let event = TicketEvent {
            connection: self.key.clone(),
            ticket_id: id,
            version: Version { updated_at: at, observed: Observation { at, event_id } },
            body: EventBody::Snapshot(Box::new(snapshot)),
            content_hash: [0; 32],
        };
        let answer = self.batcher.apply(event).await.unwrap();
        assert!(matches!(answer, Answer::Applied(effect) if effect.outcome == Outcome::Parked));
    }

    async fn count(&mut self, of: &str) -> i64 {
        self.session.integers(&format!("select count(*) from {of}")).await[0]
    }
}

on_both_engines! {
    async fn a_requester_who_has_an_address_by_now_gets_their_tickets(db: Database) {
        let mut synced = Synced::start(&db).await;
        eventually("the first export", async || synced.status().await.export_time).await;
        let id = synced.write("Ann", None).await;
        let other = synced.write("Bob", None).await;
        synced.hint("h1", HintKind::Created, id).await;
        synced.hint("h2", HintKind::Created, other).await;
        synced.drained().await;
        assert!(synced.ticket(id).await.is_none());
        let parked = synced.session.integers("select distinct ticket_id from parked_events").await;
        assert_eq!(parked.len(), 2);

        // The first round may be under way.
        synced.leave_alone().await;
        let ann = synced.desk.read(&format!("/api/v2/tickets/{id}.json")).await;
        let ann = ann["ticket"]["requester_id"].as_i64().unwrap();
        let change = json!({"user": {"email": "ann@x.example"}});
        let answer = synced.desk.person(Method::PUT, &format!("users/{ann}.json"), change).await;
        assert!(answer.status().is_success());
        synced
            .session
            .execute(
                "update upkeep
                    set requesters_due_at = 0, requesters_after = null, requesters_after_ticket = null",
            )
            .await;
        for _ in ["they are asked for", "what waits is fetched again"] {
            let claimed = synced.claim().await;
            synced.visit(claimed).await;
        }
        assert!(synced.ticket(id).await.is_some());
        assert_eq!(synced.log().await, [(TriggerKind::TicketCreated, id)]);
        let waiting = synced.session.integers("select distinct ticket_id from parked_events").await;
        assert_eq!(waiting, [other], "who has none still waits");
        let users = synced.calls("users/show_many.json").pop().unwrap();
        assert_eq!(users.ids.len(), 2, "both in one call");
        synced.stop().await;
    }

    async fn a_round_through_many_requesters_goes_on_where_it_failed_and_hints_at_nothing_twice(db: Database) {
        let replies = [
            export("one", true),
            users(&people(1..=100)),
            page(&tickets(1..=100), &people(1..=100)),
            Reply::new(503, ""),
            users(&people(101..=150)),
            page(&tickets(101..=150), &people(101..=150)),
        ];
        let (mut synced, script) = Synced::scripted(&db, hasty(), replies).await;
        eventually("the export", async || synced.status().await.export_time).await;
        synced.leave_alone().await;
        for number in 1..=150 {
            synced.wait_for_address(number).await;
        }
        synced.session.execute("update upkeep set requesters_due_at = 1").await;

        let claimed = synced.claim().await;
        let left = synced.visit(claimed).await;
        assert_eq!(queries(&script, USERS).len(), 1, "one call in a visit");
        assert_eq!(synced.count("inbox").await, 100);
        assert!(left.due_at.unwrap() < clock::now(), "it is to go on at once");
        let claimed = synced.claim().await;
        let left = synced.visit(claimed).await;
        assert_eq!(left.failure_count, 1, "the second call fails, after what the first released");
        assert_eq!(synced.count("parked_events").await, 50);
        for _ in 0..2 {
            let claimed = synced.claim().await;
            synced.visit(claimed).await;
        }
        let asked: Vec<Vec<i64>> = queries(&script, USERS).iter().map(|query| ids(query)).collect();
        assert_eq!(asked, [all(1..=100), all(101..=150), all(101..=150)]);
        let fetched: Vec<Vec<i64>> = queries(&script, TICKETS).iter().map(|query| ids(query)).collect();
        assert_eq!(fetched, [all(1..=100), all(101..=150)]);
        assert_eq!(synced.count("parked_events").await, 0);
        assert_eq!(synced.count("inbox").await, 0);
        assert_eq!(synced.count("events where event_id like 'service requester-%'").await, 150);
        let log = synced.log().await;
        let (created, updated): (Vec<_>, Vec<_>) =
            log.into_iter().partition(|(kind, _)| *kind == TriggerKind::TicketCreated);
        assert_eq!((created.len(), updated.len()), (150, 150), "what waited, and what it has become");
        let left = synced.store.upkeep(&synced.key).await.unwrap().unwrap();
        assert!(left.requesters_due_at.unwrap() > clock::now() && left.requesters_after.is_none());
        synced.stop().await;
    }

    async fn of_requesters_who_are_too_large_together_fewer_are_asked_for_and_one_alone_is_passed_over(db: Database) {
        let too_large = || Reply::new(200, vec![b' '; MAX_USERS_BYTES + 1]);
        let replies = [
            export("one", true),
            too_large(),
            too_large(),
            too_large(),
            users(&people(2..=4)),
            page(&tickets(2..=4), &people(2..=4)),
        ];
        let (mut synced, script) = Synced::scripted(&db, hasty(), replies).await;
        eventually("the export", async || synced.status().await.export_time).await;
        synced.leave_alone().await;
        for number in 1..=4 {
            synced.wait_for_address(number).await;
        }
        synced.session.execute("update upkeep set requesters_due_at = 1").await;
        let claimed = synced.claim().await;
        let left = synced.visit(claimed).await;
        assert!(left.due_at.unwrap() < clock::now(), "it is to go on at once");
        assert_eq!((left.failure_count, left.trouble), (0, None));
        for _ in ["the others are asked for", "what waits is fetched again"] {
            let claimed = synced.claim().await;
            synced.visit(claimed).await;
        }
        let asked: Vec<Vec<i64>> = queries(&script, USERS).iter().map(|query| ids(query)).collect();
        assert_eq!(asked, [all(1..=4), all(1..=2), all(1..=1), all(2..=4)]);
        let waiting = synced.session.integers("select distinct ticket_id from parked_events").await;
        assert_eq!(waiting, [1], "who is too large goes on waiting, and keeps nobody else waiting");
        let left = synced.store.upkeep(&synced.key).await.unwrap().unwrap();
        assert!(left.requesters_due_at.unwrap() > clock::now(), "until the next round");
        synced.stop().await;
    }

    async fn requesters_who_may_not_be_read_keep_nothing_else_from_going_on(db: Database) {
        let replies = [export("one", true), Reply::new(403, "")];
        let (mut synced, script) = Synced::scripted(&db, hasty(), replies).await;
        eventually("the export", async || synced.status().await.export_time).await;
        synced.leave_alone().await;
        synced.wait_for_address(1).await;
        synced.session.execute("update upkeep set requesters_due_at = 1").await;
        let claimed = synced.claim().await;
        let left = synced.visit(claimed).await;
        assert_eq!(queries(&script, USERS).len(), 1);
        assert_eq!((left.failure_count, left.paused_until), (0, Timestamp::EPOCH));
        assert_eq!(left.trouble.unwrap().problem, SyncProblem::Forbidden);
        assert!(left.requesters_due_at.unwrap() > clock::now(), "it is tried again later");
        assert_eq!(synced.count("parked_events").await, 1, "and what waits goes on waiting");
        synced.stop().await;
    }

    async fn a_call_that_is_made_again_in_the_same_round_hints_at_nothing_twice(db: Database) {
        let replies = [
            export("one", true),
            users(&people(1..=2)),
            Reply::new(503, ""),
            page(&tickets(1..=2), &[]),
            // They have lost their addresses since.
            users(&[]),
            users(&people(1..=2)),
        ];
        let (mut synced, _script) = Synced::scripted(&db, hasty(), replies).await;
        eventually("the export", async || synced.status().await.export_time).await;
        synced.leave_alone().await;
        for number in 1..=2 {
            synced.wait_for_address(number).await;
        }
        synced.session.execute("update upkeep set requesters_due_at = 1").await;
        for _ in 0..2 {
            let claimed = synced.claim().await;
            synced.visit(claimed).await;
        }
        assert_eq!(synced.count("inbox").await, 2, "the fetch failed");
        // As where the process is killed before it takes note of how far it is.
        let forget = "update upkeep set requesters_after = null, requesters_after_ticket = null";
        synced.session.execute(forget).await;
        let claimed = synced.claim().await;
        synced.visit(claimed).await;
        assert_eq!(synced.count("inbox").await, 0);
        assert_eq!(synced.count("events where event_id like 'service requester-%'").await, 2);
        assert_eq!(synced.count("parked_events where event_id like 'parked-%'").await, 2);
        synced.stop().await;
    }
}
