//! Rules 5 and 6: the newest version wins, and the log records newly observed states.

use ticketsync::proto::v1::{EventOutcome, TicketField, TriggerEvent, TriggerKind};

use super::{log, start, ticket};
use crate::support::{created, on_both_engines, updated};

on_both_engines! {
    async fn a_created_event_is_logged_once_per_ticket(db: Database) {
        let (services, connected) = start(&db).await;
        let first = services.apply(&connected, created("e1", 1)).await;
        assert_eq!((first.outcome(), first.position), (EventOutcome::Created, Some(1)));
        let second = services.apply(&connected, created("e2", 1).at(60).subject("Again")).await;
        assert_eq!(second.outcome(), EventOutcome::Updated, "a second one counts as an update");
        let kinds: Vec<_> = log(&services).await.iter().map(TriggerEvent::kind).collect();
        assert_eq!(kinds, [TriggerKind::TicketCreated, TriggerKind::TicketUpdated]);
        services.stop().await;
    }

    async fn a_late_created_event_is_logged_with_the_object_as_it_stands(db: Database) {
        let (services, connected) = start(&db).await;
        let adopted = services.apply(&connected, updated("e2", 1, 60).subject("Newer")).await;
        assert_eq!((adopted.outcome(), adopted.position), (EventOutcome::Adopted, None));
        let late = services.apply(&connected, created("e1", 1).subject("Older")).await;
        assert_eq!((late.outcome(), late.position), (EventOutcome::Created, Some(1)));
        assert_eq!(log(&services).await[0].ticket.as_ref().unwrap().subject, "Newer");
        assert_eq!(ticket(&services, &connected, 1).await.unwrap().subject, "Newer");
        services.stop().await;
    }

    async fn a_change_is_logged_with_the_fields_and_their_previous_values(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1)).await;
        let change = updated("e2", 1, 60).with(|ticket| {
            ticket.subject = "New".into();
            ticket.assignee_id = Some(5);
        });
        services.apply(&connected, change).await;
        let event = log(&services).await.pop().unwrap();
        let fields: Vec<_> = event.changed_fields().collect();
        let expected = [TicketField::UpdatedAt, TicketField::AssigneeId, TicketField::Subject];
        assert_eq!(fields, expected);
        let previous = event.previous_values.unwrap();
        assert_eq!((previous.subject.as_str(), previous.assignee_id), ("Help", None));
        assert_eq!(previous.description, "", "what did not change is unset");
        services.stop().await;
    }

    async fn five_hints_of_one_action_are_one_trigger(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1)).await;
        for hint in 0..5 {
            let event = updated(&format!("h{hint}"), 1, 60).subject("Once").observed_at(60 + hint);
            let answer = services.apply(&connected, event).await;
            let first = if hint == 0 { EventOutcome::Updated } else { EventOutcome::Unchanged };
            assert_eq!(answer.outcome(), first);
        }
        assert_eq!(log(&services).await.len(), 2);
        services.stop().await;
    }

    async fn a_newer_updated_at_alone_is_a_change(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1)).await;
        let answer = services.apply(&connected, updated("e2", 1, 1)).await;
        assert_eq!(answer.outcome(), EventOutcome::Updated);
        services.stop().await;
    }

    async fn an_older_version_changes_nothing(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e1", 1)).await;
        services.apply(&connected, updated("e3", 1, 60).subject("Newest")).await;
        let stale = services.apply(&connected, updated("e2", 1, 30).subject("Older")).await;
        assert_eq!((stale.outcome(), stale.position), (EventOutcome::Stale, None));
        assert_eq!(ticket(&services, &connected, 1).await.unwrap().subject, "Newest");
        services.stop().await;
    }

    async fn ties_are_decided_by_observation_and_then_by_the_event_id(db: Database) {
        let (services, connected) = start(&db).await;
        services.apply(&connected, created("e5", 1).subject("e5")).await;
        let answers = [
            (updated("e4", 1, 0).subject("e4"), EventOutcome::Stale),
            (updated("e6", 1, 0).subject("e6"), EventOutcome::Updated),
            (updated("e10", 1, 0).subject("e10"), EventOutcome::Stale),
            (updated("a1", 1, 0).observed_at(1).subject("a1"), EventOutcome::Updated),
        ];
        for (event, outcome) in answers {
            assert_eq!(services.apply(&connected, event).await.outcome(), outcome);
        }
        assert_eq!(ticket(&services, &connected, 1).await.unwrap().subject, "a1");
        services.stop().await;
    }

    async fn two_connections_share_ticket_ids_without_sharing_tickets(db: Database) {
        let (services, connected) = start(&db).await;
        let other = db.active_connection("acme").await;
        services.apply(&connected, created("e1", 1).subject("Ours")).await;
        services.apply(&other, created("e1", 1).subject("Theirs")).await;
        assert_eq!(ticket(&services, &connected, 1).await.unwrap().subject, "Ours");
        assert_eq!(ticket(&services, &other, 1).await.unwrap().subject, "Theirs");
        services.stop().await;
    }
}
