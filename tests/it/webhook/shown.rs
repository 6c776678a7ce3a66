//! What callers of the API see of hints, and of the events that they become.

use reqwest::StatusCode;
use ticketsync::proto::v1::{
    DisconnectRequest, Event, EventOutcome, EventSource, GetEventRequest, RefetchTicketsRequest,
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::waiting;
use crate::support::{
    Clients, Connected, Hook, Replica, created, field, on_both_engines, reason, zendesk_event,
};

async fn event(
    clients: &Clients,
    to: &Connected,
    source: EventSource,
    id: &str,
) -> Result<Event, Status> {
    let request = GetEventRequest {
        account_id: to.account_id.clone(),
        connection_id: to.connection_id.clone(),
        event_id: id.into(),
        event_source: source.into(),
    };
    Ok(clients.ingest.clone().get_event(request).await?.into_inner())
}

async fn refetch(
    clients: &Clients,
    to: &Connected,
    tickets: impl IntoIterator<Item = i64>,
) -> Result<Vec<String>, Status> {
    let request = RefetchTicketsRequest {
        account_id: to.account_id.clone(),
        connection_id: to.connection_id.clone(),
        ticket_ids: tickets.into_iter().collect(),
    };
    Ok(clients.ingest.clone().refetch_tickets(request).await?.into_inner().event_ids)
}

on_both_engines! {
    async fn a_hint_that_waits_is_told_of_and_a_producers_event_of_its_name_is_another(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let (hook, clients) = (Hook::of(service.http, &to), service.clients().await);
        assert_eq!(hook.post(&zendesk_event("e1", "created", 7)).await, StatusCode::OK);
        let result = clients.send(&to, created("e1", 8)).await.unwrap();
        assert_eq!(result.outcome(), EventOutcome::Created);

        let hint = event(&clients, &to, EventSource::Zendesk, "e1").await.unwrap();
        assert_eq!((hint.event_id.as_str(), hint.event_source()), ("e1", EventSource::Zendesk));
        assert_eq!(hint.result, None);
        let waits = hint.hint.unwrap();
        assert_eq!((waits.ticket_id, waits.attempt_count), (7, 0));
        assert_eq!(waits.event_time.unwrap().seconds, 1_736_331_127);
        assert_eq!(waits.next_attempt_time, hint.receive_time);
        for source in [EventSource::Unspecified, EventSource::Producer] {
            let produced = event(&clients, &to, source, "e1").await.unwrap();
            assert_eq!(produced.event_source(), EventSource::Producer);
            assert_eq!((produced.result.unwrap().ticket_id, produced.hint), (8, None));
        }
        let unknown = event(&clients, &to, EventSource::Service, "e1").await.unwrap_err();
        assert_eq!(reason(&unknown), "EVENT_NOT_FOUND");
        let log = clients.log("acme").await;
        assert_eq!(log[0].event_source(), EventSource::Producer);
        // No producer can speak for Zendesk.
        let forged = clients.send(&to, created("zendesk e1", 9)).await.unwrap_err();
        assert_eq!(field(&forged), "event.event_id");
        let mut request = GetEventRequest { event_id: "e1".into(), ..GetEventRequest::default() };
        (request.account_id, request.connection_id) = (to.account_id.clone(), to.connection_id.clone());
        request.event_source = 99;
        let refused = clients.ingest.clone().get_event(request).await.unwrap_err();
        assert_eq!((refused.code(), field(&refused)), (Code::InvalidArgument, "event_source".into()));
    }

    async fn a_ticket_that_is_gone_for_ever_is_erased_without_a_fetch(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let (hook, clients) = (Hook::of(service.http, &to), service.clients().await);
        clients.send(&to, created("e1", 7)).await.unwrap();
        let gone = zendesk_event("e2", "permanently_deleted", 7);
        for _ in 0..2 {
            assert_eq!(hook.post(&gone).await, StatusCode::OK);
        }
        assert_eq!(waiting(&db).await, 0);
        let applied = event(&clients, &to, EventSource::Zendesk, "e2").await.unwrap();
        assert_eq!(applied.result.unwrap().outcome(), EventOutcome::Erased);
        assert!(clients.log("acme").await[0].erased);
    }

    async fn tickets_that_are_to_be_fetched_again_wait_as_hints_of_the_service(db: Database) {
        let to = db.active_connection("acme").await;
        let service = Replica::start(db.url()).await;
        let clients = service.clients().await;
        let ids = refetch(&clients, &to, [7, 8, 7]).await.unwrap();
        assert_eq!(waiting(&db).await, 3);
        for (id, ticket) in ids.iter().zip([7, 8, 7]) {
            Uuid::parse_str(id).unwrap();
            let hint = event(&clients, &to, EventSource::Service, id).await.unwrap();
            assert_eq!(hint.hint.unwrap().ticket_id, ticket);
        }
        assert_eq!(refetch(&clients, &to, 1..=100).await.unwrap().len(), 100);
        for (tickets, at_fault) in [
            (vec![], "ticket_ids"),
            ((1..=101).collect(), "ticket_ids"),
            (vec![1, 0], "ticket_ids[1]"),
            (vec![-1], "ticket_ids[0]"),
        ] {
            let refused = refetch(&clients, &to, tickets).await.unwrap_err();
            assert_eq!((refused.code(), field(&refused).as_str()), (Code::InvalidArgument, at_fault));
        }
        let unknown = Connected { connection_id: Uuid::new_v4().to_string(), ..to.clone() };
        assert_eq!(reason(&refetch(&clients, &unknown, [1]).await.unwrap_err()), "CONNECTION_NOT_FOUND");
        let mut session = db.session().await;
        session.execute("update connections set state = 'disconnected'").await;
        session.close().await;
        assert_eq!(reason(&refetch(&clients, &to, [1]).await.unwrap_err()), "CONNECTION_NOT_ACTIVE");
        assert_eq!(waiting(&db).await, 103);
    }

    async fn ending_a_connection_discards_and_counts_what_waits(db: Database) {
        let (to, other) =
            (Hook::registered(&db, "acme").await, Hook::registered(&db, "acme").await);
        let service = Replica::start(db.url()).await;
        let clients = service.clients().await;
        let hook = Hook::of(service.http, &to);
        for n in 1..=3 {
            let told = zendesk_event(&format!("e{n}"), "created", n);
            assert_eq!(hook.post(&told).await, StatusCode::OK);
            assert_eq!(Hook::of(service.http, &other).post(&told).await, StatusCode::OK);
        }
        let request = DisconnectRequest {
            account_id: to.account_id.clone(),
            connection_id: to.connection_id.clone(),
            delete_tickets: false,
        };
        let mut connections = clients.connections.clone();
        let ended = connections.disconnect(request.clone()).await.unwrap().into_inner();
        assert_eq!(ended.discarded_hint_count, 3);
        assert_eq!(waiting(&db).await, 3, "the other connection's");
        let again = connections.disconnect(request).await.unwrap().into_inner();
        assert_eq!(again.discarded_hint_count, 0);
        assert_eq!(hook.post(&zendesk_event("e4", "created", 4)).await, StatusCode::NOT_FOUND);
    }
}
