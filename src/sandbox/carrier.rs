//! A producer of the platform: reads what changed at the help desk and tells the service.

use std::collections::{HashMap, HashSet};

use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use tonic::transport::Channel;
use uuid::Uuid;

use super::{
    error::{Error, Result},
    snapshot,
    zendesk::{Ticket, User},
};
use crate::{
    clock,
    domain::Timestamp,
    proto::v1::{
        IngestTicketEventsRequest, TicketEvent, TicketEventKind,
        ingest_service_client::IngestServiceClient, ingest_ticket_events_response::Answer,
    },
};

/// The start of the first export: the first day of 2000, before anything at the help desk.
const EXPORT_START: &str = "start_time=946684800";
/// How many pages one collection reads at most: far more than a sandbox fills, and an end for a
/// cursor that never reaches one.
const MAX_PAGES: usize = 1_000;

/// The carrier of one connection.
pub struct Carrier {
    http: reqwest::Client,
    desk_url: String,
    api_token: String,
    ingest: IngestServiceClient<Channel>,
    account_id: String,
    connection_id: String,
    started_at: Timestamp,
    /// What makes event ids differ from those of earlier runs.
    run: String,
    event_count: u64,
    cursor: Option<String>,
    seen: HashSet<i64>,
}

/// An event and what the service answered.
pub struct Delivery {
    pub event: TicketEvent,
    pub answer: Answer,
}

#[derive(Deserialize)]
struct Page {
    tickets: Vec<Ticket>,
    users: Vec<User>,
    after_cursor: String,
    end_of_stream: bool,
}

impl Carrier {
    /// Has read nothing yet.
    pub fn new(
        desk_url: &str,
        api_token: String,
        ingest: IngestServiceClient<Channel>,
        account_id: &str,
        connection_id: &str,
    ) -> Result<Self> {
        let run = Uuid::new_v4().simple().to_string();
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            desk_url: desk_url.to_owned(),
            api_token,
            ingest,
            account_id: account_id.to_owned(),
            connection_id: connection_id.to_owned(),
            started_at: clock::now(),
            run: run[..8].to_owned(),
            event_count: 0,
            cursor: None,
            seen: HashSet::new(),
        })
    }

    /// Reads what changed since the last call, each ticket as it stands now.
    pub async fn collect(&mut self) -> Result<Vec<TicketEvent>> {
        let mut events = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = self.read_page().await?;
            let users: HashMap<i64, &User> =
                page.users.iter().map(|user| (user.id, user)).collect();
            for ticket in &page.tickets {
                let requester = users.get(&ticket.requester_id).copied();
                events.push(self.event(ticket, requester));
            }
            if page.end_of_stream {
                return Ok(events);
            }
        }
        Err(Error::Unexpected("the help desk's export has no end".into()))
    }

    /// Sends events on one stream; gives the answers in the order of the events.
    pub async fn deliver(&mut self, events: Vec<TicketEvent>) -> Result<Vec<Delivery>> {
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
        let mut deliveries = Vec::with_capacity(events.len());
        for event in events {
            let answer = answers.message().await?.and_then(|answer| answer.answer);
            let answer = answer
                .ok_or_else(|| Error::Unexpected("the service left an event unanswered".into()))?;
            deliveries.push(Delivery { event, answer });
        }
        Ok(deliveries)
    }

    async fn read_page(&mut self) -> Result<Page> {
        let start = self
            .cursor
            .as_ref()
            .map_or(EXPORT_START.to_owned(), |cursor| format!("cursor={cursor}"));
        let url = format!(
            "{}/api/v2/incremental/tickets/cursor.json?{start}&include=users",
            self.desk_url
        );
        let request =
            self.http.get(url).header(AUTHORIZATION, format!("Bearer {}", self.api_token));
        let page: Page = request.send().await?.error_for_status()?.json().await?;
        self.cursor = Some(page.after_cursor.clone());
        Ok(page)
    }

    fn event(&mut self, ticket: &Ticket, requester: Option<&User>) -> TicketEvent {
        let unseen = self.seen.insert(ticket.id);
        let started_at_second = self.started_at.as_micros() / 1_000_000;
        let kind = if ticket.deleted() {
            TicketEventKind::Deleted
        } else if unseen && ticket.created_at.as_second() >= started_at_second {
            TicketEventKind::Created
        } else {
            TicketEventKind::Updated
        };
        self.event_count += 1;
        TicketEvent {
            event_id: format!("{}-{}", self.run, self.event_count),
            kind: kind.into(),
            event_time: Some(snapshot::time(clock::now())),
            ticket: Some(snapshot::ticket(ticket)),
            requester: requester.map(snapshot::requester),
        }
    }
}
