//! A bare service that reads the same messages on the same streams and answers without storing.

use futures::{StreamExt as _, stream::BoxStream};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};

use ticketsync::proto::v1::{
    Event, EventOutcome, EventResult, GetEventRequest, IngestTicketEventRequest,
    IngestTicketEventResponse, IngestTicketEventsRequest, IngestTicketEventsResponse,
    ListParkedEventsRequest, ListParkedEventsResponse, RefetchTicketsRequest,
    RefetchTicketsResponse, RetryParkedEventsRequest, RetryParkedEventsResponse, TicketEvent,
    ingest_service_server::{IngestService, IngestServiceServer},
    ingest_ticket_events_response::Answer,
};

/// The word that starts this program as the echo.
pub const ARGUMENT: &str = "echo";

/// Serves on a free port, which it prints, until it is killed.
pub async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    Server::builder()
        .add_service(IngestServiceServer::new(Echo))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
        .unwrap();
}

struct Echo;

#[tonic::async_trait]
impl IngestService for Echo {
    type IngestTicketEventsStream = BoxStream<'static, Result<IngestTicketEventsResponse, Status>>;

    async fn ingest_ticket_event(
        &self,
        request: Request<IngestTicketEventRequest>,
    ) -> Result<Response<IngestTicketEventResponse>, Status> {
        let event = request.into_inner().event.unwrap_or_default();
        Ok(Response::new(IngestTicketEventResponse { result: Some(result(&event)) }))
    }

    async fn ingest_ticket_events(
        &self,
        request: Request<Streaming<IngestTicketEventsRequest>>,
    ) -> Result<Response<Self::IngestTicketEventsStream>, Status> {
        let answers = request.into_inner().map(|message| {
            let event = message?.event.unwrap_or_default();
            let answer = Some(Answer::Result(result(&event)));
            Ok(IngestTicketEventsResponse { event_id: event.event_id, answer })
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn get_event(&self, _: Request<GetEventRequest>) -> Result<Response<Event>, Status> {
        Err(Status::unimplemented("echo"))
    }

    async fn list_parked_events(
        &self,
        _: Request<ListParkedEventsRequest>,
    ) -> Result<Response<ListParkedEventsResponse>, Status> {
        Err(Status::unimplemented("echo"))
    }

    async fn refetch_tickets(
        &self,
        _: Request<RefetchTicketsRequest>,
    ) -> Result<Response<RefetchTicketsResponse>, Status> {
        Err(Status::unimplemented("echo"))
    }

    async fn retry_parked_events(
        &self,
        _: Request<RetryParkedEventsRequest>,
    ) -> Result<Response<RetryParkedEventsResponse>, Status> {
        Err(Status::unimplemented("echo"))
    }
}

fn result(event: &TicketEvent) -> EventResult {
    EventResult {
        outcome: EventOutcome::Created.into(),
        ticket_id: event.ticket.as_ref().map_or(0, |ticket| ticket.id),
        contact_id: "00000000-0000-7000-8000-000000000000".into(),
        position: Some(1),
        ..EventResult::default()
    }
}
