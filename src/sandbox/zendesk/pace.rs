//! How long things take at a help desk, so that a test need not wait for minutes.

use std::time::Duration;

/// How long things take. By default as long as at Zendesk, where that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// How long a delivery waits for its answer.
    pub delivery_timeout: Duration,
    /// How long to wait before a delivery is tried again where no `retry-after` says it. Zendesk's own
    /// is not known.
    pub retry_pause: Duration,
    /// How long a second of a delivery's `retry-after` lasts.
    pub retry_after_second: Duration,
    /// Over which time the circuit breaker counts.
    pub breaker_window: Duration,
    /// How long the circuit breaker stays open. Zendesk's own is not known.
    pub breaker_pause: Duration,
    /// How many tries the circuit breaker sees before a share of errors means anything. Zendesk's own
    /// is not known.
    pub breaker_min_tries: usize,
    /// How many deliveries are under way at once. With one, events arrive in the order in which they
    /// happened, unless a switch says otherwise.
    pub deliveries_at_once: usize,
    /// How long the minute lasts over which calls of the API are counted.
    pub minute: Duration,
    /// How long an access token and a refresh token live.
    pub access_token_lifetime: Duration,
    pub refresh_token_lifetime: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            delivery_timeout: Duration::from_secs(12),
            retry_pause: Duration::from_secs(1),
            retry_after_second: Duration::from_secs(1),
            breaker_window: Duration::from_mins(5),
            breaker_pause: Duration::from_secs(5),
            breaker_min_tries: 20,
            deliveries_at_once: 16,
            minute: Duration::from_mins(1),
            access_token_lifetime: Duration::from_mins(30),
            refresh_token_lifetime: Duration::from_hours(30 * 24),
        }
    }
}

impl Pace {
    /// Everything but timeouts, counts and tokens, so many times faster.
    #[must_use]
    pub fn times(factor: u32) -> Self {
        let factor = factor.max(1);
        let real = Self::default();
        Self {
            retry_pause: real.retry_pause / factor,
            retry_after_second: real.retry_after_second / factor,
            breaker_window: real.breaker_window / factor,
            breaker_pause: real.breaker_pause / factor,
            minute: real.minute / factor,
            ..real
        }
    }
}
