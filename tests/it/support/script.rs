//! A server that answers as it was told, one request after the other, and keeps what it was asked.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

/// A server on a socket. Dropped, it is gone.
pub struct Script {
    pub address: SocketAddr,
    played: Arc<Played>,
    _server: JoinSet<()>,
}

/// One answer: a status, headers, a body.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub end: ReplyEnd,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplyEnd {
    #[default]
    Whole,
    /// The connection breaks off after the body.
    Cut,
    /// Nothing comes after the body, and the connection stays.
    Hang,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// The path and the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Default)]
struct Played {
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Asked>>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub fn json(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn ending(self, end: ReplyEnd) -> Self {
        Self { end, ..self }
    }
}

impl Script {
    /// Starts a server that gives these answers, and 599 once there are no more.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replies = Mutex::new(replies.into_iter().collect());
        let played = Arc::new(Played { replies, ..Played::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&played));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, played, _server: server }
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.played.asked.lock().unwrap().clone()
    }
}

async fn answer(State(played): State<Arc<Played>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    played.asked.lock().unwrap().push(Asked {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    let next = played.replies.lock().unwrap().pop_front();
    let reply = next.unwrap_or_else(|| Reply::new(599, "the script is at its end"));
    let body = Bytes::from(reply.body);
    let first = |body| futures::stream::iter([Ok::<_, io::Error>(body)]);
    let body = match reply.end {
        ReplyEnd::Whole => Body::from(body),
        ReplyEnd::Cut => {
            let cut = io::Error::from(io::ErrorKind::ConnectionReset);
            Body::from_stream(first(body).chain(futures::stream::iter([Err(cut)])))
        }
        ReplyEnd::Hang => Body::from_stream(first(body).chain(futures::stream::pending())),
    };
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
