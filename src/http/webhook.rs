//! `POST /webhooks/zendesk/{connection}`: what Zendesk tells of tickets, stored before it is answered.
//!
//! Zendesk tries again after 503 with `Retry-After`, and after hardly anything else: a 500 is a lost
//! event. So whatever keeps a genuine delivery from being stored is answered 503.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::FutureExt as _;
use metrics::counter;
use tokio::time::timeout;
use tracing::{Instrument as _, debug, error, info_span, warn};

use crate::{
    clock,
    domain::{ConnectionId, ConnectionKey, HintAnswer},
    error::{Error, ErrorReason, Result},
    service::{Batcher, Checked, Signed, SigningSecrets},
    zendesk::{Delivery, Forged},
};

/// The largest body taken. A ticket's description, the longest text in one, has 64 KiB.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long a delivery may take, its body included: Zendesk hangs up after 12 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// When to try again, in seconds: a failover takes seconds, and Zendesk takes less than 60.
const RETRY_AFTER_SECONDS: u8 = 10;

const SIGNATURE: &str = "x-zendesk-webhook-signature";
const TIMESTAMP: &str = "x-zendesk-webhook-signature-timestamp";

/// What deliveries are checked with, and handed to. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    pub secrets: SigningSecrets,
    pub batcher: Batcher,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Stored,
    Duplicate,
    /// Of a type that nobody asked for.
    OfNoInterest,
    Forged,
    /// Genuine, and signed too long ago or too far ahead.
    OutsideWindow,
    /// No such connection, or one that takes no events.
    Unknown,
    /// Genuine, and names no event or no ticket.
    Malformed,
    TooLarge,
    Unavailable,
    /// The sender hung up.
    Abandoned,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::OfNoInterest => "of_no_interest",
            Self::Forged => "forged",
            Self::OutsideWindow => "outside_window",
            Self::Unknown => "unknown_connection",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
            Self::Abandoned => "abandoned",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Stored | Self::Duplicate | Self::OfNoInterest => StatusCode::OK,
            Self::Forged | Self::OutsideWindow => StatusCode::UNAUTHORIZED,
            Self::Unknown => StatusCode::NOT_FOUND,
            // Not tried again, and it would be the same again: what changed is found by the export.
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable | Self::Abandoned => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let retry = [(header::RETRY_AFTER, RETRY_AFTER_SECONDS.to_string())];
            return (status, retry).into_response();
        }
        status.into_response()
    }
}

/// Counts a delivery when it goes, by what became of it until then.
struct Observed(Outcome);

impl Drop for Observed {
    fn drop(&mut self) {
        counter!("ticketsync_webhook_deliveries_total", "outcome" => self.0.as_str()).increment(1);
    }
}

/// The route.
pub(super) fn routes(webhooks: Webhooks) -> Router {
    Router::new()
        .route("/webhooks/zendesk/{connection}", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(webhooks)
}

async fn receive(
    State(webhooks): State<Webhooks>,
    Path(connection): Path<String>,
    request: Request,
) -> Outcome {
    let mut observed = Observed(Outcome::Abandoned);
    let Ok(connection) = connection.parse::<ConnectionId>() else {
        observed.0 = Outcome::Unknown;
        return observed.0;
    };
    let span = info_span!("webhook", %connection);
    let answer = webhooks.answer(connection, request).instrument(span.clone());
    let answer = timeout(ANSWER_LIMIT, AssertUnwindSafe(answer).catch_unwind()).await;
    let _entered = span.entered();
    observed.0 = match answer {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(Ok(Err(error))) => refused(&error),
        Ok(Err(_)) => {
            error!("a delivery panicked");
            Outcome::Unavailable
        }
        Err(_) => Outcome::Unavailable,
    };
    observed.0
}

impl Webhooks {
    async fn answer(&self, id: ConnectionId, request: Request) -> Result<Outcome> {
        let headers = request.headers().clone();
        let body = match Bytes::from_request(request, &()).await {
            Ok(body) => body,
            Err(cut) if cut.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Ok(Outcome::TooLarge);
            }
            Err(_) => return Ok(Outcome::Abandoned),
        };
        let now = clock::now();
        let signed = Signed {
            timestamp: text(&headers, TIMESTAMP),
            signature: text(&headers, SIGNATURE),
            body: &body,
        };
        match self.secrets.check(id, signed, now).await? {
            Checked::Genuine(connection) => self.take_in(&connection, &body).await,
            Checked::Forged(cause) => Ok(forged(cause)),
            Checked::NoConnection => Ok(Outcome::Unknown),
            // It is perhaps being registered just now.
            Checked::NoSecret => Ok(Outcome::Unavailable),
        }
    }

    async fn take_in(&self, connection: &ConnectionKey, body: &[u8]) -> Result<Outcome> {
        match Delivery::parse(body) {
            Ok(Delivery::Hint(hint)) => {
                let stored = self.batcher.store_hint(connection, *hint, clock::now()).await?;
                Ok(match stored {
                    HintAnswer::Stored => Outcome::Stored,
                    HintAnswer::Duplicate => Outcome::Duplicate,
                })
            }
            Ok(Delivery::OfNoInterest) => Ok(Outcome::OfNoInterest),
            Err(cause) => {
                warn!(field = cause.field, %cause, "a signed delivery does not read");
                Ok(Outcome::Malformed)
            }
        }
    }
}

/// A header's text, empty where it is missing or is none.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn forged(cause: Forged) -> Outcome {
    match cause {
        Forged::OutsideWindow => {
            // Whoever sent it knows the secret: perhaps a clock is wrong.
            warn!(%cause, "a delivery is refused");
            Outcome::OutsideWindow
        }
        Forged::Unsigned
        | Forged::NoSignature
        | Forged::NoTimestamp
        | Forged::Mismatch
        | Forged::OutsideWindowUnproven => {
            debug!(%cause, "a delivery is refused");
            Outcome::Forged
        }
    }
}

/// What an error means to Zendesk. Only what trying again cannot put right is no 503.
fn refused(error: &Error) -> Outcome {
    match error.reason() {
        ErrorReason::ConnectionNotFound | ErrorReason::ConnectionNotActive => Outcome::Unknown,
        _ => {
            // Logs the cause where it is ours.
            debug!(cause = error.message(), "a delivery is not stored");
            Outcome::Unavailable
        }
    }
}
