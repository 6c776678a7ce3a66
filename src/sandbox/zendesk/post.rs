//! From a change at the help desk to the deliveries that come of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    event::{Detail, Event, Sequence, event},
    happening::Happening,
    journal::Journal,
    outbox::{Delivery, Outbox},
    switches::{Switchboard, Switches},
    webhooks::Webhooks,
};
use crate::domain::Timestamp;

/// How far behind the first an event's second delivery follows: soon, but not at once.
const DOUBLE_AFTER: Duration = Duration::from_millis(20);

/// A try of a delivery, or why there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRecord {
    pub event_id: String,
    /// The whole type, such as `zen:event-type:ticket.created`.
    pub kind: String,
    pub ticket_id: i64,
    pub webhook_id: String,
    pub invocation_id: String,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// Microseconds since 1970: when it ended.
    pub at: Timestamp,
    pub fate: Fate,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The endpoint answered with this status.
    Answered(u16),
    TimedOut,
    /// No connection, or one that broke off.
    Unreachable,
    /// A switch had it dropped.
    Dropped,
    /// The circuit breaker was open.
    CircuitOpen,
    /// The webhook was removed before it could be sent.
    WebhookGone,
    /// Too much was waiting.
    Overflowed,
}

/// Takes note of what happens and says who is to be told. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Post {
    pub(super) webhooks: Webhooks,
    pub(super) switches: Switchboard,
    pub(super) outbox: Outbox,
    pub(super) log: Journal<DeliveryRecord>,
    events: Arc<AtomicU64>,
    deliveries: Arc<AtomicU64>,
}

impl Post {
    /// Has nobody to tell yet.
    pub(super) fn new(switches: Switchboard) -> Self {
        Self { switches, ..Self::default() }
    }

    /// How many events were made, whoever was told.
    pub(super) fn event_count(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Makes events of what one action has made happen, for every webhook that subscribed to them.
    pub(super) fn announce(&self, happenings: Vec<Happening>, now: Timestamp) {
        if self.webhooks.is_empty() {
            return;
        }
        let switches = self.switches.read();
        let (sequence_id, total) = (Uuid::new_v4().simple().to_string(), happenings.len());
        for (position, happening) in (1..).zip(happenings) {
            let number = self.events.fetch_add(1, Ordering::Relaxed);
            let sparse = switches.strikes("sparse", switches.sparse, number);
            let detail = if sparse { Detail::Id } else { Detail::Whole };
            let sequence = Sequence { id: &sequence_id, position, total };
            let event = Arc::new(event(number, happening, &sequence, detail, now));
            for webhook_id in self.webhooks.subscribed(&event.kind) {
                self.dispatch(&event, &webhook_id, number, &switches, now);
            }
        }
    }

    /// Puts an event into the outbox, unless a switch has it fare otherwise.
    fn dispatch(
        &self,
        event: &Arc<Event>,
        webhook_id: &str,
        number: u64,
        switches: &Switches,
        now: Timestamp,
    ) {
        let mut due = Instant::now();
        if switches.strikes("reorder", switches.reorder, number) {
            let longest = Duration::from_millis(switches.reorder_ms);
            due += longest.mul_f64(switches.roll("reorder for", number));
        }
        if switches.strikes("delay", switches.delay, number) {
            due += Duration::from_millis(switches.delay_ms);
        }
        let delivery = |due| Delivery {
            event: Arc::clone(event),
            webhook_id: webhook_id.to_owned(),
            invocation_id: Uuid::new_v4().simple().to_string(),
            attempt: 1,
            due,
            number: self.deliveries.fetch_add(1, Ordering::Relaxed),
        };
        if switches.strikes("drop", switches.drop, number) {
            self.note(&delivery(due), Fate::Dropped, now);
            return;
        }
        self.put(delivery(due), now);
        if switches.strikes("double", switches.double, number) {
            self.put(delivery(due + DOUBLE_AFTER), now);
        }
    }

    /// Has a delivery wait until it is due.
    pub(super) fn put(&self, delivery: Delivery, now: Timestamp) {
        if let Err(delivery) = self.outbox.put(delivery) {
            self.note(&delivery, Fate::Overflowed, now);
        }
    }

    /// Writes into the log what became of a try.
    pub(super) fn note(&self, delivery: &Delivery, fate: Fate, now: Timestamp) {
        let Delivery { event, webhook_id, invocation_id, attempt, .. } = delivery;
        self.log.add(DeliveryRecord {
            event_id: event.id.clone(),
            kind: event.kind.clone(),
            ticket_id: event.ticket_id,
            webhook_id: webhook_id.clone(),
            invocation_id: invocation_id.clone(),
            attempt: *attempt,
            at: now,
            fate,
        });
    }
}
