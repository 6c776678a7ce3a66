//! `IngestService`: events in, their outcomes back.

mod stream;

use std::{fmt, str::FromStr};

use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    clock,
    domain::{EventSource, Invalid, Timestamp},
    error::{Error, Result},
    proto::v1::{self as pb, ingest_service_server::IngestService},
    rpc::{
        event, hint,
        page::Listing,
        request::{
            DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, account_id, connection_id, connection_key, page_size,
        },
    },
    service::{Batcher, Parked},
    store::{ParkedEvent, ParkedPlace, Store, StoredEvent},
};

/// The most parked events that one call tries again: they share one transaction.
const MAX_RETRIED: usize = 100;

/// Answers `IngestService`.
pub struct IngestApi {
    store: Store,
    batcher: Batcher,
    parked: Parked,
    stopping: CancellationToken,
}

impl IngestApi {
    /// Hands events to the batcher until the token is cancelled.
    pub const fn new(
        store: Store,
        batcher: Batcher,
        parked: Parked,
        stopping: CancellationToken,
    ) -> Self {
        Self { store, batcher, parked, stopping }
    }

    async fn ingest(
        &self,
        request: pb::IngestTicketEventRequest,
    ) -> Result<pb::IngestTicketEventResponse> {
        let pb::IngestTicketEventRequest { account_id, connection_id, event } = request;
        let connection = connection_key(account_id, &connection_id)?;
        let event = event::parse(connection, event, clock::now())?;
        let answer = self.batcher.apply(event).await?;
        Ok(pb::IngestTicketEventResponse { result: Some(answer.into()) })
    }

    async fn get(&self, request: pb::GetEventRequest) -> Result<pb::Event> {
        let connection = connection_key(request.account_id, &request.connection_id)?;
        let source = event::event_source(request.event_source)?;
        let id = event::event_id(source, request.event_id, "event_id")?;
        // The inbox first: a hint that leaves it just then is an event by the time that is looked for.
        let hint = match source {
            EventSource::Producer => None,
            EventSource::Zendesk | EventSource::Service => {
                self.store.hint(&connection, &id).await?
            }
        };
        if let Some(hint) = hint {
            return Ok(hint::waiting(&connection, hint));
        }
        if let Some(event) = self.store.event(&connection, &id).await? {
            return Ok(event.into());
        }
        match self.store.connection(&connection).await? {
            Some(_) => Err(Error::EventNotFound),
            None => Err(Error::ConnectionNotFound),
        }
    }

    async fn refetch(
        &self,
        request: pb::RefetchTicketsRequest,
    ) -> Result<pb::RefetchTicketsResponse> {
        let connection = connection_key(request.account_id, &request.connection_id)?;
        let now = clock::now();
        let hints = hint::of_tickets(&request.ticket_ids, now)?;
        let event_ids = hints.iter().map(|hint| hint.id.name().to_owned()).collect();
        self.batcher.store_hints(&connection, hints, now).await?;
        Ok(pb::RefetchTicketsResponse { event_ids })
    }

    async fn list_parked(
        &self,
        request: pb::ListParkedEventsRequest,
    ) -> Result<pb::ListParkedEventsResponse> {
        let account = account_id(request.account_id)?;
        let connection = match request.connection_id.as_str() {
            "" => None,
            id => Some(connection_id(id, "connection_id")?),
        };
        let size = page_size(request.page_size, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
        let listing = Listing::new(&account, "ListParkedEvents", &[&request.connection_id]);
        let after: Option<ParkedPlace> = listing.after(&request.page_token)?;
        let mut events =
            self.store.parked_events(&account, connection, after.as_ref(), size + 1).await?;
        let next_page_token = listing.cut(&mut events, size, |last| ParkedPlace {
            parked_at: last.parked_at,
            connection: last.connection,
            id: last.id.clone(),
        });
        let parked_events = events.into_iter().map(Into::into).collect();
        Ok(pb::ListParkedEventsResponse { parked_events, next_page_token })
    }

    async fn retry(
        &self,
        request: pb::RetryParkedEventsRequest,
    ) -> Result<pb::RetryParkedEventsResponse> {
        let connection = connection_key(request.account_id, &request.connection_id)?;
        if !(1..=MAX_RETRIED).contains(&request.event_ids.len()) {
            let problem = Invalid::new(format!("must hold 1 to {MAX_RETRIED} ids"));
            return Err(Error::invalid("event_ids", problem));
        }
        let source = event::event_source(request.event_source)?;
        let ids = request
            .event_ids
            .into_iter()
            .enumerate()
            .map(|(at, id)| event::event_id(source, id, &format!("event_ids[{at}]")))
            .collect::<Result<_>>()?;
        let events = self.parked.retry(connection, ids).await?;
        Ok(pb::RetryParkedEventsResponse { events: events.into_iter().map(Into::into).collect() })
    }
}

#[tonic::async_trait]
impl IngestService for IngestApi {
    type IngestTicketEventsStream =
        BoxStream<'static, Result<pb::IngestTicketEventsResponse, Status>>;

    async fn ingest_ticket_event(
        &self,
        request: Request<pb::IngestTicketEventRequest>,
    ) -> Result<Response<pb::IngestTicketEventResponse>, Status> {
        Ok(self.ingest(request.into_inner()).await?.into())
    }

    async fn ingest_ticket_events(
        &self,
        request: Request<Streaming<pb::IngestTicketEventsRequest>>,
    ) -> Result<Response<Self::IngestTicketEventsStream>, Status> {
        let answers =
            stream::answers(request.into_inner(), self.batcher.clone(), self.stopping.clone());
        Ok(Response::new(answers))
    }

    async fn get_event(
        &self,
        request: Request<pb::GetEventRequest>,
    ) -> Result<Response<pb::Event>, Status> {
        Ok(self.get(request.into_inner()).await?.into())
    }

    async fn refetch_tickets(
        &self,
        request: Request<pb::RefetchTicketsRequest>,
    ) -> Result<Response<pb::RefetchTicketsResponse>, Status> {
        Ok(self.refetch(request.into_inner()).await?.into())
    }

    async fn list_parked_events(
        &self,
        request: Request<pb::ListParkedEventsRequest>,
    ) -> Result<Response<pb::ListParkedEventsResponse>, Status> {
        Ok(self.list_parked(request.into_inner()).await?.into())
    }

    async fn retry_parked_events(
        &self,
        request: Request<pb::RetryParkedEventsRequest>,
    ) -> Result<Response<pb::RetryParkedEventsResponse>, Status> {
        Ok(self.retry(request.into_inner()).await?.into())
    }
}

impl From<StoredEvent> for pb::Event {
    fn from(event: StoredEvent) -> Self {
        let StoredEvent { connection, id, effect, received_at } = event;
        Self {
            connection_id: connection.to_string(),
            event_id: id.name().to_owned(),
            result: Some(effect.into()),
            receive_time: Some(received_at.into()),
            event_source: pb::EventSource::from(id.source()).into(),
            hint: None,
        }
    }
}

impl From<ParkedEvent> for pb::ParkedEvent {
    fn from(event: ParkedEvent) -> Self {
        let ParkedEvent { connection, id, kind, ticket_id, requester_id, observed_at, parked_at } =
            event;
        Self {
            connection_id: connection.to_string(),
            event_id: id.name().to_owned(),
            event_source: pb::EventSource::from(id.source()).into(),
            kind: pb::TicketEventKind::from(kind).into(),
            reason: pb::ParkReason::RequesterWithoutEmail.into(),
            ticket_id: ticket_id.get(),
            requester_id: requester_id.get(),
            event_time: Some(observed_at.into()),
            park_time: Some(parked_at.into()),
        }
    }
}

/// As it stands in a page token. The event id comes last: it may have a space.
impl fmt::Display for ParkedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.parked_at.as_micros(), self.connection, self.id)
    }
}

impl FromStr for ParkedPlace {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("is no place among parked events");
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().ok_or_else(bad);
        let parked_at = part()?.parse().map_err(|_| bad())?;
        Ok(Self {
            parked_at: Timestamp::from_micros(parked_at)?,
            connection: part()?.parse()?,
            id: part()?.to_owned().try_into()?,
        })
    }
}
