//! The load: events sent over eight connections, on streams or call by call, every answer checked.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use ticketsync::proto::v1::{
    IngestTicketEventRequest, IngestTicketEventsRequest,
    ingest_service_client::IngestServiceClient, ingest_ticket_events_response::Answer,
};
use tokio::{task::JoinSet, time::Instant};
use tonic::transport::{Channel, Endpoint};

use super::{
    input::{CONNECTIONS, IN_FLIGHT, Sent},
    process::Process,
};

type Client = IngestServiceClient<Channel>;

/// How many answers had which outcome.
pub type Outcomes = BTreeMap<i32, usize>;

/// Events sent to a connection that is not there, so that no first call is measured.
const WARM_UP: usize = 50;

/// Clients on connections of their own, each of which has been used.
async fn connect(server: &Process, sample: &Sent) -> Vec<Client> {
    join_all((0..CONNECTIONS).map(async |at| {
        let channel = Endpoint::from_shared(server.url()).unwrap().connect().await.unwrap();
        let mut client = Client::new(channel);
        let nobody = IngestTicketEventsRequest {
            account_id: format!("nobody-{at}"),
            connection_id: "7e51c7a6-0000-4000-8000-000000000000".into(),
            event: sample.message.event.clone(),
        };
        let events = tokio_stream::iter(vec![nobody; WARM_UP]);
        let mut answers = client.ingest_ticket_events(events).await.unwrap().into_inner();
        while answers.message().await.unwrap().is_some() {}
        client
    }))
    .await
}

/// Sends all events on one stream a connection.
pub async fn stream(server: &Process, events: &[Sent]) -> (Duration, Outcomes) {
    let clients = connect(server, &events[0]).await;
    let parts: Vec<Vec<IngestTicketEventsRequest>> = (0..CONNECTIONS)
        .map(|at| {
            let part = events.iter().filter(|sent| sent.connection() == at);
            part.map(|sent| sent.message.clone()).collect()
        })
        .collect();
    let mut streams = JoinSet::new();
    let start = Instant::now();
    for (mut client, messages) in clients.into_iter().zip(parts) {
        streams.spawn(async move {
            let ids: Vec<String> = messages.iter().map(id).collect();
            let messages = tokio_stream::iter(messages);
            let mut answers = client.ingest_ticket_events(messages).await.unwrap().into_inner();
            let mut outcomes = Outcomes::new();
            for id in ids {
                let answer = answers.message().await.unwrap().expect("an answer to each event");
                assert_eq!(answer.event_id, id, "answers come in the order sent");
                let Some(Answer::Result(result)) = answer.answer else { panic!("{answer:?}") };
                *outcomes.entry(result.outcome).or_default() += 1;
            }
            outcomes
        });
    }
    let outcomes = merge(streams.join_all().await);
    (start.elapsed(), outcomes)
}

/// Sends all events call by call, 64 in flight; the events of one ticket one after the other.
pub async fn unary(server: &Process, events: &[Sent]) -> (Duration, Outcomes) {
    let clients = connect(server, &events[0]).await;
    let mut parts: Vec<Vec<IngestTicketEventRequest>> = vec![Vec::new(); IN_FLIGHT];
    for sent in events {
        let IngestTicketEventsRequest { account_id, connection_id, event } = sent.message.clone();
        parts[sent.call].push(IngestTicketEventRequest { account_id, connection_id, event });
    }
    let mut calls = JoinSet::new();
    let start = Instant::now();
    for (call, requests) in parts.into_iter().enumerate() {
        let mut client = clients[call % CONNECTIONS].clone();
        calls.spawn(async move {
            let mut outcomes = Outcomes::new();
            for request in requests {
                let answer = client.ingest_ticket_event(request).await.unwrap().into_inner();
                *outcomes.entry(answer.result.unwrap().outcome).or_default() += 1;
            }
            outcomes
        });
    }
    let outcomes = merge(calls.join_all().await);
    (start.elapsed(), outcomes)
}

fn id(message: &IngestTicketEventsRequest) -> String {
    message.event.as_ref().unwrap().event_id.clone()
}

fn merge(parts: Vec<Outcomes>) -> Outcomes {
    let mut all = Outcomes::new();
    for (outcome, count) in parts.into_iter().flatten() {
        *all.entry(outcome).or_default() += count;
    }
    all
}
