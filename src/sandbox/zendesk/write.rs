//! What people do at the help desk: customers write, agents answer, tickets are deleted.
//!
//! These take no token: they stand for people who are logged in. An application's token is refused,
//! since none of the scopes that the service asks for lets it write a ticket.

use axum::{
    Form, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{Html, Redirect},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Desk,
    change::{Comment, MergeInput, TicketInput, UserInput},
    error::{ApiError, record_id},
    page,
    store::{Refusal, Store},
};
use crate::{clock, domain::Timestamp};

/// How many tickets the page of the help desk shows, the newest first.
const PAGE_TICKETS: usize = 50;

#[derive(Deserialize)]
pub(super) struct TicketBody {
    ticket: TicketInput,
}

#[derive(Deserialize)]
pub(super) struct UserBody {
    user: UserInput,
}

/// `POST /api/v2/tickets.json`
pub(super) async fn create_ticket(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Json(body): Json<TicketBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    refuse_applications(&headers)?;
    let ticket = desk.store.create_ticket(&desk.url, &body.ticket, clock::now())?;
    Ok((StatusCode::CREATED, Json(json!({ "ticket": ticket }))))
}

/// `PUT /api/v2/tickets/{id}.json`
pub(super) async fn update_ticket(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<TicketBody>,
) -> Result<Json<Value>, ApiError> {
    refuse_applications(&headers)?;
    let ticket = desk.store.update_ticket(record_id(&id)?, &body.ticket, clock::now())?;
    Ok(Json(json!({ "ticket": ticket })))
}

/// `DELETE /api/v2/tickets/{id}.json`
pub(super) async fn delete_ticket(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    act(&desk, &headers, &id, Store::delete_ticket)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/v2/tickets/{id}/mark_as_spam`
pub(super) async fn mark_as_spam(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<(), ApiError> {
    act(&desk, &headers, &id, Store::mark_as_spam)
}

/// `PUT /api/v2/deleted_tickets/{id}/restore`
pub(super) async fn restore_ticket(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<(), ApiError> {
    act(&desk, &headers, &id, Store::restore_ticket).map(drop)
}

/// `DELETE /api/v2/deleted_tickets/{id}.json`
pub(super) async fn delete_for_good(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<(), ApiError> {
    act(&desk, &headers, &id, Store::delete_ticket_for_good)
}

/// `POST /api/v2/tickets/{id}/merge`: the tickets named are merged into this one.
pub(super) async fn merge_tickets(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(input): Json<MergeInput>,
) -> Result<(), ApiError> {
    act(&desk, &headers, &id, |store, target, now| store.merge_tickets(target, &input, now))
}

/// `PUT /api/v2/users/{id}.json`
pub(super) async fn update_user(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<UserBody>,
) -> Result<Json<Value>, ApiError> {
    refuse_applications(&headers)?;
    let user = desk.store.update_user(record_id(&id)?, &body.user, clock::now())?;
    Ok(Json(json!({ "user": user })))
}

/// `GET /`: the help desk's page, where a customer writes and the newest tickets are listed.
pub(super) async fn front(State(desk): State<Desk>) -> Html<String> {
    let mut tickets = desk.store.all();
    tickets.reverse();
    tickets.truncate(PAGE_TICKETS);
    let unusual = desk.switches.read().unusual();
    Html(page::front(&desk.subdomain, &desk.url, &tickets, &unusual).into_string())
}

/// The form of the help desk's page.
#[derive(Deserialize)]
pub(super) struct Letter {
    name: String,
    email: String,
    subject: String,
    body: String,
}

/// `POST /requests`: the form of the help desk's page.
pub(super) async fn receive(
    State(desk): State<Desk>,
    Form(letter): Form<Letter>,
) -> Result<Redirect, ApiError> {
    let mut input = TicketInput {
        requester: Some(UserInput {
            name: Some(letter.name),
            email: Some(letter.email),
            role: None,
        }),
        comment: Some(Comment { body: letter.body }),
        ..TicketInput::default()
    };
    if !letter.subject.trim().is_empty() {
        input.fields.insert("subject".into(), letter.subject.trim().into());
    }
    desk.store.create_ticket(&desk.url, &input, clock::now())?;
    Ok(Redirect::to(&desk.url))
}

/// Does something to one ticket, now.
fn act<T>(
    desk: &Desk,
    headers: &HeaderMap,
    id: &str,
    deed: impl FnOnce(&Store, i64, Timestamp) -> Result<T, Refusal>,
) -> Result<T, ApiError> {
    refuse_applications(headers)?;
    Ok(deed(&desk.store, record_id(id)?, clock::now())?)
}

fn refuse_applications(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(AUTHORIZATION) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "an application's token cannot write here",
        ));
    }
    Ok(())
}
