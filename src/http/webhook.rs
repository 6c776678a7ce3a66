//! `POST /webhooks/zendesk/{connection}`: what Zendesk tells of tickets, stored before it is answered.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tracing::{Instrument as _, debug, info_span, warn};

use super::outcome::{Observed, Outcome, outcome_of};
use crate::{
    clock,
    domain::{ConnectionId, ConnectionKey, HintAnswer},
    error::Result,
    service::{Batcher, Checked, SigningSecrets},
    zendesk::{Delivery, Forged, Presented},
};

/// The largest body taken. A ticket's description, the longest text in one, has 64 KiB.
const MAX_BODY_BYTES: usize = 1024 * 1024;

const SIGNATURE: &str = "x-zendesk-webhook-signature";
const TIMESTAMP: &str = "x-zendesk-webhook-signature-timestamp";

/// What deliveries are checked with, and handed to. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    pub secrets: SigningSecrets,
    pub batcher: Batcher,
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
    observed.0 = outcome_of(webhooks.answer(connection, request)).instrument(span).await;
    observed.0
}

impl Webhooks {
    async fn answer(&self, id: ConnectionId, request: Request) -> Result<Outcome> {
        let headers = request.headers().clone();
        // Before the body is read: what no secret could have signed is not worth a mebibyte. When it
        // was signed is looked at later, since what is genuine and comes late is to be said.
        let presented = match Presented::read(text(&headers, TIMESTAMP), text(&headers, SIGNATURE))
        {
            Ok(presented) => presented,
            Err(cause) => return Ok(forged(cause)),
        };
        let body = match Bytes::from_request(request, &()).await {
            Ok(body) => body,
            Err(cut) if cut.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Ok(Outcome::TooLarge);
            }
            Err(_) => return Ok(Outcome::Abandoned),
        };
        let now = clock::now();
        match self.secrets.check(id, presented, &body, now).await? {
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
