//! What every call of the API goes through: the log, the limits, and what a switch does to it.

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use url::form_urlencoded;

use super::{
    Desk, error::ApiError, journal::Journal, limits::Budget, line::Line, switches::Switches, token,
};
use crate::{clock, domain::Timestamp};

const API: &str = "/api/v2/";
const TOKENS: &str = "/oauth/tokens";
const EXPORT: &str = "/api/v2/incremental/";
const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");

/// One call of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestRecord {
    pub method: String,
    /// Without the subdomain: `/api/v2/…` or `/oauth/tokens`.
    pub path: String,
    /// The records that its `ids` name.
    pub ids: Vec<i64>,
    /// Which token it came with.
    pub token_id: Option<i64>,
    pub user_agent: String,
    /// Who called, and which of the help desk's addresses: two callers that are told different
    /// addresses can be told apart. Known where [`Desk::serve`] serves.
    pub peer: Option<SocketAddr>,
    pub called: Option<SocketAddr>,
    /// Microseconds since 1970.
    pub started_at: Timestamp,
    /// When its answer was ready to be sent, or its caller was gone. None while it is under way.
    pub ended_at: Option<Timestamp>,
    /// None while it is under way, and where the caller was gone before.
    pub status: Option<u16>,
}

/// Ends a call's record, also where its caller hangs up.
struct Ending {
    log: Journal<RequestRecord>,
    number: u64,
    status: Option<u16>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let ended_at = Some(clock::now());
        self.log.amend(self.number, |record| {
            (record.ended_at, record.status) = (ended_at, self.status);
        });
    }
}

/// Watches a call, unless it is of a page.
pub(super) async fn watch(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let path = request.uri().path().strip_prefix(&format!("/{}", desk.subdomain));
    let path = path.filter(|path| path.starts_with(API) || *path == TOKENS).map(str::to_owned);
    let Some(path) = path else {
        return next.run(request).await;
    };
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|it| it.0.clone());
    let number = desk.requests.add(record(&desk, &request, path.clone(), line.as_ref()));
    let mut ending = Ending { log: desk.requests.clone(), number, status: None };
    let switches = desk.switches.read();
    let answer = if path == TOKENS {
        let answer = next.run(request).await;
        if answer.status().is_success() {
            desk.holds.pass().await;
        }
        sleep(Duration::from_millis(switches.hold_token_answers_ms)).await;
        let cut = switches.strikes("cut", switches.cut_token_answers, number);
        if let (true, true, Some(line)) = (cut, answer.status().is_success(), line) {
            line.cut();
        }
        answer
    } else {
        let answer = call(&desk, &switches, &path, number, request, next).await;
        sleep(Duration::from_millis(switches.hold_answers_ms)).await;
        answer
    };
    ending.status = Some(answer.status().as_u16());
    answer
}

/// Answers a call of the API, where nothing stands in its way. People at the help desk, who have no
/// token, are always served.
async fn call(
    desk: &Desk,
    switches: &Switches,
    path: &str,
    number: u64,
    request: Request,
    next: Next,
) -> Response {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return next.run(request).await;
    }
    if switches.throttle {
        return too_many(switches.retry_after_seconds);
    }
    let now = Instant::now();
    let take = |budget, limit: Option<u32>| {
        let taken = limit.map(|limit| desk.limits.take(budget, limit, desk.pace.minute, now));
        taken.transpose()
    };
    let export = switches.exports_per_minute.filter(|_| path.starts_with(EXPORT));
    let remaining = match take(Budget::Calls, switches.calls_per_minute)
        .and_then(|remaining| take(Budget::Exports, export).map(|_| remaining))
    {
        Ok(remaining) => remaining,
        Err(wait) => {
            let seconds = wait.as_millis().div_ceil(1_000).try_into().unwrap_or(1);
            return counted(too_many(seconds), switches.calls_per_minute, Some(0));
        }
    };
    let answer = if switches.strikes("fail", switches.fail, number) {
        ApiError::broken().into_response()
    } else {
        next.run(request).await
    };
    counted(answer, switches.calls_per_minute, remaining)
}

/// Says in an answer how many calls remain, where they are counted.
fn counted(mut answer: Response, limit: Option<u32>, remaining: Option<u32>) -> Response {
    if let (Some(limit), Some(remaining)) = (limit, remaining) {
        answer.headers_mut().insert(LIMIT, HeaderValue::from(limit));
        answer.headers_mut().insert(REMAINING, HeaderValue::from(remaining));
    }
    answer
}

fn too_many(retry_after_seconds: u64) -> Response {
    let headers = [(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))];
    let body = "Number of allowed API requests per minute exceeded";
    (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response()
}

fn record(desk: &Desk, request: &Request, path: String, line: Option<&Line>) -> RequestRecord {
    let query = request.uri().query().unwrap_or_default();
    let ids = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "ids");
    let ids = ids.map(|(_, ids)| ids.split(',').filter_map(|id| id.trim().parse().ok()).collect());
    let text = |headers: &HeaderMap, name| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    RequestRecord {
        method: request.method().to_string(),
        path,
        ids: ids.unwrap_or_default(),
        token_id: token::bearer(desk, request.headers()).ok().map(|token| token.id),
        user_agent: text(request.headers(), header::USER_AGENT),
        peer: line.map(|line| line.peer),
        called: line.map(|line| line.local),
        started_at: clock::now(),
        ended_at: None,
        status: None,
    }
}
