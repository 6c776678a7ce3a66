//! How an application looks after its webhooks.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Desk,
    error::ApiError,
    token::{self, READ_WEBHOOKS, WRITE_WEBHOOKS},
    webhooks::WebhookInput,
};

#[derive(Deserialize)]
pub(super) struct WebhookBody {
    webhook: WebhookInput,
}

#[derive(Deserialize)]
pub(super) struct WebhookFilter {
    #[serde(default, rename = "filter[name_contains]")]
    name_contains: String,
}

/// `POST /api/v2/webhooks`
pub(super) async fn create(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Json(body): Json<WebhookBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    token::require(&desk, &headers, WRITE_WEBHOOKS)?;
    if let Some(problem) = body.webhook.problem() {
        return Err(ApiError::bad(problem));
    }
    let webhook = desk.webhooks.create(body.webhook);
    Ok((StatusCode::CREATED, Json(json!({ "webhook": webhook }))))
}

/// `GET /api/v2/webhooks?filter[name_contains]=…`
pub(super) async fn list(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Query(filter): Query<WebhookFilter>,
) -> Result<Json<Value>, ApiError> {
    token::require(&desk, &headers, READ_WEBHOOKS)?;
    let webhooks = desk.webhooks.named(&filter.name_contains);
    Ok(Json(json!({ "webhooks": webhooks, "meta": { "has_more": false } })))
}

/// `GET /api/v2/webhooks/{id}/signing_secret`
pub(super) async fn signing_secret(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    token::require(&desk, &headers, READ_WEBHOOKS)?;
    let webhook = desk.webhooks.get(&id).ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({ "signing_secret": { "algorithm": "SHA256", "secret": webhook.secret } })))
}

/// `DELETE /api/v2/webhooks/{id}`
pub(super) async fn remove(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    token::require(&desk, &headers, WRITE_WEBHOOKS)?;
    desk.webhooks.remove(&id).then_some(StatusCode::NO_CONTENT).ok_or_else(ApiError::not_found)
}
