//! A Zendesk for tests: it checks what the real one checks, keeps what it was sent, and can be told
//! to misbehave.

mod tokens;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use ticketsync::{
    domain::Secret,
    zendesk::{ClientOptions, REQUEST_TIMEOUT, SCOPES},
};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use url::Url;
use uuid::Uuid;

use self::tokens::Tokens;

/// The identifier of the service's OAuth client.
pub const CLIENT_ID: &str = "ticketsync-in-tests";
/// Its secret.
pub const CLIENT_SECRET: &str = "client-secret-that-nobody-may-read";
/// Where people are sent back to.
pub const REDIRECT_URL: &str = "https://apps.example.com/zendesk?from=zendesk";
/// How long access tokens live, in seconds.
pub const TOKEN_LIFETIME_SECONDS: i64 = 1_800;

/// A Zendesk on a socket. Dropped, it is gone.
pub struct Zendesk {
    address: SocketAddr,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

/// What a browser brings back once its person agreed.
#[derive(Debug, Clone)]
pub struct Agreed {
    pub state: String,
    pub code: String,
}

/// What to answer instead of what a Zendesk should.
#[derive(Clone)]
pub enum Answer {
    Plain(u16, String),
    Redirect(String),
    /// Never ends: the head comes, the body does not.
    Hang,
    /// The right answer, once it is let go.
    Held(Arc<Hold>),
}

/// Holds an answer back until the test lets it go.
#[derive(Default)]
pub struct Hold {
    pub arrived: Notify,
    pub let_go: Notify,
}

#[derive(Default)]
struct Desk {
    received: Mutex<Vec<Received>>,
    instead: Mutex<Vec<(String, Answer)>>,
    consents: Mutex<HashMap<String, HashMap<String, String>>>,
    tokens: Mutex<Tokens>,
}

impl Zendesk {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, desk, _server: server }
    }

    /// How the service reaches it.
    pub fn options(&self) -> ClientOptions {
        ClientOptions {
            base_url: format!("http://{}/{{subdomain}}", self.address).parse().unwrap(),
            redirect_url: REDIRECT_URL.parse().unwrap(),
            client_id: CLIENT_ID.into(),
            client_secret: Secret::new(CLIENT_SECRET.into()),
            request_timeout: REQUEST_TIMEOUT,
        }
    }

    /// The address of something here that nobody should ever call.
    pub fn elsewhere(&self) -> String {
        format!("http://{}/elsewhere", self.address)
    }

    /// A person opens the authorisation page and agrees.
    pub fn agree(&self, authorization_url: &str) -> Agreed {
        let url = Url::parse(authorization_url).unwrap();
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let code = format!("code-{}", Uuid::new_v4());
        let state = asked["state"].clone();
        self.desk.consents.lock().unwrap().insert(code.clone(), asked);
        Agreed { state, code }
    }

    /// Answers the next request whose path ends so in another way.
    pub fn answer_next(&self, path: &str, answer: Answer) {
        self.desk.instead.lock().unwrap().push((path.into(), answer));
    }

    /// Answers the next exchange in another way.
    pub fn answer_exchange(&self, answer: Answer) {
        self.answer_next("/oauth/tokens", answer);
    }

    /// Holds the next exchange back.
    pub fn hold_exchange(&self) -> Arc<Hold> {
        let hold = Arc::new(Hold::default());
        self.answer_exchange(Answer::Held(Arc::clone(&hold)));
        hold
    }

    /// Lets every access token expire.
    pub fn expire_tokens(&self) {
        self.desk.tokens.lock().unwrap().expire();
    }

    /// Every request so far.
    pub fn received(&self) -> Vec<Received> {
        self.desk.received.lock().unwrap().clone()
    }

    /// The requests for tokens so far.
    pub fn exchanges(&self) -> Vec<Received> {
        let mut received = self.received();
        received.retain(|request| request.path.ends_with("/oauth/tokens"));
        received
    }

    /// Every access and refresh token it ever gave.
    pub fn secrets(&self) -> Vec<String> {
        self.desk.tokens.lock().unwrap().secrets()
    }

    /// How many tokens somebody could still use.
    pub fn usable_token_count(&self) -> usize {
        self.desk.tokens.lock().unwrap().usable_count()
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    desk.received.lock().unwrap().push(received.clone());
    match desk.instead_of(&received.path) {
        None => desk.properly(&received),
        Some(Answer::Plain(status, body)) => {
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        }
        Some(Answer::Redirect(to)) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
        Some(Answer::Hang) => {
            let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
            Body::from_stream(never).into_response()
        }
        Some(Answer::Held(hold)) => {
            hold.arrived.notify_one();
            hold.let_go.notified().await;
            desk.properly(&received)
        }
    }
}

impl Desk {
    fn instead_of(&self, path: &str) -> Option<Answer> {
        let mut instead = self.instead.lock().unwrap();
        let at = instead.iter().position(|(end, _)| path.ends_with(end))?;
        Some(instead.remove(at).1)
    }

    fn properly(&self, request: &Received) -> Response {
        let path = request.path.as_str();
        match request.method.as_str() {
            "POST" if path.ends_with("/oauth/tokens") => self.exchange(&request.body),
            "GET" if path.ends_with("/api/v2/oauth/tokens/current.json") => {
                match self.bearer(&request.headers) {
                    Some(id) => Json(json!({"token": {"id": id}})).into_response(),
                    None => refuse(StatusCode::UNAUTHORIZED, "invalid_token"),
                }
            }
            "DELETE" if path.contains("/api/v2/oauth/tokens/") => {
                let Some(id) = self.bearer(&request.headers) else {
                    return refuse(StatusCode::UNAUTHORIZED, "invalid_token");
                };
                if !path.ends_with(&format!("/{id}.json")) {
                    return refuse(StatusCode::NOT_FOUND, "RecordNotFound");
                }
                self.tokens.lock().unwrap().revoke(id);
                StatusCode::NO_CONTENT.into_response()
            }
            _ => refuse(StatusCode::NOT_FOUND, "RecordNotFound"),
        }
    }

    /// Checks a request for tokens as the real one does, the proof of PKCE above all.
    fn exchange(&self, body: &Value) -> Response {
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        if text("client_id") != CLIENT_ID || text("client_secret") != CLIENT_SECRET {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        match text("grant_type") {
            "authorization_code" => {
                // A code has one try, whatever comes of it.
                let consent = self.consents.lock().unwrap().remove(text("code"));
                let challenge =
                    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text("code_verifier")));
                let proven = consent.is_some_and(|asked| {
                    asked["code_challenge_method"] == "S256"
                        && asked["code_challenge"] == challenge
                        && asked["redirect_uri"] == text("redirect_uri")
                        && asked["scope"] == text("scope")
                });
                if proven { self.issue() } else { refuse(StatusCode::BAD_REQUEST, "invalid_grant") }
            }
            "refresh_token" => {
                if self.tokens.lock().unwrap().use_up(text("refresh_token")) {
                    self.issue()
                } else {
                    refuse(StatusCode::BAD_REQUEST, "invalid_grant")
                }
            }
            _ => refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        }
    }

    fn issue(&self) -> Response {
        let (access, refresh) = self.tokens.lock().unwrap().issue();
        Json(json!({
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "scope": SCOPES,
            "expires_in": TOKEN_LIFETIME_SECONDS,
        }))
        .into_response()
    }

    /// The id of the token that a request brings, if that is alive.
    fn bearer(&self, headers: &HeaderMap) -> Option<usize> {
        let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        self.tokens.lock().unwrap().alive(header.strip_prefix("Bearer ")?)
    }
}

/// An error as Zendesk words it.
fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error, "error_description": "no"}))).into_response()
}
