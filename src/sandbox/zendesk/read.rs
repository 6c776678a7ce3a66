//! What an application reads: tickets, users, and what changed.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Desk,
    error::{ApiError, record_id},
    query::ExportStart,
    ticket::Ticket,
    token::{self, READ_TICKETS, READ_USERS},
};
use crate::{clock, domain::Timestamp};

/// How many records one request may name, as at Zendesk.
const MAX_IDS: usize = 100;
/// How far back an export has to start, in seconds, as at Zendesk.
const EXPORT_MIN_AGE_SECONDS: i64 = 60;

#[derive(Deserialize)]
pub(super) struct ShowMany {
    ids: String,
    #[serde(default)]
    include: String,
}

/// `GET /api/v2/tickets/{id}.json`
pub(super) async fn show_ticket(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    token::require(&desk, &headers, READ_TICKETS)?;
    let as_of = desk.switches.read().read_moment();
    let found = desk.store.tickets(&[record_id(&id)?], as_of);
    let ticket = found.first().ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({ "ticket": ticket })))
}

/// `GET /api/v2/tickets/show_many`: those of the named that exist.
pub(super) async fn show_tickets(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Query(query): Query<ShowMany>,
) -> Result<Json<Value>, ApiError> {
    token::require(&desk, &headers, READ_TICKETS)?;
    let as_of = desk.switches.read().read_moment();
    let tickets = desk.store.tickets(&ids(&query.ids)?, as_of);
    let mut answer = json!({ "count": tickets.len(), "tickets": tickets });
    if query.include == "users" {
        token::require(&desk, &headers, READ_USERS)?;
        answer["users"] = requesters(&desk, &tickets, as_of);
    }
    Ok(Json(answer))
}

/// `GET /api/v2/users/show_many`: those of the named that exist.
pub(super) async fn show_users(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Query(query): Query<ShowMany>,
) -> Result<Json<Value>, ApiError> {
    token::require(&desk, &headers, READ_USERS)?;
    let as_of = desk.switches.read().read_moment();
    let users = desk.store.users(&ids(&query.ids)?, as_of);
    Ok(Json(json!({ "count": users.len(), "users": users })))
}

#[derive(Deserialize)]
pub(super) struct ExportQuery {
    start_time: Option<i64>,
    cursor: Option<String>,
    #[serde(default)]
    include: String,
}

/// `GET /api/v2/incremental/tickets/cursor.json`: what changed, each ticket as it stands now.
pub(super) async fn export(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Query(query): Query<ExportQuery>,
) -> Result<Json<Value>, ApiError> {
    token::require(&desk, &headers, READ_TICKETS)?;
    let latest_start = clock::now().as_micros() / 1_000_000 - EXPORT_MIN_AGE_SECONDS;
    let start = match (&query.cursor, query.start_time) {
        (Some(cursor), _) => ExportStart::Change(cursor.parse().map_err(|_| bad("cursor"))?),
        (None, Some(second)) if second <= latest_start => ExportStart::Time(second),
        (None, Some(_)) => {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "StartTimeTooRecent",
                "start_time must lie at least a minute ago",
            ));
        }
        (None, None) => return Err(bad("start_time")),
    };
    let switches = desk.switches.read();
    let as_of = switches.read_moment();
    let page = desk.store.export(start, switches.export_page, as_of);
    let mut answer = json!({
        "tickets": page.tickets,
        "after_cursor": page.last_change.to_string(),
        "end_of_stream": page.end_of_stream,
    });
    if query.include == "users" {
        token::require(&desk, &headers, READ_USERS)?;
        answer["users"] = requesters(&desk, &page.tickets, as_of);
    }
    Ok(Json(answer))
}

fn requesters(desk: &Desk, tickets: &[Ticket], as_of: Timestamp) -> Value {
    let ids: BTreeSet<i64> = tickets.iter().map(|ticket| ticket.requester_id).collect();
    json!(desk.store.users(&ids.into_iter().collect::<Vec<_>>(), as_of))
}

fn ids(list: &str) -> Result<Vec<i64>, ApiError> {
    let ids: Result<Vec<i64>, _> = list.split(',').map(|id| id.trim().parse()).collect();
    ids.ok().filter(|ids| ids.len() <= MAX_IDS).ok_or_else(|| bad("ids"))
}

fn bad(parameter: &str) -> ApiError {
    ApiError::bad(format!("{parameter} is missing or malformed"))
}
