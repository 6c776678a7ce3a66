//! Fetched tickets: how a ticket began, and tickets that are no longer there.

use std::sync::Arc;

use serde_json::{Value, json};
use ticketsync::{
    clock,
    domain::{
        Answer, ConnectionKey, CreatedDetail, Effect, Email, EventId, EventSource, Hint, HintKind,
        Outcome, Requester, Settled, Shown, Ticket, TicketFetch, Timestamp, WaitingHint,
    },
    proto::v1::{TriggerEvent, TriggerKind},
    store::{BatchKeys, Lane},
};

use super::{log, object, parked, start};
use crate::support::{Connected, Services, created, on_both_engines, time, updated};

/// A moment, in seconds after the start of 2025.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(time(seconds).seconds * 1_000_000).unwrap()
}

/// Ticket 1 of this requester, who has this address; empty for none.
fn shown(updated_at: i64, email: &str, requester_id: i64) -> Shown {
    let ticket = json!({
        "status": "open", "id": 1, "updated_at": at(updated_at), "created_at": at(0),
        "requester_id": requester_id, "description": "", "raw_subject": "", "subject": "fetched",
        "url": "",
    });
    let ticket: Ticket = serde_json::from_value(ticket).unwrap();
    let email = Email::try_from(email.to_owned()).ok();
    let requester = Requester { id: ticket.requester_id, email, name: "Ann".into() };
    Shown::Ticket { ticket: Arc::new(ticket), requester }
}

fn hint(id: &str, kind: HintKind, updated_at: i64) -> Hint {
    Hint {
        id: EventId::of(EventSource::Zendesk, id.into()).unwrap(),
        ticket_id: 1.try_into().unwrap(),
        kind,
        occurred_at: Some(at(updated_at)),
        updated_at: Some(at(updated_at)),
        detail: None,
    }
}

/// The hint of a new ticket, at second 0, that tells this of it.
fn told(id: &str, detail: Value) -> Hint {
    let told = CreatedDetail { updated_at: Some(at(0)), ..serde_json::from_value(detail).unwrap() };
    Hint { detail: Some(told), ..hint(id, HintKind::Created, 0) }
}

/// Settles a hint by a fetch at this second, and applies what comes of it.
async fn fetched(
    services: &Services,
    connected: &Connected,
    hint: Hint,
    started_at: i64,
    shown: Shown,
) -> Effect {
    let connection = ConnectionKey {
        account: connected.account_id.clone().try_into().unwrap(),
        connection: connected.connection_id.parse().unwrap(),
    };
    let fetch = TicketFetch {
        connection: &connection,
        ticket_id: 1.try_into().unwrap(),
        started_at: at(started_at),
        shown,
        known: None,
    };
    let settled = fetch.settle(vec![WaitingHint::new(hint, at(0))]).remove(0);
    let Settled::Apply { event, .. } = settled else { panic!("it waits: {settled:?}") };
    let mut lane = Lane::new(services.store.clone());
    let mut tx = lane.begin().await.unwrap();
    let mut set = tx.load_batch(BatchKeys::of([&event])).await.unwrap();
    let answer = set.apply(event, clock::now(), &mut rand::random).unwrap();
    tx.save_batch(&mut set, clock::now()).await.unwrap();
    tx.commit().await.unwrap();
    match answer {
        Answer::Applied(effect) | Answer::Duplicate(effect) => effect,
    }
}

/// The log as kinds and subjects.
async fn story(services: &Services) -> Vec<(TriggerKind, String)> {
    let told = |event: TriggerEvent| (event.kind(), event.ticket.unwrap().subject);
    log(services).await.into_iter().map(told).collect()
}

fn created_then_updated() -> Vec<(TriggerKind, String)> {
    vec![
        (TriggerKind::TicketCreated, "told".into()),
        (TriggerKind::TicketUpdated, "fetched".into()),
    ]
}

on_both_engines! {
    async fn a_ticket_that_changed_before_it_was_fetched_is_logged_as_it_began(db: Database) {
        let (services, connected) = start(&db).await;
        let made = told("h1", json!({"subject": "told"}));
        let effect =
            fetched(&services, &connected, made.clone(), 61, shown(30, "ann@x.example", 7)).await;
        assert_eq!((effect.outcome, effect.position.unwrap().get()), (Outcome::Created, 1));
        assert_eq!(story(&services).await, created_then_updated());

        let again = fetched(&services, &connected, made, 62, shown(30, "ann@x.example", 7)).await;
        assert_eq!(again, effect, "the same hint again is a duplicate");
        let other = told("h2", json!({"subject": "told"}));
        let second =
            fetched(&services, &connected, other, 63, shown(30, "ann@x.example", 7)).await;
        assert_eq!(second.outcome, Outcome::Unchanged, "a ticket is created once");
        assert_eq!(story(&services).await, created_then_updated());
        services.stop().await;
    }

    async fn a_change_within_the_second_of_the_creation_is_logged_too(db: Database) {
        let (services, connected) = start(&db).await;
        let made = told("h1", json!({"subject": "told"}));
        fetched(&services, &connected, made, 61, shown(0, "ann@x.example", 7)).await;
        assert_eq!(story(&services).await, created_then_updated());
        services.stop().await;
    }

    async fn a_ticket_that_is_as_it_began_is_one_event(db: Database) {
        let (services, connected) = start(&db).await;
        let made = told("h1", json!({"subject": "fetched"}));
        fetched(&services, &connected, made, 61, shown(0, "ann@x.example", 7)).await;
        assert_eq!(story(&services).await, [(TriggerKind::TicketCreated, "fetched".into())]);
        services.stop().await;
    }

    async fn a_creation_that_comes_late_is_logged_with_the_object_as_it_stands(db: Database) {
        let (services, connected) = start(&db).await;
        let change = hint("h2", HintKind::Changed, 30);
        fetched(&services, &connected, change, 61, shown(30, "ann@x.example", 7)).await;
        assert_eq!(story(&services).await, []);
        let made = told("h1", json!({"subject": "told"}));
        let effect = fetched(&services, &connected, made, 62, shown(30, "ann@x.example", 7)).await;
        assert_eq!(effect.outcome, Outcome::Created);
        assert_eq!(story(&services).await, [(TriggerKind::TicketCreated, "fetched".into())]);
        services.stop().await;
    }

    async fn a_creation_that_comes_late_takes_back_no_change_of_its_second(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, updated("e1", 1, 0).email("ann@x.example").observed_at(60)).await;
        let change = hint("h2", HintKind::Changed, 0);
        fetched(&services, &connected, change, 61, shown(0, "ann@x.example", 7)).await;
        let before = vec![(TriggerKind::TicketUpdated, "fetched".to_owned())];
        assert_eq!(story(&services).await, before);
        let made = told("h1", json!({"subject": "told"}));
        let effect = fetched(&services, &connected, made, 62, shown(0, "ann@x.example", 7)).await;
        assert_eq!(effect.outcome, Outcome::Created);
        let created = (TriggerKind::TicketCreated, "fetched".to_owned());
        assert_eq!(story(&services).await, [before, vec![created]].concat());
        services.stop().await;
    }

    async fn how_a_ticket_began_waits_with_it_for_the_requesters_address(db: Database) {
        let (services, connected) = start(&db).await;
        let made = told("h1", json!({"subject": "told"}));
        let effect = fetched(&services, &connected, made, 61, shown(30, "", 7)).await;
        assert_eq!(effect.outcome, Outcome::Parked);
        assert_eq!(parked(&services).await.len(), 1);
        services.apply(&connected, updated("e1", 2, 90).requester(7, "ann@x.example")).await;
        assert_eq!(story(&services).await, created_then_updated());
        assert_eq!(object(&services, "ann@x.example").await, [2, 1]);
        services.stop().await;
    }

    async fn an_absent_ticket_is_deleted_as_of_what_was_last_seen_of_it(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, updated("e1", 1, 100).email("ann@x.example")).await;
        let gone = hint("h1", HintKind::SoftDeleted, 50);
        let effect = fetched(&services, &connected, gone, 120, Shown::Absent).await;
        assert_eq!(effect.outcome, Outcome::Deleted, "though the hint tells of an older ticket");
        assert!(object(&services, "ann@x.example").await.is_empty());

        let before = updated("e2", 1, 100).email("ann@x.example").observed_at(119);
        services.apply(&connected, before).await;
        assert!(object(&services, "ann@x.example").await.is_empty(), "it was seen before that");

        let back = hint("h2", HintKind::Undeleted, 100);
        let there = shown(100, "ann@x.example", 901);
        let effect = fetched(&services, &connected, back, 130, there).await;
        assert_eq!(effect.outcome, Outcome::Restored, "though its updated_at is the same");
        assert_eq!(object(&services, "ann@x.example").await, [1]);
        assert_eq!(story(&services).await, []);
        services.stop().await;
    }

    async fn what_was_seen_later_outlives_an_absence_seen_before(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).email("ann@x.example").observed_at(200)).await;
        let gone = hint("h1", HintKind::Changed, 0);
        let effect = fetched(&services, &connected, gone, 120, Shown::Absent).await;
        assert_eq!(effect.outcome, Outcome::Stale);
        assert_eq!(object(&services, "ann@x.example").await, [1]);
        services.stop().await;
    }

    async fn a_ticket_never_seen_that_is_absent_leaves_word_that_it_was_deleted(db: Database) {
        let (services, connected) = start(&db).await;
        let gone = hint("h1", HintKind::Created, 60);
        let effect = fetched(&services, &connected, gone, 61, Shown::Absent).await;
        assert_eq!((effect.outcome, effect.position), (Outcome::Deleted, None));
        let late = services.apply(&connected, created("e1", 1).email("ann@x.example")).await;
        assert_eq!(late.position, None, "nothing is logged of it: {late:?}");
        services.stop().await;
    }
}
