//! Follows what happens at the help desk: delivered, kept as a hint, fetched, and in the log.

use std::{collections::VecDeque, mem::take, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tonic::Code;

use super::{
    clients::Clients,
    error::Result,
    show::Show,
    tail::Tail,
    until::until,
    zendesk::{DeliveryRecord, Desk, Fate, TYPE_PREFIX},
};
use crate::proto::v1::{Connection, EventOutcome, EventSource, GetEventRequest};

/// How often it is looked what was delivered once the story is told: soon enough to seem at once.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many events are remembered as delivered before: one that comes twice does so soon.
const REMEMBERED: usize = 1_000;

/// Follows one connection.
pub struct Follower {
    desk: Desk,
    clients: Clients,
    account_id: String,
    connection_id: String,
    tail: Tail,
    next_delivery: u64,
    /// Delivered, and not known to be fetched yet.
    waiting: Vec<DeliveryRecord>,
    heard: VecDeque<String>,
}

/// What became of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    Applied(EventOutcome),
    /// It is gone: the connection was ended before its ticket was fetched.
    Discarded,
}

impl Follower {
    /// Follows what the help desk delivers from its start, and the log from its present end.
    pub async fn of(desk: Desk, clients: Clients, connection: &Connection) -> Result<Self> {
        let tail = Tail::open(clients.triggers.clone(), &connection.account_id).await?;
        Ok(Self {
            desk,
            clients,
            account_id: connection.account_id.clone(),
            connection_id: connection.connection_id.clone(),
            tail,
            next_delivery: 0,
            waiting: Vec::new(),
            heard: VecDeque::new(),
        })
    }

    /// Shows what happens until all is delivered, fetched and in the log; gives the deliveries that
    /// were stored meanwhile.
    pub async fn settle(&mut self, show: &mut Show) -> Result<Vec<DeliveryRecord>> {
        let mut stored = Vec::new();
        until("every change delivered and fetched", async || {
            // Asked first: what is delivered afterwards is seen by the next look.
            let all_sent = self.desk.waiting_deliveries() == 0;
            stored.extend(self.look(show).await?);
            Ok((all_sent && self.waiting.is_empty()).then_some(()))
        })
        .await?;
        Ok(stored)
    }

    /// Shows what was delivered since the last look, and what became of it since; gives what was
    /// stored.
    async fn look(&mut self, show: &mut Show) -> Result<Vec<DeliveryRecord>> {
        let (new, next) = self.desk.deliveries_since(self.next_delivery);
        self.next_delivery = next;
        let mut stored = Vec::new();
        for delivery in new {
            let again = self.heard.contains(&delivery.event_id);
            let kind =
                if again { format!("{}, again", kind(&delivery)) } else { kind(&delivery).into() };
            show.delivery(delivery.ticket_id, &kind, delivery.fate)?;
            if matches!(delivery.fate, Fate::Answered(200..=299)) && !again {
                self.remember(&delivery.event_id);
                stored.push(delivery);
            }
        }
        self.waiting.extend(stored.iter().cloned());
        self.look_at_hints(show).await?;
        Ok(stored)
    }

    async fn look_at_hints(&mut self, show: &mut Show) -> Result<()> {
        let looked_at = take(&mut self.waiting);
        let count = looked_at.len();
        for delivery in looked_at {
            match self.became(&delivery.event_id, EventSource::Zendesk).await? {
                Some(became) => show.fetched(delivery.ticket_id, kind(&delivery), became)?,
                None => self.waiting.push(delivery),
            }
        }
        if self.waiting.len() < count {
            self.show_triggers(show).await?;
        }
        Ok(())
    }

    /// What became of a hint; none while it waits.
    pub async fn became(&mut self, event_id: &str, source: EventSource) -> Result<Option<Became>> {
        let request = GetEventRequest {
            account_id: self.account_id.clone(),
            connection_id: self.connection_id.clone(),
            event_id: event_id.to_owned(),
            event_source: source.into(),
        };
        match self.clients.ingest.get_event(request).await {
            Ok(event) => {
                Ok(event.into_inner().result.map(|result| Became::Applied(result.outcome())))
            }
            Err(status) if status.code() == Code::NotFound => Ok(Some(Became::Discarded)),
            Err(status) => Err(status.into()),
        }
    }

    /// Shows the events that the log holds by now.
    pub async fn show_triggers(&mut self, show: &mut Show) -> Result<()> {
        for event in self.tail.catch_up().await? {
            show.trigger(&event)?;
        }
        Ok(())
    }

    /// Goes on showing what happens, until it is dropped.
    pub async fn go_on(&mut self, show: &mut Show) -> Result<()> {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => drop(self.look(show).await?),
                events = self.tail.next() => {
                    for event in events? {
                        show.trigger(&event)?;
                    }
                }
            }
        }
    }

    fn remember(&mut self, event_id: &str) {
        if self.heard.len() >= REMEMBERED {
            self.heard.pop_front();
        }
        self.heard.push_back(event_id.to_owned());
    }
}

/// The last part of the type of a delivery's event, such as `status_changed`.
fn kind(delivery: &DeliveryRecord) -> &str {
    delivery.kind.trim_start_matches(TYPE_PREFIX)
}
