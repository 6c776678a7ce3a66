//! Sends what waits in the outbox: signed, with a timeout, and again where Zendesk would.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    event::{ACCOUNT_ID, seconds},
    outbox::Delivery,
    pace::Pace,
    post::{Fate, Post},
    signature::sign,
    webhooks::Webhook,
};
use crate::clock;

/// How often a delivery is tried in all, as at Zendesk.
const MAX_TRIES: u32 = 5;
/// How often after 409, as at Zendesk.
const MAX_CONFLICTS: u32 = 3;
/// From which `retry-after` on Zendesk does not come back, in seconds.
const MAX_RETRY_AFTER: u32 = 60;

/// One in so many deliveries does not name the account: nobody may rely on that header.
const NAMELESS_EVERY: u64 = 4;

/// One help desk's courier. Cheap to clone.
#[derive(Clone)]
pub(super) struct Courier {
    http: reqwest::Client,
    post: Post,
    pace: Arc<Pace>,
    breakers: Arc<Mutex<HashMap<String, Breaker>>>,
}

/// How a try ended, and the `retry-after` of its answer.
struct Attempt {
    fate: Fate,
    retry_after: Option<u32>,
}

impl Courier {
    /// Has sent nothing yet.
    pub(super) fn new(post: Post, pace: Arc<Pace>) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(pace.delivery_timeout)
            .build()?;
        Ok(Self { http, post, pace, breakers: Arc::default() })
    }

    /// Sends what is due, until it is told to stop. What is under way then is broken off.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut sending = JoinSet::new();
        loop {
            while sending.len() < self.pace.deliveries_at_once
                && let Some(delivery) = self.post.outbox.take_due(Instant::now())
            {
                sending.spawn(self.clone().send(delivery));
            }
            let full = sending.len() >= self.pace.deliveries_at_once;
            let next = self.post.outbox.next_due().filter(|_| !full);
            tokio::select! {
                () = stop.cancelled() => return,
                Some(_) = sending.join_next() => {}
                () = self.post.outbox.changed(), if !full => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// Tries a delivery once, and has it tried again where that is due.
    async fn send(self, delivery: Delivery) {
        let attempt = self.attempt(&delivery).await;
        self.post.note(&delivery, attempt.fate, clock::now());
        if let Some(pause) = self.pause(&attempt, delivery.attempt) {
            let due = Instant::now() + pause;
            self.post
                .put(Delivery { attempt: delivery.attempt + 1, due, ..delivery }, clock::now());
        }
        self.post.outbox.settle();
    }

    async fn attempt(&self, delivery: &Delivery) -> Attempt {
        let given_up = |fate| Attempt { fate, retry_after: None };
        let Some(webhook) = self.post.webhooks.get(&delivery.webhook_id) else {
            return given_up(Fate::WebhookGone);
        };
        let open = |courier: &Self| {
            let breakers = courier.lock();
            breakers.get(&webhook.id).is_some_and(|breaker| breaker.is_open(Instant::now()))
        };
        if open(self) {
            return given_up(Fate::CircuitOpen);
        }
        let attempt = match self.request(&webhook, delivery).send().await {
            Ok(answer) => {
                let retry_after = answer.headers().get(RETRY_AFTER);
                Attempt {
                    fate: Fate::Answered(answer.status().as_u16()),
                    retry_after: retry_after.and_then(|it| it.to_str().ok()?.parse().ok()),
                }
            }
            Err(error) if error.is_timeout() => given_up(Fate::TimedOut),
            Err(_) => given_up(Fate::Unreachable),
        };
        let succeeded = matches!(attempt.fate, Fate::Answered(200..=299));
        let mut breakers = self.lock();
        let breaker = breakers.entry(webhook.id).or_default();
        breaker.note(!succeeded, Instant::now(), &self.pace);
        attempt
    }

    fn request(&self, webhook: &Webhook, delivery: &Delivery) -> reqwest::RequestBuilder {
        let timestamp = seconds(clock::now());
        let body = &delivery.event.body;
        let signature = sign(&webhook.secret, &timestamp, body.as_bytes());
        let request = self
            .http
            .post(&webhook.told.endpoint)
            .header(CONTENT_TYPE, "application/json")
            .header("x-zendesk-webhook-id", &webhook.id)
            .header("x-zendesk-webhook-invocation-id", &delivery.invocation_id)
            .header("x-zendesk-webhook-signature", signature)
            .header("x-zendesk-webhook-signature-timestamp", timestamp)
            .body(body.clone());
        if delivery.number % NAMELESS_EVERY == NAMELESS_EVERY - 1 {
            return request;
        }
        request.header("x-zendesk-account-id", ACCOUNT_ID)
    }

    /// How long to wait before the next try; none where there is none.
    fn pause(&self, attempt: &Attempt, tries: u32) -> Option<Duration> {
        match attempt.fate {
            Fate::TimedOut => (tries < MAX_TRIES).then_some(self.pace.retry_pause),
            Fate::Answered(status) => match StatusCode::from_u16(status) {
                Ok(StatusCode::CONFLICT) => {
                    (tries < MAX_CONFLICTS).then_some(self.pace.retry_pause)
                }
                Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                    let wait = attempt.retry_after.filter(|seconds| *seconds < MAX_RETRY_AFTER);
                    wait.filter(|_| tries < MAX_TRIES)
                        .map(|seconds| self.pace.retry_after_second * seconds)
                }
                Ok(_) | Err(_) => None,
            },
            Fate::Unreachable
            | Fate::Dropped
            | Fate::CircuitOpen
            | Fate::WebhookGone
            | Fate::Overflowed => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
