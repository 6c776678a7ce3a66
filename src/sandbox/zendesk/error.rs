//! How the small Zendesk says no, in the words of the real one.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::store::Refusal;

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
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Invalid(problem) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "RecordInvalid", problem)
            }
            Refusal::Unsaved(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", refusal.to_string())
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "description": self.description });
        (self.status, Json(body)).into_response()
    }
}
