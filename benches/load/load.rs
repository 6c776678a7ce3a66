//! The load: events sent over eight connections, on streams or call by call, every answer checked.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use ticketsync::proto::v1::{
    IngestTicketEventRequest, IngestTicketEventsRequest,
    ingest_service_client::IngestServiceClient, ingest_ticket_events_response::Answer,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
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
            let part = events.iter().filter(|sent| sent.connection == at);
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

/// A unary call to be made.
struct Call {
    request: IngestTicketEventRequest,
    /// Cancelled when the call about the same ticket before this one was answered.
    turn: Option<CancellationToken>,
    answered: CancellationToken,
}

/// Sends all events call by call, 64 in flight until the last; those of one ticket in their order.
pub async fn unary(server: &Process, events: &[Sent]) -> (Duration, Outcomes) {
    let clients = connect(server, &events[0]).await;
    let waiting = Arc::new(Mutex::new(calls(events).into_iter()));
    let mut workers = JoinSet::new();
    let start = Instant::now();
    for worker in 0..IN_FLIGHT {
        let mut client = clients[worker % CONNECTIONS].clone();
        let waiting = Arc::clone(&waiting);
        workers.spawn(async move {
            let next = || waiting.lock().unwrap().next();
            let mut outcomes = Outcomes::new();
            while let Some(Call { request, turn, answered }) = next() {
                if let Some(turn) = turn {
                    turn.cancelled().await;
                }
                let answer = client.ingest_ticket_event(request).await.unwrap().into_inner();
                answered.cancel();
                *outcomes.entry(answer.result.unwrap().outcome).or_default() += 1;
            }
            outcomes
        });
    }
    let outcomes = merge(workers.join_all().await);
    (start.elapsed(), outcomes)
}

fn calls(events: &[Sent]) -> Vec<Call> {
    let mut last: HashMap<(usize, i64), CancellationToken> = HashMap::new();
    let call = |sent: &Sent| {
        let IngestTicketEventsRequest { account_id, connection_id, event } = sent.message.clone();
        let ticket = event.as_ref().and_then(|event| event.ticket.as_ref()).unwrap().id;
        let answered = CancellationToken::new();
        let turn = last.insert((sent.account, ticket), answered.clone());
        let request = IngestTicketEventRequest { account_id, connection_id, event };
        Call { request, turn, answered }
    };
    events.iter().map(call).collect()
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
