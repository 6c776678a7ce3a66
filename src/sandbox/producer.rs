//! A producer of the platform: tells the service over gRPC what it has seen of a ticket.

use tonic::transport::Channel;
use uuid::Uuid;

use super::{
    error::{Error, Result},
    people::Customer,
    snapshot,
    zendesk::Ticket,
};
use crate::{
    clock,
    proto::v1::{
        Connection, IngestTicketEventsRequest, Requester, TicketEvent, TicketEventKind,
        ingest_service_client::IngestServiceClient, ingest_ticket_events_response::Answer,
    },
};

/// The producer of one connection.
pub struct Producer {
    ingest: IngestServiceClient<Channel>,
    account_id: String,
    connection_id: String,
    /// What makes event ids differ from those of earlier runs.
    run: String,
    event_count: u64,
}

/// An event and what the service answered.
pub struct Sent {
    pub event: TicketEvent,
    pub answer: Answer,
}

impl Producer {
    /// Has seen nothing yet.
    #[must_use]
    pub fn new(ingest: IngestServiceClient<Channel>, connection: &Connection) -> Self {
        Self {
            ingest,
            account_id: connection.account_id.clone(),
            connection_id: connection.connection_id.clone(),
            run: Uuid::new_v4().simple().to_string(),
            event_count: 0,
        }
    }

    /// The event of a ticket that is seen to have changed, just now.
    pub fn saw(&mut self, ticket: &Ticket, requester: Customer) -> TicketEvent {
        self.event_count += 1;
        TicketEvent {
            event_id: format!("{}-{}", self.run, self.event_count),
            kind: TicketEventKind::Updated.into(),
            event_time: Some(snapshot::time(clock::now())),
            ticket: Some(snapshot::ticket(ticket)),
            requester: Some(Requester {
                id: ticket.requester_id,
                email: requester.email.unwrap_or_default().to_owned(),
                name: requester.name.to_owned(),
            }),
        }
    }

    /// Sends events on one stream; gives the answers in the order of the events.
    pub async fn send(&mut self, events: Vec<TicketEvent>) -> Result<Vec<Sent>> {
        let requests: Vec<IngestTicketEventsRequest> = events
            .iter()
            .map(|event| IngestTicketEventsRequest {
                account_id: self.account_id.clone(),
                connection_id: self.connection_id.clone(),
                event: Some(event.clone()),
            })
            .collect();
        let mut answers =
            self.ingest.ingest_ticket_events(tokio_stream::iter(requests)).await?.into_inner();
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let answer = answers.message().await?.and_then(|answer| answer.answer);
            let answer = answer
                .ok_or_else(|| Error::Unexpected("the service left an event unanswered".into()))?;
            sent.push(Sent { event, answer });
        }
        Ok(sent)
    }
}
