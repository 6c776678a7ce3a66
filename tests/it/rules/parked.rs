//! Rule 8: requesters without an e-mail address.

use ticketsync::proto::v1::{EventOutcome, RetryParkedEventsRequest, TriggerKind};

use super::{contact, log, object, outcome_of, parked, start, ticket};
use crate::support::{created, on_both_engines, reason, updated};

on_both_engines! {
    async fn an_event_without_an_address_waits_and_is_listed(db: Database) {
        let (services, connected) = start(&db).await;
        let answer = services.apply(&connected, created("e1", 1).email("")).await;
        assert_eq!((answer.outcome(), answer.position), (EventOutcome::Parked, None));
        assert_eq!(parked(&services).await, ["e1"]);
        assert_eq!(reason(&ticket(&services, &connected, 1).await.unwrap_err()), "TICKET_NOT_FOUND");
        assert!(log(&services).await.is_empty());
        services.stop().await;
    }

    async fn the_address_releases_what_waits_in_version_order_first(db: Database) {
        let (services, connected) = start(&db).await;
        let of = |event: crate::support::Event| event.requester(7, "");
        services.apply(&connected, of(updated("e3", 1, 60).subject("Newest"))).await;
        services.apply(&connected, of(created("e1", 1))).await;
        services.apply(&connected, of(created("e2", 2).at(30))).await;
        let release = updated("e4", 3, 90).requester(7, "ann@x.example");
        assert_eq!(services.apply(&connected, release).await.outcome(), EventOutcome::Adopted);
        assert!(parked(&services).await.is_empty());
        assert_eq!(outcome_of(&services, &connected, "e1").await, EventOutcome::Created);
        assert_eq!(outcome_of(&services, &connected, "e2").await, EventOutcome::Created);
        assert_eq!(outcome_of(&services, &connected, "e3").await, EventOutcome::Updated);
        let order: Vec<_> = log(&services).await.into_iter().map(|event| event.event_id).collect();
        assert_eq!(order, ["e1", "e2", "e3"]);
        assert_eq!(object(&services, "ann@x.example").await, [3, 2, 1]);
        services.stop().await;
    }

    async fn what_was_superseded_ends_stale_but_a_created_one_is_still_logged(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).requester(7, "")).await;
        services.apply(&connected, updated("e2", 1, 30).requester(7, "")).await;
        services.apply(&connected, updated("e3", 1, 60).requester(8, "bob@x.example")).await;
        services.apply(&connected, created("e4", 2).at(90).requester(7, "ann@x.example")).await;
        assert_eq!(outcome_of(&services, &connected, "e1").await, EventOutcome::Created);
        assert_eq!(outcome_of(&services, &connected, "e2").await, EventOutcome::Stale);
        let first = &log(&services).await[0];
        assert_eq!((first.event_id.as_str(), first.kind()), ("e1", TriggerKind::TicketCreated));
        assert_eq!(first.contact.as_ref().unwrap().email, "bob@x.example", "the object as it stands");
        services.stop().await;
    }

    async fn a_new_requester_without_an_address_takes_the_ticket_out_at_once(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).requester(7, "ann@x.example")).await;
        services.apply(&connected, updated("e2", 1, 60).requester(8, "")).await;
        assert!(object(&services, "ann@x.example").await.is_empty());
        let between = updated("e3", 1, 30).requester(7, "ann@x.example");
        assert_eq!(services.apply(&connected, between).await.outcome(), EventOutcome::Updated);
        assert!(object(&services, "ann@x.example").await.is_empty(), "a newer state is known");
        services.apply(&connected, updated("e4", 2, 90).requester(8, "bob@x.example")).await;
        assert_eq!(object(&services, "bob@x.example").await, [2, 1]);
        services.stop().await;
    }

    async fn an_address_observed_before_serves_an_event_without_one(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).requester(7, "ann@x.example")).await;
        let answer = services.apply(&connected, updated("e2", 1, 60).requester(7, "")).await;
        assert_eq!(answer.outcome(), EventOutcome::Updated);
        let ann = contact(&services, "ann@x.example").await.unwrap();
        assert_eq!(answer.contact_id, ann.contact_id);
        services.stop().await;
    }

    async fn a_parked_event_sent_again_with_other_content_is_replaced(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).email("").subject("Draft")).await;
        let same = services.apply(&connected, created("e1", 1).email("").subject("Draft")).await;
        assert_eq!(same.outcome(), EventOutcome::Duplicate);
        assert_eq!(same.first_outcome(), EventOutcome::Parked);
        let again = services.apply(&connected, created("e1", 1).email("ann@x.example")).await;
        assert_eq!(again.outcome(), EventOutcome::Created);
        assert!(parked(&services).await.is_empty());
        assert_eq!(log(&services).await.len(), 1);
        assert_eq!(outcome_of(&services, &connected, "e1").await, EventOutcome::Created);
        services.stop().await;
    }

    async fn a_retry_leaves_parked_what_still_has_no_address(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).email("")).await;
        let retry = |ids: &[&str]| RetryParkedEventsRequest {
            account_id: connected.account_id.clone(),
            connection_id: connected.connection_id.clone(),
            event_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..RetryParkedEventsRequest::default()
        };
        let mut ingest = services.ingest.clone();
        let answer = ingest.retry_parked_events(retry(&["e1"])).await.unwrap().into_inner();
        let result = answer.events[0].result.as_ref().unwrap();
        assert_eq!(result.outcome(), EventOutcome::Parked);
        let refused = ingest.retry_parked_events(retry(&["e1", "e2"])).await.unwrap_err();
        assert_eq!(reason(&refused), "EVENT_NOT_FOUND");
        assert_eq!(parked(&services).await, ["e1"]);
        services.stop().await;
    }
}
