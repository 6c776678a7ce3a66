//! How the small Zendesk says no, in the words of the real one.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::store::Refusal;

/// The word for what is the help desk's own fault.
const BROKEN: &str = "InternalError";

/// An error answer.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    /// The `error` word of the body.
    pub error: &'static str,
    pub description: String,
}

impl ApiError {
    pub fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into() }
    }

    /// The answer for what is not there.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "RecordNotFound", "Not found")
    }

    /// The answer for a request that makes no sense.
    pub fn bad(problem: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", problem)
    }

    /// The answer of a help desk that is told to fail.
    pub fn broken() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, BROKEN, "a switch had this call fail")
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Invalid(problem) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "RecordInvalid", problem)
            }
            Refusal::Unsaved(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, BROKEN, refusal.to_string())
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, error, description } = self;
        // Zendesk's `error` is mostly a word, and an object where something broke.
        let body = if error == BROKEN {
            json!({ "error": { "title": error, "message": description } })
        } else {
            json!({ "error": error, "description": description })
        };
        (status, Json(body)).into_response()
    }
}

/// The id of a record in a path, with or without the ending `.json`.
pub(super) fn record_id(text: &str) -> Result<i64, ApiError> {
    let id = text.strip_suffix(".json").unwrap_or(text);
    id.parse().map_err(|_| ApiError::not_found())
}
