//! Rule 11: an event id is applied once per connection.

use ticketsync::proto::v1::{EventOutcome, IngestTicketEventsRequest};
use tokio_stream::iter;

use super::{log, start, ticket};
use crate::support::{created, on_both_engines, reason, updated};

on_both_engines! {
    async fn a_second_delivery_answers_what_the_first_did(db: Database) {
        let (services, connected) = start(&db).await;
        let first = services.apply(&connected, created("e1", 1)).await;
        services.apply(&connected, updated("e2", 1, 60).subject("Later")).await;
        let again = services.apply(&connected, created("e1", 1)).await;
        assert_eq!(again.outcome(), EventOutcome::Duplicate);
        assert_eq!(again.first_outcome(), first.outcome());
        assert_eq!((again.position, again.contact_id), (first.position, first.contact_id));
        assert_eq!(log(&services).await.len(), 2);
        services.stop().await;
    }

    async fn the_same_id_with_other_content_is_refused(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1)).await;
        let other = created("e1", 1).subject("Other").request(&connected);
        let refused = services.ingest.clone().ingest_ticket_event(other).await.unwrap_err();
        assert_eq!(reason(&refused), "EVENT_ID_REUSED");
        assert_eq!(ticket(&services, &connected, 1).await.unwrap().subject, "Help");
        services.stop().await;
    }

    async fn a_rejected_event_takes_no_id(db: Database) {
        let (services, connected) = start(&db).await;
        let bad = created("e1", 1).with(|ticket| ticket.status = 99).request(&connected);
        let refused = services.ingest.clone().ingest_ticket_event(bad).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_FIELD");
        let answer = services.apply(&connected, created("e1", 1)).await;
        assert_eq!(answer.outcome(), EventOutcome::Created);
        services.stop().await;
    }

    async fn two_connections_may_use_one_id(db: Database) {
        let (services, connected) = start(&db).await;
        let other = db.active_connection("acme").await;
        for to in [&connected, &other] {
            let answer = services.apply(to, created("e1", 1)).await;
            assert_eq!(answer.outcome(), EventOutcome::Created);
        }
        services.stop().await;
    }

    async fn repeats_within_one_batch_are_applied_once(db: Database) {
        let (services, connected) = start(&db).await;
        let messages: Vec<IngestTicketEventsRequest> =
            (0..200).map(|at| created(&format!("e{}", at % 10), 1 + at % 10).message(&connected)).collect();
        let mut answers =
            services.ingest.clone().ingest_ticket_events(iter(messages)).await.unwrap().into_inner();
        let mut count = 0;
        while let Some(answer) = answers.message().await.unwrap() {
            assert_eq!(answer.event_id, format!("e{}", count % 10), "answered in order");
            count += 1;
        }
        assert_eq!(count, 200);
        assert_eq!(log(&services).await.len(), 10);
        services.stop().await;
    }
}
