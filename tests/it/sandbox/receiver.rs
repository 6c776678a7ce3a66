//! An endpoint that takes what webhooks deliver, on a socket of its own.

use std::{
    future::pending,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use crate::support::eventually;

/// How the endpoint answers.
#[derive(Clone, Copy)]
pub enum Reply {
    Status(u16),
    /// A status and its `retry-after`, in seconds.
    Later(u16, u32),
    /// Never.
    Silence,
}

/// A request that came in.
#[derive(Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The last part of the event's type.
    pub fn kind(&self) -> String {
        let body = self.json();
        body["type"].as_str().unwrap().strip_prefix("zen:event-type:ticket.").unwrap().to_owned()
    }
}

/// Answers until it is dropped.
pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    _server: JoinSet<()>,
}

impl Receiver {
    /// Answers the first requests so, and the last of these to all that follow.
    pub async fn start(replies: &[Reply]) -> Self {
        let replies = replies.to_vec();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = Arc::clone(&received);
        let take = async move |headers: HeaderMap, body: Bytes| {
            let number = {
                let mut kept = kept.lock().unwrap();
                kept.push(Received { headers, body });
                kept.len() - 1
            };
            reply(replies[number.min(replies.len() - 1)]).await
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/zendesk/1", listener.local_addr().unwrap());
        let router = Router::new().route("/webhooks/zendesk/1", post(take));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, received, _server: server }
    }

    /// Takes everything.
    pub async fn willing() -> Self {
        Self::start(&[Reply::Status(200)]).await
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The last part of each event's type, as they came in.
    pub fn kinds(&self) -> Vec<String> {
        self.received().iter().map(Received::kind).collect()
    }

    /// Waits for so many requests.
    pub async fn receives(&self, count: usize) -> Vec<Received> {
        let came = async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        };
        eventually("requests to the endpoint", came).await
    }
}

async fn reply(reply: Reply) -> Response {
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::Later(status, seconds) => {
            let wait = [(RETRY_AFTER, seconds.to_string())];
            (StatusCode::from_u16(status).unwrap(), wait).into_response()
        }
        Reply::Silence => pending().await,
    }
}
