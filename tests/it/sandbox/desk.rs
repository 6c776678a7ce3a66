//! A help desk of the sandbox's small Zendesk, on a socket of its own.

use axum::Router;
use reqwest::{Client, RequestBuilder, Response, header::LOCATION, redirect::Policy};
use serde_json::{Value, json};
use ticketsync::sandbox::zendesk::{Desk, OAuthClient};
use tokio::{net::TcpListener, task::JoinSet};

pub const CLIENT_ID: &str = "mailblue";
pub const CLIENT_SECRET: &str = "a client's secret";
pub const REDIRECT_URL: &str = "http://127.0.0.1:9/apps/zendesk/callback";
/// The verifier and challenge of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A help desk that answers until it is dropped.
pub struct HelpDesk {
    pub desk: Desk,
    pub http: Client,
    _server: JoinSet<()>,
}

impl HelpDesk {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = OAuthClient {
            id: CLIENT_ID.into(),
            secret: CLIENT_SECRET.into(),
            redirect_url: REDIRECT_URL.into(),
        };
        let desk = Desk::open("acme", listener.local_addr().unwrap(), None, client).unwrap();
        let mut server = JoinSet::new();
        let router: Router = desk.clone().router();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { desk, http, _server: server }
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
