//! What people make the small Zendesk do that the real one has no call for.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    Desk, error::ApiError, post::DeliveryRecord, switches::Switches, watch::RequestRecord,
};

/// How many entries of a log are shown.
const SHOWN: usize = 100;

/// `GET /sandbox/switches`
pub(super) async fn show(State(desk): State<Desk>) -> Json<Switches> {
    Json(desk.switches.read())
}

/// `PATCH /sandbox/switches`: those that are named; the others stay.
pub(super) async fn turn(
    State(desk): State<Desk>,
    Json(named): Json<Map<String, Value>>,
) -> Result<Json<Switches>, ApiError> {
    let mut switches = json!(desk.switches.read());
    for (name, value) in named {
        switches[name] = value;
    }
    let switches =
        serde_json::from_value(switches).map_err(|error| ApiError::bad(error.to_string()))?;
    desk.switches.replace(switches)?;
    Ok(Json(desk.switches.read()))
}

/// `DELETE /sandbox/switches`: all as at the beginning.
pub(super) async fn reset(State(desk): State<Desk>) -> Result<Json<Switches>, ApiError> {
    desk.switches.replace(Switches::default())?;
    Ok(Json(desk.switches.read()))
}

/// `DELETE /sandbox/webhooks`: they vanish.
pub(super) async fn vanish(State(desk): State<Desk>) -> StatusCode {
    desk.webhooks.vanish();
    StatusCode::NO_CONTENT
}

/// `DELETE /sandbox/access_tokens`: they expire; what they are refreshed with does not.
pub(super) async fn expire(State(desk): State<Desk>) -> StatusCode {
    desk.oauth.expire_access_tokens();
    StatusCode::NO_CONTENT
}

/// `GET /sandbox/requests`: the newest calls of the API, the newest first.
pub(super) async fn requests(State(desk): State<Desk>) -> Json<Vec<RequestRecord>> {
    Json(desk.requests.newest(SHOWN))
}

/// `GET /sandbox/deliveries`: the newest tries to deliver an event, the newest first.
pub(super) async fn deliveries(State(desk): State<Desk>) -> Json<Vec<DeliveryRecord>> {
    Json(desk.post.log.newest(SHOWN))
}
