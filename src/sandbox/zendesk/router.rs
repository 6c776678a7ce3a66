//! Everything the help desk answers.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{delete, get, post, put},
};

use super::{Desk, authorize, control, error::ApiError, read, token, watch, webhook_api, write};

/// The largest body taken: the longest description many times over, escaped as JSON likes it.
const MAX_BODY_BYTES: usize = 1024 * 1024;

impl Desk {
    /// Everything the help desk answers, to be served by [`Desk::serve`]; served otherwise, no
    /// connection can be cut.
    pub fn router(self) -> Router {
        let ticket = get(read::show_ticket).put(write::update_ticket).delete(write::delete_ticket);
        let api = Router::new()
            .route("/tickets", post(write::create_ticket))
            .route("/tickets.json", post(write::create_ticket))
            .route("/tickets/show_many", get(read::show_tickets))
            .route("/tickets/show_many.json", get(read::show_tickets))
            .route("/tickets/{id}", ticket)
            .route("/tickets/{id}/merge", post(write::merge_tickets))
            .route("/tickets/{id}/mark_as_spam", put(write::mark_as_spam))
            .route("/deleted_tickets/{id}", delete(write::delete_for_good))
            .route("/deleted_tickets/{id}/restore", put(write::restore_ticket))
            .route("/users/show_many", get(read::show_users))
            .route("/users/show_many.json", get(read::show_users))
            .route("/users/{id}", put(write::update_user))
            .route("/incremental/tickets/cursor.json", get(read::export))
            .route("/webhooks", get(webhook_api::list).post(webhook_api::create))
            .route("/webhooks/{id}", delete(webhook_api::remove))
            .route("/webhooks/{id}/signing_secret", get(webhook_api::signing_secret))
            .route("/oauth/tokens/current.json", get(token::current))
            .route("/oauth/tokens/{id}", delete(token::revoke));
        let switches = get(control::show).patch(control::turn).delete(control::reset);
        let control = Router::new()
            .route("/switches", switches)
            .route("/webhooks", delete(control::vanish))
            .route("/access_tokens", delete(control::expire))
            .route("/requests", get(control::requests))
            .route("/deliveries", get(control::deliveries));
        let desk = Router::new()
            .route("/", get(write::front))
            .route("/requests", post(write::receive))
            .route("/oauth/authorizations/new", get(authorize::ask).post(authorize::decide))
            .route("/oauth/tokens", post(token::exchange))
            .nest("/api/v2", api)
            .nest("/sandbox", control);
        Router::new()
            .nest(&format!("/{}", self.subdomain), desk)
            .fallback(async || ApiError::not_found())
            .layer(middleware::from_fn_with_state(self.clone(), watch::watch))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(self)
    }
}
