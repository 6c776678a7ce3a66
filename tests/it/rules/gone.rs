//! Rule 9: tickets that are deleted, come back, or are erased.

use ticketsync::proto::v1::{EventOutcome, TicketStatus};

use super::{log, object, outcome_of, parked, start, ticket};
use crate::support::{
    created, deleted, on_both_engines, permanently_deleted, reason, undeleted, updated,
};

on_both_engines! {
    async fn a_deleted_ticket_leaves_the_object_in_silence(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).email("ann@x.example")).await;
        let answer = services.apply(&connected, deleted("e2", 1, 60)).await;
        assert_eq!((answer.outcome(), answer.position), (EventOutcome::Deleted, None));
        assert!(object(&services, "ann@x.example").await.is_empty());
        assert_eq!(reason(&ticket(&services, &connected, 1).await.unwrap_err()), "TICKET_NOT_FOUND");
        assert_eq!(log(&services).await.len(), 1);
        services.stop().await;
    }

    async fn an_update_with_the_status_deleted_is_a_deletion(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1)).await;
        let gone = updated("e2", 1, 60).status(TicketStatus::Deleted);
        assert_eq!(services.apply(&connected, gone).await.outcome(), EventOutcome::Deleted);
        services.stop().await;
    }

    async fn a_ticket_that_comes_back_returns_in_silence(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1).email("ann@x.example")).await;
        services.apply(&connected, deleted("e2", 1, 60)).await;
        let back = undeleted("e3", 1, 90).email("ann@x.example").subject("Back");
        let answer = services.apply(&connected, back).await;
        assert_eq!((answer.outcome(), answer.position), (EventOutcome::Restored, None));
        assert_eq!(object(&services, "ann@x.example").await, [1]);
        assert_eq!(log(&services).await.len(), 1);
        services.stop().await;
    }

    async fn what_is_older_than_the_deletion_does_not_bring_the_ticket_back(db: Database) {
        let (services, connected) = start(&db).await;
        assert_eq!(
            services.apply(&connected, deleted("e3", 1, 60)).await.outcome(),
            EventOutcome::Deleted,
            "also of a ticket never seen"
        );
        let late = services.apply(&connected, created("e1", 1).email("ann@x.example")).await;
        assert_eq!((late.outcome(), late.position), (EventOutcome::Stale, None));
        assert!(object(&services, "ann@x.example").await.is_empty());
        assert!(log(&services).await.is_empty(), "not logged for a deleted ticket");
        services.stop().await;
    }

    async fn a_ticket_deleted_for_ever_loses_its_contents_everywhere(db: Database) {
        const CANARY: &str = "canary-7f3a";
        let (services, connected) = start(&db).await;
        let marked = |event: crate::support::Event| event.with(|ticket| {
            ticket.description = CANARY.into();
            ticket.subject = CANARY.into();
        });
        services.apply(&connected, marked(created("e1", 1))).await;
        services.apply(&connected, marked(updated("e2", 1, 30)).status(TicketStatus::Solved)).await;
        services.apply(&connected, marked(updated("e3", 1, 40).requester(8, ""))).await;
        assert_eq!(parked(&services).await, ["e3"]);
        let gone = services.apply(&connected, permanently_deleted("e4", 1, 60)).await;
        assert_eq!(gone.outcome(), EventOutcome::Erased);

        let events = log(&services).await;
        assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2]);
        for event in &events {
            assert!(event.erased && event.ticket.is_none() && event.previous_values.is_none());
        }
        assert!(parked(&services).await.is_empty());
        for id in ["e1", "e2", "e3"] {
            assert_eq!(outcome_of(&services, &connected, id).await, EventOutcome::Erased);
        }
        for event in [marked(updated("e5", 1, 90)), marked(created("e1", 1))] {
            services.apply(&connected, event).await;
        }
        let mut session = db.session().await;
        for (table, column) in
            [("tickets", "content"), ("triggers", "ticket"), ("triggers", "changes"), ("parked_events", "content")]
        {
            let sql = format!("select {column} from {table} where {column} like '%{CANARY}%'");
            assert!(session.texts(&sql).await.is_empty(), "{table}.{column}");
        }
        session.close().await;
        services.stop().await;
    }

    async fn later_events_of_an_erased_ticket_answer_erased(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, permanently_deleted("e1", 1, 0)).await;
        let answer = services.apply(&connected, created("e2", 1).at(60)).await;
        assert_eq!((answer.outcome(), answer.position), (EventOutcome::Erased, None));
        assert_eq!(answer.contact_id, "");
        services.stop().await;
    }
}
