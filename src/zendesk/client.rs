//! The way to Zendesk: no redirects, no proxies, bounded in time and size.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, redirect::Policy};
use serde::de::DeserializeOwned;

use super::{
    Error, Result,
    address::{BaseUrl, RedirectUrl, Transport},
};
use crate::domain::Secret;

/// How long to wait for a connection: Zendesk answers from the edge nearby.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one call may take in all, its body included. A person's browser waits for it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer read about authorisations: tokens are a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest `error` word kept. Zendesk's own and RFC 6749's are shorter.
const MAX_ERROR_WORD_BYTES: usize = 48;

/// What the service needs to know of Zendesk.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    pub base_url: BaseUrl,
    /// Where Zendesk sends people back to, as registered with the OAuth client.
    pub redirect_url: RedirectUrl,
    /// The OAuth client's identifier.
    pub client_id: String,
    pub client_secret: Secret,
    /// How long one call may take; [`REQUEST_TIMEOUT`] unless a test is in a hurry.
    pub request_timeout: Duration,
}

/// A client of Zendesk's API, for every subdomain. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub(super) options: ClientOptions,
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Vec<u8>,
}

impl Client {
    /// Makes a client. Connects to nothing yet.
    ///
    /// # Errors
    /// When the machine has no root certificates to check Zendesk's by.
    pub fn new(options: ClientOptions) -> Result<Self> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("ticketsync/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(options.request_timeout)
            // What an answer says is never followed: it could lead a token anywhere.
            .redirect(Policy::none())
            .referer(false)
            .no_proxy();
        let builder = match options.base_url.transport() {
            Transport::Tls => builder.https_only(true),
            // Loopback needs no certificates, which a bare machine may not have.
            Transport::Plain => builder.tls_certs_only([]),
        };
        let http = builder.build().map_err(|error| {
            Error::Unavailable(format!("no TLS, are root certificates installed? {error:?}"))
        })?;
        Ok(Self { http, options })
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }
}

/// Sends a request and reads the whole answer. Nothing of what either holds reaches an error.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer> {
    let mut response = request.send().await.map_err(|error| unavailable(&error))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(Error::Unavailable(format!("an answer over {MAX_BODY_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

impl Answer {
    /// Reads the body of an answer that has one of these statuses.
    pub(super) fn json<T: DeserializeOwned>(&self, expected: &[StatusCode]) -> Result<T> {
        self.accept(expected)?;
        // The parser's own message may quote what it read.
        serde_json::from_slice(&self.body)
            .map_err(|_| Error::Unavailable("an answer that is not as documented".into()))
    }

    /// Takes an answer that has one of these statuses, and sorts all others.
    pub(super) fn accept(&self, expected: &[StatusCode]) -> Result<()> {
        let status = self.status;
        if expected.contains(&status) {
            return Ok(());
        }
        // These two say nothing about the request: the same one may pass later.
        let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        if status.is_client_error() && !passing.contains(&status) {
            return Err(Error::Refused { status: status.as_u16(), error: self.error_word() });
        }
        Err(Error::Unavailable(format!("status {}", status.as_u16())))
    }

    /// The `error` of the body where it is a word such as `invalid_grant`. Anything else could quote
    /// what was sent.
    fn error_word(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Body {
            error: String,
        }
        let is_word = |text: &str| {
            (1..=MAX_ERROR_WORD_BYTES).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
        };
        serde_json::from_slice(&self.body)
            .ok()
            .map(|body: Body| body.error)
            .filter(|word| is_word(word))
            .unwrap_or_else(|| "no error word".into())
    }
}

fn unavailable(error: &reqwest::Error) -> Error {
    Error::Unavailable(
        if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the call broke off"
        }
        .into(),
    )
}
