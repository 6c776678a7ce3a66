//! Erasure: contents go from everywhere, tombstones stay.

use ticketsync::proto::v1::{
    EraseContactRequest, EraseContactResponse, EventOutcome, EventResult, GetEventRequest,
    StartPoint, TriggerEvent, tail_triggers_request::Start,
};
use tonic::Status;

use crate::{
    contact::by_email,
    support::{
        Connected, Database, Services, created, on_both_engines, permanently_deleted, reason, tail,
        updated,
    },
    ticket_object::{ids, ticket},
};

/// What stands in every content that is to go.
const MARK: &str = "very private";

async fn erase(services: &Services, contact_id: &str) -> Result<EraseContactResponse, Status> {
    let request = EraseContactRequest { account_id: "acme".into(), contact_id: contact_id.into() };
    Ok(services.contacts.clone().erase_contact(request).await?.into_inner())
}

async fn log(services: &Services) -> Vec<TriggerEvent> {
    let read = services.read(tail("acme", Start::StartPoint(StartPoint::Earliest.into()))).await;
    read.unwrap().into_iter().flat_map(|message| message.events).collect()
}

async fn event(services: &Services, connected: &Connected, event_id: &str) -> EventResult {
    let request = GetEventRequest {
        account_id: connected.account_id.clone(),
        connection_id: connected.connection_id.clone(),
        event_id: event_id.into(),
        ..GetEventRequest::default()
    };
    services.ingest.clone().get_event(request).await.unwrap().into_inner().result.unwrap()
}

/// Counts the rows that still hold what should be gone.
async fn traces(db: &Database, needle: &str) -> Vec<i64> {
    let mut session = db.session().await;
    let mut counts = Vec::new();
    for (table, columns) in [
        ("tickets", &["content"] as &[_]),
        ("triggers", &["ticket", "changes"]),
        ("parked_events", &["content"]),
        ("contact_values", &["value"]),
        ("contacts", &["email", "email_key", "name"]),
    ] {
        let held: Vec<String> =
            columns.iter().map(|column| format!("{column} like '%{needle}%'")).collect();
        let sql = format!("select count(*) from {table} where {}", held.join(" or "));
        counts.extend(session.integers(&sql).await);
    }
    session.close().await;
    counts
}

on_both_engines! {
    async fn an_erased_contact_leaves_no_contents_anywhere(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let first = created("e1", 1).subject(MARK);
        let contact = services.apply(&connected, first.clone()).await.contact_id;
        services.apply(&connected, created("e2", 2)).await;
        services.apply(&connected, updated("e3", 1, 60).subject("Other")).await;
        services.apply(&connected, updated("e4", 1, 10).subject(MARK)).await;
        let before = log(&services).await;

        let erased = erase(&services, &contact).await.unwrap();
        assert_eq!((erased.erased_ticket_count, erased.erased_trigger_count), (1, 2));
        assert_eq!(traces(&db, MARK).await, [0; 5]);
        assert_eq!(traces(&db, "r901@").await, [0; 5]);
        assert_eq!(
            reason(&by_email(&services, "r901@example.com").await.unwrap_err()),
            "CONTACT_NOT_FOUND"
        );
        assert!(ticket(&services, &connected, 1).await.is_err());
        assert!(ticket(&services, &connected, 2).await.is_ok(), "another contact's ticket stays");

        let after = log(&services).await;
        assert_eq!(after.len(), before.len());
        for (before, after) in before.into_iter().zip(after) {
            if before.ticket_id == 2 {
                assert_eq!(before, after);
                continue;
            }
            let contact = before.contact.clone().map(|mut contact| {
                (contact.email, contact.name) = (String::new(), String::new());
                contact
            });
            let empty = TriggerEvent {
                erased: true,
                contact,
                ticket: None,
                changed_fields: vec![],
                previous_values: None,
                ..before
            };
            assert_eq!(after, empty, "position, kind, ids and times stay");
        }
        services.stop().await;
    }

    async fn later_events_of_an_erased_ticket_answer_erased(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let first = services.apply(&connected, created("e1", 1)).await;
        erase(&services, &first.contact_id).await.unwrap();
        let later = services.apply(&connected, updated("e2", 1, 60)).await;
        assert_eq!((later.outcome(), later.contact_id.as_str()), (EventOutcome::Erased, ""));
        let stored = event(&services, &connected, "e1").await;
        assert_eq!((stored.outcome(), stored.contact_id.as_str()), (EventOutcome::Erased, ""));
        assert_eq!(stored.position, first.position, "the position stays");
        services.stop().await;
    }

    async fn after_an_erasure_a_new_ticket_makes_a_new_contact(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let old = services.apply(&connected, created("e1", 1)).await.contact_id;
        erase(&services, &old).await.unwrap();
        let event = created("e2", 2).requester(901, "r901@example.com");
        let new = services.apply(&connected, event).await.contact_id;
        assert_ne!(old, new);
        assert_eq!(ids(&services, &new).await, [2]);
        assert_eq!(reason(&erase(&services, &old).await.unwrap_err()), "CONTACT_NOT_FOUND");
        services.stop().await;
    }

    async fn what_a_ticket_held_of_the_contact_before_it_moved_on_is_erased_too(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let old = services.apply(&connected, created("e1", 1).subject(MARK)).await.contact_id;
        let moved = updated("e2", 1, 60).requester(77, "b@example.com");
        let new = services.apply(&connected, moved).await.contact_id;
        let erased = erase(&services, &old).await.unwrap();
        assert_eq!((erased.erased_ticket_count, erased.erased_trigger_count), (0, 1));
        assert_eq!(
            log(&services).await.iter().map(|event| event.erased).collect::<Vec<_>>(),
            [true, false]
        );
        assert_eq!(ids(&services, &new).await, [1]);
        services.stop().await;
    }

    async fn an_erasure_takes_parked_events_along_and_counts_them(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let contact = services.apply(&connected, created("e1", 1)).await.contact_id;
        let parked = updated("e2", 1, 60).requester(77, "").subject(MARK);
        assert_eq!(services.apply(&connected, parked).await.outcome(), EventOutcome::Parked);
        let other = created("e3", 3).requester(78, "");
        services.apply(&connected, other).await;
        assert_eq!(erase(&services, &contact).await.unwrap().erased_ticket_count, 1);
        assert_eq!(traces(&db, MARK).await, [0; 5]);
        let mut session = db.session().await;
        assert_eq!(session.integers("select count(*) from parked_events").await, [1]);
        assert_eq!(session.integers("select parked_count from accounts").await, [1]);
        session.close().await;
        services.stop().await;
    }

    async fn a_permanently_deleted_ticket_is_erased_and_its_contact_stays(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let contact = services.apply(&connected, created("e1", 1).subject(MARK)).await.contact_id;
        for at in 1..=5 {
            let event = updated(&format!("u{at}"), 1, at).subject(&format!("{MARK} {at}"));
            services.apply(&connected, event).await;
        }
        let gone = services.apply(&connected, permanently_deleted("p", 1, 90)).await;
        assert_eq!(gone.outcome(), EventOutcome::Erased);
        assert_eq!(traces(&db, MARK).await, [0; 5]);
        assert_eq!(log(&services).await.iter().filter(|event| event.erased).count(), 6);
        assert!(ids(&services, &contact).await.is_empty());
        assert_eq!(by_email(&services, "r901@example.com").await.unwrap().contact_id, contact);
        for id in ["e1", "u1", "u5", "p"] {
            assert_eq!(event(&services, &connected, id).await.outcome(), EventOutcome::Erased);
        }
        services.stop().await;
    }

    async fn erasing_is_for_the_account_s_own_contacts(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let contact = services.apply(&connected, created("e1", 1)).await.contact_id;
        for account in ["other", "nobody"] {
            if account == "other" {
                db.active_connection(account).await;
            }
            let request =
                EraseContactRequest { account_id: account.into(), contact_id: contact.clone() };
            let missing = services.contacts.clone().erase_contact(request).await.unwrap_err();
            assert_eq!(reason(&missing), "CONTACT_NOT_FOUND");
        }
        assert_eq!(ids(&services, &contact).await, [1]);
        services.stop().await;
    }
}
