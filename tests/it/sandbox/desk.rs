//! A help desk of the sandbox's small Zendesk, on a socket of its own.

use reqwest::{Client, Method, RequestBuilder, Response, header::LOCATION, redirect::Policy};
use serde_json::{Value, json};
use ticketsync::sandbox::zendesk::{Desk, DeskOptions, OAuthClient, Pace, Switches};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::receiver::Receiver;
use crate::support::eventually;

pub const CLIENT_ID: &str = "mailblue";
pub const CLIENT_SECRET: &str = "a client's secret";
pub const REDIRECT_URL: &str = "http://127.0.0.1:9/apps/zendesk/callback";
/// The verifier and challenge of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What the service asks for.
pub const ALL_SCOPES: &str = "tickets:read users:read webhooks:read webhooks:write";

/// A help desk that answers and delivers until it is dropped.
pub struct HelpDesk {
    pub desk: Desk,
    pub http: Client,
    tasks: JoinSet<()>,
}

impl HelpDesk {
    pub async fn start() -> Self {
        Self::start_with(DeskOptions::default()).await
    }

    /// A help desk that misbehaves so.
    pub async fn misbehaving(switches: Switches) -> Self {
        Self::start_with(DeskOptions { switches, ..DeskOptions::default() }).await
    }

    /// A help desk that is in a hurry.
    pub async fn at(pace: Pace) -> Self {
        Self::start_with(DeskOptions { pace, ..DeskOptions::default() }).await
    }

    pub async fn start_with(options: DeskOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = OAuthClient {
            id: CLIENT_ID.into(),
            secret: CLIENT_SECRET.into(),
            redirect_url: REDIRECT_URL.into(),
        };
        let desk = Desk::open("acme", listener.local_addr().unwrap(), client, options).unwrap();
        let mut server = JoinSet::new();
        let (answering, delivering) = (desk.clone(), desk.clone());
        server.spawn(async move {
            answering.serve(listener, CancellationToken::new()).await.unwrap();
        });
        server.spawn(async move { delivering.deliver(CancellationToken::new()).await });
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { desk, http, tasks: server }
    }

    /// Answers at another address too.
    pub async fn listen_elsewhere(&mut self) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, desk) = (listener.local_addr().unwrap(), self.desk.clone());
        self.tasks.spawn(async move {
            desk.serve(listener, CancellationToken::new()).await.unwrap();
        });
        at
    }

    /// Somebody writes a ticket, answered 201.
    pub async fn write(&self, ticket: Value) -> Value {
        let answer = self.person(Method::POST, "tickets.json", json!({ "ticket": ticket })).await;
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["ticket"].clone()
    }

    /// An agent changes a ticket.
    pub async fn change(&self, id: &Value, ticket: Value) -> Response {
        let path = format!("tickets/{id}.json");
        self.person(Method::PUT, &path, json!({ "ticket": ticket })).await
    }

    /// Somebody at the help desk does something that its API offers.
    pub async fn person(&self, method: Method, path: &str, body: Value) -> Response {
        let url = format!("{}/api/v2/{path}", self.desk.url);
        self.http.request(method, url).json(&body).send().await.unwrap()
    }

    /// An application calls, with a token of its own.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let token = self.desk.oauth.issue(ALL_SCOPES);
        let request = self.http.request(method, format!("{}{path}", self.desk.url));
        let request = request.bearer_auth(token);
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
        .send()
        .await
        .unwrap()
    }

    /// What an application reads.
    pub async fn read(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.json().await.unwrap()
    }

    /// Has the receiver be told of these events, given by the last part of their types; answers the
    /// webhook.
    pub async fn subscribe(&self, receiver: &Receiver, kinds: &[&str]) -> Value {
        let body = json!({ "webhook": webhook("ticketsync", &receiver.url, kinds) });
        let answer = self.call(Method::POST, "/api/v2/webhooks", Some(body)).await;
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["webhook"].clone()
    }

    /// Waits until every delivery was tried for the last time.
    pub async fn all_delivered(&self) {
        eventually("the last delivery", async || {
            (self.desk.waiting_deliveries() == 0).then_some(())
        })
        .await;
    }

    /// A request to a path of the help desk.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.desk.url))
    }

    pub fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let mut url = url::Url::parse(&self.desk.url).unwrap();
        url.set_path("/acme/oauth/authorizations/new");
        let parameters = [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", REDIRECT_URL),
            ("scope", "tickets:read users:read"),
            ("state", "a state & more"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in parameters {
            let other = changes.iter().find(|(key, _)| *key == name);
            url.query_pairs_mut().append_pair(name, other.map_or(value, |(_, value)| value));
        }
        url.into()
    }

    /// Presses a button of the authorise page.
    pub async fn press(&self, url: &str, decision: &str) -> Response {
        let request = self.http.post(url).body(format!("decision={decision}"));
        request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
    }

    /// A code that somebody has agreed to.
    pub async fn code(&self) -> String {
        let answer = self.press(&self.authorize_url(&[]), "accept").await;
        parameter(&answer, "code").unwrap()
    }

    /// Exchanges a code; `changes` replace fields of the body.
    pub async fn exchange(&self, code: &str, changes: Value) -> (u16, Value) {
        let mut body = json!({
            "grant_type": "authorization_code",
            "code": code,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": REDIRECT_URL,
            "scope": "tickets:read users:read",
            "code_verifier": VERIFIER,
        });
        if let Value::Object(changes) = changes {
            body.as_object_mut().unwrap().extend(changes);
        }
        self.token_call(&body).await
    }

    /// Posts a body to the token endpoint.
    pub async fn token_call(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/oauth/tokens", self.desk.url);
        let answer = self.http.post(url).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// A parameter of the address that an answer redirects to.
pub fn parameter(answer: &Response, name: &str) -> Option<String> {
    let location = answer.headers().get(LOCATION)?.to_str().unwrap();
    assert!(location.starts_with(REDIRECT_URL), "redirects elsewhere");
    let url = url::Url::parse(location).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The body of a webhook that is told of these events, given by the last part of their types.
pub fn webhook(name: &str, endpoint: &str, kinds: &[&str]) -> Value {
    let subscriptions: Vec<String> =
        kinds.iter().map(|kind| format!("zen:event-type:ticket.{kind}")).collect();
    json!({
        "name": name,
        "endpoint": endpoint,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "subscriptions": subscriptions,
    })
}

/// A ticket as a customer writes it.
pub fn letter(name: &str, email: Option<&str>) -> Value {
    json!({
        "requester": { "name": name, "email": email },
        "subject": "Where is my order?",
        "comment": { "body": "It should have been here on Friday." },
    })
}

/// The body that exchanges a pair's refresh token.
pub fn refresh(pair: &Value) -> Value {
    json!({
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": pair["refresh_token"],
    })
}
