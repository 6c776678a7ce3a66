//! Rules 3, 4 and 7: contacts, their tag, and tickets that change hands.

use ticketsync::{
    domain::SYNC_TAG,
    proto::v1::{CreateContactRequest, EventOutcome, TicketField},
};

use super::{contact, log, object, start};
use crate::support::{created, on_both_engines, reason, updated};

on_both_engines! {
    async fn the_requester_becomes_a_contact_with_the_tag_and_their_name(db: Database) {
        let (services, connected) = start(&db).await;
        let answer = services.apply(&connected, created("e1", 1).email("Ann@X.example")).await;
        let ann = contact(&services, "ann@x.example").await.unwrap();
        assert_eq!(answer.contact_id, ann.contact_id);
        assert_eq!((ann.email.as_str(), ann.name.as_str()), ("Ann@X.example", "Ann Example"));
        assert_eq!(ann.tags, [SYNC_TAG]);
        services.stop().await;
    }

    async fn a_contact_of_the_platform_is_tagged_and_otherwise_left_alone(db: Database) {
        let (services, connected) = start(&db).await;
        let theirs = CreateContactRequest {
            account_id: "acme".into(),
            email: "ANN@x.example".into(),
            name: "Annie".into(),
        };
        let created_contact = services.contacts.clone().create_contact(theirs).await.unwrap();
        let before = created_contact.into_inner();
        assert!(before.tags.is_empty(), "not synced yet");
        services.apply(&connected, created("e1", 1).email(" ann@x.example ")).await;
        let after = contact(&services, "ann@x.example").await.unwrap();
        assert_eq!((&after.contact_id, &after.name), (&before.contact_id, &before.name));
        assert_eq!((after.email.as_str(), after.tags), ("ANN@x.example", vec![SYNC_TAG.to_owned()]));
        services.stop().await;
    }

    async fn requesters_who_share_an_address_share_the_contact(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).requester(71, "ann@x.example")).await;
        services.apply(&connected, created("e2", 2).requester(72, "ann@x.example")).await;
        let other = db.active_connection("acme").await;
        services.apply(&other, created("e1", 3).requester(71, "ANN@X.EXAMPLE")).await;
        assert_eq!(object(&services, "ann@x.example").await.len(), 3);
        services.stop().await;
    }

    async fn the_newest_observed_address_moves_all_tickets_without_a_trigger(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).requester(7, "old@x.example")).await;
        services.apply(&connected, created("e2", 2).requester(7, "old@x.example")).await;
        let same = updated("e3", 1, 0).requester(7, "new@x.example").observed_at(60);
        let answer = services.apply(&connected, same).await;
        assert_eq!((answer.outcome(), answer.position), (EventOutcome::Moved, None));
        let more = updated("e4", 1, 90).requester(7, "newer@x.example");
        assert_eq!(services.apply(&connected, more).await.outcome(), EventOutcome::Updated);
        assert!(object(&services, "old@x.example").await.is_empty());
        assert_eq!(object(&services, "newer@x.example").await, [2, 1]);
        assert_eq!(contact(&services, "old@x.example").await.unwrap().tags, [SYNC_TAG], "tags stay");
        services.stop().await;
    }

    async fn an_older_address_moves_nothing_but_its_contact_is_tagged_too(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).requester(7, "new@x.example").observed_at(60)).await;
        let late = updated("e2", 1, 0).requester(7, "old@x.example").observed_at(30);
        let answer = services.apply(&connected, late).await;
        assert_eq!(answer.outcome(), EventOutcome::Stale);
        assert_eq!(object(&services, "new@x.example").await, [1]);
        assert_eq!(contact(&services, "old@x.example").await.unwrap().tags, [SYNC_TAG]);
        services.stop().await;
    }

    async fn another_requester_takes_the_ticket_along_and_the_trigger_is_theirs(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).requester(7, "ann@x.example")).await;
        let answer =
            services.apply(&connected, updated("e2", 1, 60).requester(8, "bob@x.example")).await;
        assert_eq!(answer.outcome(), EventOutcome::Updated);
        assert!(object(&services, "ann@x.example").await.is_empty());
        assert_eq!(object(&services, "bob@x.example").await, [1]);
        let last = log(&services).await.pop().unwrap();
        assert_eq!(last.contact.as_ref().unwrap().email, "bob@x.example");
        assert!(last.changed_fields().any(|field| field == TicketField::RequesterId));
        assert_eq!(last.previous_values.unwrap().requester_id, 7);
        services.stop().await;
    }

    async fn a_contact_that_exists_is_not_created_again(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).email("ann@x.example")).await;
        let again = CreateContactRequest {
            account_id: "acme".into(),
            email: "ANN@x.example".into(),
            name: String::new(),
        };
        let refused = services.contacts.clone().create_contact(again).await.unwrap_err();
        assert_eq!(reason(&refused), "CONTACT_EXISTS");
        services.stop().await;
    }
}
