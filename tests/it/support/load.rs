//! A load of producers on streams, each with many events in flight.

use std::sync::{Arc, Mutex, MutexGuard};

use ticketsync::proto::v1::{
    IngestTicketEventsResponse, ingest_service_client::IngestServiceClient,
    ingest_ticket_events_response::Answer,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::{Connected, Event, created, eventually, ledger::Ledger, updated};

/// Producers that send at once.
const STREAMS: i64 = 4;
/// Events that each of them keeps unanswered: together more than two batches.
const IN_FLIGHT: usize = 256;
/// Tickets that one load has at its disposal per stream.
const TICKETS: i64 = 10_000;
/// Updates of each ticket, after its creation.
const UPDATES: i64 = 3;

/// Producers at work until the service ends their streams or refuses an event.
pub struct Load {
    ledger: Arc<Mutex<Ledger>>,
    /// Closed when there is nothing more to be sent.
    windows: Vec<Arc<Semaphore>>,
    producers: JoinSet<()>,
}

impl Load {
    /// Starts producers that speak of tickets of their own; loads of other numbers speak of others.
    pub fn start(channel: &Channel, to: &Connected, number: i64) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let (mut producers, mut windows) = (JoinSet::new(), Vec::new());
        for stream in 0..STREAMS {
            let first_ticket = 1 + (number * STREAMS + stream) * TICKETS;
            let client = IngestServiceClient::new(channel.clone());
            let window = Arc::new(Semaphore::new(IN_FLIGHT));
            windows.push(window.clone());
            let events = events(first_ticket);
            producers.spawn(produce(client, to.clone(), events, ledger.clone(), window));
        }
        Self { ledger, windows, producers }
    }

    /// Waits until so many were answered, and so many are in flight at that moment.
    pub async fn until(&self, answered: usize, in_flight: usize) {
        eventually("enough load", async || {
            let ledger = self.ledger();
            let settled = ledger.answered.len() + ledger.refused.len();
            (ledger.answered.len() >= answered && ledger.sent.len() - settled >= in_flight)
                .then_some(())
        })
        .await;
    }

    /// How many events were sent and not answered, at this moment.
    pub fn in_flight(&self) -> usize {
        let ledger = self.ledger();
        ledger.sent.len() - ledger.answered.len() - ledger.refused.len()
    }

    /// Sends no more, waits for the answers still to come, and answers what happened.
    pub async fn finish(self) -> Ledger {
        for window in &self.windows {
            window.close();
        }
        self.ended().await
    }

    /// Waits until the streams have ended by themselves, and answers what happened.
    pub async fn ended(mut self) -> Ledger {
        while let Some(producer) = self.producers.join_next().await {
            producer.unwrap();
        }
        std::mem::take(&mut self.ledger())
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }
}

/// Tickets one after the other: each created, then updated.
fn events(first_ticket: i64) -> impl Iterator<Item = Event> + Send {
    (first_ticket..first_ticket + TICKETS).flat_map(|ticket| {
        let updates = (1..=UPDATES).map(move |n| {
            updated(&format!("t{ticket}-{n}"), ticket, n).subject(&format!("Update {n}"))
        });
        [created(&format!("t{ticket}-0"), ticket)].into_iter().chain(updates)
    })
}

/// Sends events over one stream until it breaks or an event is refused.
async fn produce(
    mut client: IngestServiceClient<Channel>,
    to: Connected,
    events: impl Iterator<Item = Event> + Send + 'static,
    ledger: Arc<Mutex<Ledger>>,
    window: Arc<Semaphore>,
) {
    let (sender, messages) = mpsc::channel(1);
    let send = async {
        // Moved in, so that the service sees the end of the stream when there is no more to send.
        let sender = sender;
        for event in events {
            let Ok(permit) = window.acquire().await else { return };
            permit.forget();
            ledger.lock().unwrap().sent.insert(event.0.event_id.clone(), event.clone());
            if sender.send(event.message(&to)).await.is_err() {
                return;
            }
        }
    };
    let receive = async {
        if let Ok(answers) = client.ingest_ticket_events(ReceiverStream::new(messages)).await {
            let mut answers = answers.into_inner();
            while let Ok(Some(answer)) = answers.message().await {
                settle(&mut ledger.lock().unwrap(), answer, &window);
            }
        }
        window.close();
    };
    tokio::join!(send, receive);
}

fn settle(ledger: &mut Ledger, answer: IngestTicketEventsResponse, window: &Semaphore) {
    match answer.answer.expect("an answer says something") {
        Answer::Result(result) => {
            ledger.answered.insert(answer.event_id, result);
            window.add_permits(1);
        }
        Answer::Error(error) => {
            ledger.refused.insert(answer.event_id, error);
            window.close();
        }
    }
}

/// Sends events over one stream, each exactly once, and answers the results.
pub async fn send_all(channel: &Channel, to: &Connected, events: Vec<Event>) -> Ledger {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let client = IngestServiceClient::new(channel.clone());
    let window = Arc::new(Semaphore::new(IN_FLIGHT));
    produce(client, to.clone(), events.into_iter(), ledger.clone(), window).await;
    let mut ledger = ledger.lock().unwrap();
    std::mem::take(&mut ledger)
}
