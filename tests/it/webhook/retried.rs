//! What is refused for now only: a queue that is full, a service that goes.

use futures::{future::join_all, stream};
use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{assert_says_retry, read_answer, send_head, waiting};
use crate::support::{
    Connected, Hook, PATIENCE, Replica, created, eventually, on_both_engines, timestamp,
    zendesk_event,
};

/// Streams, and events in each: as many as one may have in flight, and together more than a lane's
/// queue and the batch before it hold.
const STREAMS: i64 = 4;
const EVENTS: i64 = 500;

/// A delivery whose head is sent and whose body is waited for.
struct HalfSent {
    socket: TcpStream,
    body: String,
}

impl HalfSent {
    async fn to(service: &Replica, hook: &Hook, to: &Connected) -> Self {
        let body = zendesk_event("late", "created", 7).to_string();
        let (time, length) = (timestamp(0), body.len());
        let signature = hook.sign(&time, body.as_bytes());
        let lines = format!(
            "x-zendesk-webhook-signature: {signature}\r\n\
             x-zendesk-webhook-signature-timestamp: {time}\r\n"
        );
        let mut socket = send_head(service, to, length, &lines).await;
        // Said once the body is asked for: the delivery is under way.
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        timeout(PATIENCE, socket.read_exact(&mut go_on)).await.unwrap().unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100"), "{go_on:?}");
        Self { socket, body }
    }

    /// Sends the body; the whole answer.
    async fn finish(mut self) -> String {
        self.socket.write_all(self.body.as_bytes()).await.unwrap();
        read_answer(&mut self.socket).await
    }
}

on_both_engines! {
    async fn while_the_queue_is_full_zendesk_is_told_to_try_again(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start_with(db.url(), &["--log=ticketsync=debug,info"]).await;
        let hook = Hook::of(service.http, &to);
        let held = db.hold("acme").await;
        let clients = service.clients().await;
        let streams = (0..STREAMS).map(|stream| {
            let tickets = (1..=EVENTS).map(|ticket| stream * EVENTS + ticket);
            let messages: Vec<_> = tickets
                .map(|ticket| created(&format!("e{ticket}"), ticket).message(&to))
                .collect();
            let mut ingest = clients.ingest.clone();
            async move { ingest.ingest_ticket_events(stream::iter(messages)).await.unwrap() }
        });
        // Nobody reads their answers: there are none yet.
        let streams = join_all(streams).await;
        let event = zendesk_event("hint", "created", 7);
        let refused = eventually("a full queue", async || {
            let answer = hook.post_signed_at(event.to_string().as_bytes(), 0).await;
            service.log().contains("the queue of events is full").then_some(answer)
        })
        .await;
        assert_says_retry(&refused);
        held.close().await;
        eventually("a place", async || (hook.post(&event).await == StatusCode::OK).then_some(()))
            .await;
        assert_eq!(waiting(&db).await, 1);
        drop(streams);
    }

    async fn a_delivery_that_comes_while_the_service_stops_is_to_be_tried_again(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let mut service = Replica::start(db.url()).await;
        let half = HalfSent::to(&service, &Hook::of(service.http, &to), &to).await;
        service.terminate();
        eventually("a closed door", async || TcpStream::connect(service.http).await.err()).await;
        let answer = half.finish().await;
        assert!(answer.starts_with("http/1.1 503"), "{answer}");
        let retry = answer.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
        assert!((1..60).contains(&retry.trim().parse::<u64>().unwrap()), "{answer}");
        assert!(service.ended().await.success());
        assert_eq!(waiting(&db).await, 0, "what was refused is not stored");
    }

    async fn a_delivery_whose_body_comes_late_is_taken_while_the_service_runs(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let half = HalfSent::to(&service, &Hook::of(service.http, &to), &to).await;
        let answer = half.finish().await;
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert_eq!(waiting(&db).await, 1);
    }
}
