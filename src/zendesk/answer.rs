//! A whole answer: read within its bound, and sorted by its status.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;

use super::{Error, Result};

/// The largest answer read about authorisations: tokens are a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest `error` word kept. Zendesk's own and RFC 6749's are shorter.
const MAX_ERROR_WORD_BYTES: usize = 48;
/// How long to wait where Zendesk does not say: its limits are per minute.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_mins(1);
/// The longest wait taken from an answer: limits are per minute, and a larger number would stop an
/// account's tickets for hours.
pub const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);
/// The shortest wait taken from an answer, so that "0" makes no loop.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
const RATE_LIMIT: &str = "x-rate-limit";
const RATE_REMAINING: &str = "x-rate-limit-remaining";

/// How many calls an account may make: its plan's limit a minute, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub remaining: u32,
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// None where Zendesk does not say.
    pub(super) rate: Option<Rate>,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Sends a request and reads the whole, small answer. Nothing of what either holds reaches an error.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer> {
    send_within(request, MAX_BODY_BYTES).await
}

/// Sends a request and reads the whole answer, up to a number of bytes.
pub(super) async fn send_within(request: RequestBuilder, limit_bytes: usize) -> Result<Answer> {
    let mut response = request.send().await.map_err(|error| unavailable(&error))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
        if body.len() + chunk.len() > limit_bytes {
            if status.is_success() {
                return Err(Error::TooLarge { limit_bytes });
            }
            // Whatever this is a page of, its status says enough.
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        rate: rate(&response),
        retry_after: number(&response, RETRY_AFTER.as_str())
            .map(|seconds| Duration::from_secs(seconds).clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)),
        body,
    })
}

impl Answer {
    /// Reads the body of an answer that has one of these statuses.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self, expected: &[StatusCode]) -> Result<T> {
        self.accept(expected)?;
        // The parser's own message may quote what it read.
        serde_json::from_slice(&self.body).map_err(|_| undocumented())
    }

    /// Takes an answer that has one of these statuses, and sorts all others.
    pub(super) fn accept(&self, expected: &[StatusCode]) -> Result<()> {
        let (status, retry_after) = (self.status, self.retry_after);
        if expected.contains(&status) {
            return Ok(());
        }
        Err(match status {
            StatusCode::UNAUTHORIZED => Error::Unauthorized { error: self.error_word() },
            StatusCode::FORBIDDEN => Error::Forbidden { error: self.error_word() },
            StatusCode::NOT_FOUND => Error::NotFound { error: self.error_word() },
            StatusCode::TOO_MANY_REQUESTS => {
                Error::Limited { retry_after: retry_after.unwrap_or(DEFAULT_RETRY_AFTER) }
            }
            // It says nothing about the request: the same one may pass later.
            StatusCode::REQUEST_TIMEOUT => unexpected(status, retry_after),
            _ if status.is_client_error() => {
                Error::Refused { status: status.as_u16(), error: self.error_word() }
            }
            _ => unexpected(status, retry_after),
        })
    }

    /// The `error` of the body where it is a word such as `invalid_grant`. Anything else could quote
    /// what was sent.
    fn error_word(&self) -> String {
        #[derive(Deserialize)]
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

/// An answer that has the right status and not the right contents.
pub(super) fn undocumented() -> Error {
    Error::unavailable("an answer that is not as documented")
}

fn unexpected(status: StatusCode, retry_after: Option<Duration>) -> Error {
    Error::Unavailable { cause: format!("status {}", status.as_u16()), retry_after }
}

fn rate(response: &Response) -> Option<Rate> {
    let count = |name| number(response, name).and_then(|number| u32::try_from(number).ok());
    Some(Rate { limit: count(RATE_LIMIT)?, remaining: count(RATE_REMAINING)? })
}

/// A header that is a number.
fn number(response: &Response, name: &str) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}

fn unavailable(error: &reqwest::Error) -> Error {
    Error::unavailable(if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the call broke off"
    })
}
