//! What becomes of a delivery, and what Zendesk is answered.
//!
//! Zendesk tries again after 503 with `Retry-After`, and after hardly anything else: a 500 is a lost
//! event. So whatever keeps a genuine delivery from being stored is answered 503.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use metrics::counter;
use tokio::time::timeout;
use tracing::{debug, error};

use crate::error::{Error, ErrorReason, Result};

/// How long a delivery may take, its body included: Zendesk hangs up after 12 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// When to try again, in seconds: a failover takes seconds, and Zendesk takes less than 60.
const RETRY_AFTER_SECONDS: u8 = 10;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
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
pub(super) struct Observed(pub Outcome);

impl Drop for Observed {
    fn drop(&mut self) {
        counter!("ticketsync_webhook_deliveries_total", "outcome" => self.0.as_str()).increment(1);
    }
}

/// What becomes of a delivery, however that ends: in an error, in a panic or not in time.
pub(super) async fn outcome_of(delivery: impl Future<Output = Result<Outcome>>) -> Outcome {
    match timeout(ANSWER_LIMIT, AssertUnwindSafe(delivery).catch_unwind()).await {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(Ok(Err(error))) => refused(&error),
        Ok(Err(_)) => {
            error!("a delivery panicked");
            Outcome::Unavailable
        }
        Err(_) => Outcome::Unavailable,
    }
}

/// What an error means to Zendesk. Only what trying again cannot put right is no 503.
fn refused(error: &Error) -> Outcome {
    match error.reason() {
        ErrorReason::ConnectionNotFound | ErrorReason::ConnectionNotActive => Outcome::Unknown,
        _ => {
            // Logs the cause where it is ours, whatever is logged of the delivery.
            let cause = error.message();
            debug!(cause, "a delivery is not stored");
            Outcome::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::Request, routing::post};
    use tower::ServiceExt as _;

    use super::*;

    /// What is answered over HTTP where a delivery ends like this.
    async fn answer<F>(delivery: fn() -> F) -> Response
    where
        F: Future<Output = Result<Outcome>> + Send + 'static,
    {
        let routes = Router::new().route("/", post(move || outcome_of(delivery())));
        routes.oneshot(Request::post("/").body(Body::empty()).unwrap()).await.unwrap()
    }

    fn assert_says_retry(answer: &Response) {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let seconds = answer.headers()[header::RETRY_AFTER].to_str().unwrap();
        assert!((1..60).contains(&seconds.parse::<u64>().unwrap()), "{seconds} s");
    }

    #[tokio::test]
    async fn a_delivery_that_panics_is_to_be_tried_again() {
        assert_says_retry(&answer(|| async { panic!("a defect") }).await);
        let later = || async {
            tokio::task::yield_now().await;
            panic!("a defect, after the first wait")
        };
        assert_says_retry(&answer(later).await);
    }

    #[tokio::test]
    async fn a_delivery_that_ends_well_is_answered_as_it_ended() {
        assert_eq!(answer(|| async { Ok(Outcome::Stored) }).await.status(), StatusCode::OK);
        let unknown = answer(|| async { Ok(Outcome::Unknown) }).await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
        assert!(unknown.headers().get(header::RETRY_AFTER).is_none());
    }

    #[tokio::test]
    async fn what_keeps_it_from_being_stored_for_now_is_to_be_tried_again() {
        assert_says_retry(&answer(|| async { Err(Error::QueueFull) }).await);
        assert_says_retry(&answer(|| async { Err(Error::ShuttingDown) }).await);
        assert_says_retry(&answer(|| async { Err(Error::StoreUnavailable) }).await);
        assert_says_retry(&answer(|| async { Err(Error::OutcomeUnknown) }).await);
        assert_says_retry(&answer(|| async { Err(Error::Internal("a defect".into())) }).await);
        let ended = answer(|| async { Err(Error::ConnectionNotActive) }).await;
        assert_eq!(ended.status(), StatusCode::NOT_FOUND);
    }
}
