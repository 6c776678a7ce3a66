//! The token endpoint, and the tokens as records of their own.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Desk,
    error::{ApiError, record_id},
    oauth::{Exchange, OAuthError, Token},
};
use crate::clock;

/// The scopes that calls need.
pub(super) const READ_TICKETS: &str = "tickets:read";
pub(super) const READ_USERS: &str = "users:read";
pub(super) const READ_WEBHOOKS: &str = "webhooks:read";
pub(super) const WRITE_WEBHOOKS: &str = "webhooks:write";

/// The body of `POST /oauth/tokens`.
#[derive(Deserialize)]
pub(super) struct TokenRequest {
    client_id: String,
    client_secret: String,
    #[serde(flatten)]
    grant: GrantRequest,
}

#[derive(Deserialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
enum GrantRequest {
    AuthorizationCode { code: String, redirect_uri: String, code_verifier: String },
    RefreshToken { refresh_token: String },
}

/// `POST /oauth/tokens`: a code, or a refresh token, for a pair of tokens.
pub(super) async fn exchange(
    State(desk): State<Desk>,
    Json(request): Json<TokenRequest>,
) -> Result<Json<Value>, ApiError> {
    desk.oauth.check_client(&request.client_id, &request.client_secret)?;
    let now = clock::now();
    let token = match &request.grant {
        GrantRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
            desk.oauth.exchange(&Exchange { code, redirect_url: redirect_uri, code_verifier }, now)
        }
        GrantRequest::RefreshToken { refresh_token } => desk.oauth.refresh(refresh_token, now),
    }?;
    Ok(Json(json!({
        "access_token": token.access,
        "refresh_token": token.refresh,
        "token_type": "bearer",
        "scope": token.scope,
        "expires_in": desk.pace.access_token_lifetime.as_secs(),
        "refresh_token_expires_in": desk.pace.refresh_token_lifetime.as_secs(),
    })))
}

/// `GET /api/v2/oauth/tokens/current.json`: which token the request came with.
pub(super) async fn current(
    State(desk): State<Desk>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let token = bearer(&desk, &headers)?;
    let scopes: Vec<&str> = token.scope.split(' ').collect();
    Ok(Json(json!({ "token": { "id": token.id, "scopes": scopes } })))
}

/// `DELETE /api/v2/oauth/tokens/{id}.json`: revokes it.
pub(super) async fn revoke(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    bearer(&desk, &headers)?;
    if desk.oauth.revoke(record_id(&id)?) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found())
    }
}

/// The token of a request, refused where it is missing or no longer good.
pub(super) fn bearer(desk: &Desk, headers: &HeaderMap) -> Result<Token, ApiError> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let access = header.and_then(|value| value.strip_prefix("Bearer "));
    access.and_then(|access| desk.oauth.token(access, clock::now())).ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "The access token provided is expired, revoked, malformed or invalid for other reasons.",
        )
    })
}

/// Refuses a request whose token was not granted the scope.
pub(super) fn require(desk: &Desk, headers: &HeaderMap, scope: &str) -> Result<(), ApiError> {
    if bearer(desk, headers)?.scope.split(' ').any(|granted| granted == scope) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "Forbidden",
        format!("the token was not granted the scope {scope}"),
    ))
}

impl From<OAuthError> for ApiError {
    fn from(error: OAuthError) -> Self {
        match error {
            OAuthError::InvalidClient => Self::new(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "The client is unknown, or its secret is wrong",
            ),
            OAuthError::InvalidGrant => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "The grant is unknown, used, expired, or does not match what it was given for",
            ),
        }
    }
}
