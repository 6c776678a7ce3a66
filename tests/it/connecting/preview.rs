//! What a person is shown before a connection is finished.

use ticketsync::proto::v1::{
    EventPreview, PreviewEventsRequest, TriggerKind,
    connection_service_server::ConnectionService as _,
};
use tonic::{Code, Request, Status};

use super::{Service, field_at_fault, refusal};
use crate::support::on_both_engines;

async fn events(
    service: &Service,
    account: &str,
    connection: &str,
) -> Result<Vec<EventPreview>, Status> {
    let request =
        PreviewEventsRequest { account_id: account.into(), connection_id: connection.into() };
    let answer = service.api.preview_events(Request::new(request)).await?;
    Ok(answer.into_inner().events)
}

on_both_engines! {
    async fn the_events_that_start_automations_are_shown_with_what_they_hold(db: Database) {
        let service = Service::start(&db).await;
        let started = service.start_connection("acme", "acme").await.unwrap();
        let id = started.connection.unwrap().connection_id;
        let shown = events(&service, "acme", &id).await.unwrap();
        let kinds: Vec<_> = shown.iter().map(EventPreview::kind).collect();
        assert_eq!(kinds, [TriggerKind::TicketCreated, TriggerKind::TicketUpdated]);
        let names: Vec<_> = shown.iter().map(|event| event.name_nl.as_str()).collect();
        assert_eq!(names, ["Zendesk Support Ticket aangemaakt", "Zendesk Ticket bijgewerkt"]);
        assert_eq!(shown[0].zendesk_event_types, ["zen:event-type:ticket.created"]);
        assert_eq!(shown[1].zendesk_event_types.len(), 19);
        let none = |event: &EventPreview| event.zendesk_event_types.iter().all(|event_type| {
            !event_type.contains("delete")
        });
        assert!(shown.iter().all(none), "tickets leave and come back in silence");
        assert!(shown.iter().all(|event| event.ticket_fields.iter().copied().eq(1..=22)));
        assert_eq!(shown.iter().map(|event| event.has_previous_values).collect::<Vec<_>>(), [false, true]);
    }

    async fn nobody_is_shown_the_events_of_another_accounts_connection(db: Database) {
        let service = Service::start(&db).await;
        let started = service.start_connection("acme", "acme").await.unwrap();
        let id = started.connection.unwrap().connection_id;
        let not_found = (Code::NotFound, "CONNECTION_NOT_FOUND".to_owned());
        assert_eq!(refusal(events(&service, "other", &id).await), not_found);
        assert_eq!(field_at_fault(events(&service, "acme", "acme").await), "connection_id");
        assert_eq!(field_at_fault(events(&service, "", &id).await), "account_id");
    }
}
