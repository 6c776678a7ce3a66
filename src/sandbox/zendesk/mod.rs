//! A small Zendesk on loopback: one help desk with its own tickets, users and OAuth.
//!
//! It answers as the real one does, as far as the service and the sandbox's carrier ask, and takes
//! what customers and agents do as JSON or from its page.

mod authorize;
mod change;
mod contents;
mod error;
mod oauth;
mod page;
mod read;
mod store;
mod ticket;
mod token;
mod write;

use std::{net::SocketAddr, path::PathBuf};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post, put},
};

use self::error::ApiError;
pub use self::{
    change::{Comment, TicketInput, UserInput},
    oauth::{Consent, Exchange, OAuth, OAuthClient, OAuthError, Token, secret},
    page::page,
    store::{Export, ExportStart, Refusal, Store},
    ticket::{Ticket, User},
};

/// The largest body taken: the longest description many times over, escaped as JSON likes it.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// One help desk: what stands under one subdomain. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub subdomain: String,
    /// Its address, without a slash at the end: the subdomain is a path here, since the host is
    /// loopback.
    pub url: String,
    pub store: Store,
    pub oauth: OAuth,
}

impl Desk {
    /// Opens a help desk that will answer at the address; see [`Store::open`] for the file.
    pub fn open(
        subdomain: &str,
        at: SocketAddr,
        file: Option<PathBuf>,
        client: OAuthClient,
    ) -> std::io::Result<Self> {
        Ok(Self {
            subdomain: subdomain.to_owned(),
            url: format!("http://{at}/{subdomain}"),
            store: Store::open(file)?,
            oauth: OAuth::new(client),
        })
    }

    /// Everything the help desk answers.
    pub fn router(self) -> Router {
        let api = Router::new()
            .route("/tickets", post(write::create_ticket))
            .route("/tickets.json", post(write::create_ticket))
            .route("/tickets/show_many", get(read::show_tickets))
            .route("/tickets/show_many.json", get(read::show_tickets))
            .route("/tickets/{id}", put(write::update_ticket).delete(write::delete_ticket))
            .route("/users/show_many", get(read::show_users))
            .route("/users/show_many.json", get(read::show_users))
            .route("/users/{id}", put(write::update_user))
            .route("/incremental/tickets/cursor.json", get(read::export))
            .route("/oauth/tokens/current.json", get(token::current))
            .route("/oauth/tokens/{id}", delete(token::revoke));
        let desk = Router::new()
            .route("/", get(write::front))
            .route("/requests", post(write::receive))
            .route("/oauth/authorizations/new", get(authorize::ask).post(authorize::decide))
            .route("/oauth/tokens", post(token::exchange))
            .nest("/api/v2", api);
        Router::new()
            .nest(&format!("/{}", self.subdomain), desk)
            .fallback(async || ApiError::not_found())
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(self)
    }
}

/// The id of a record in a path, with or without the ending `.json`.
fn record_id(text: &str) -> Result<i64, ApiError> {
    let id = text.strip_suffix(".json").unwrap_or(text);
    id.parse().map_err(|_| ApiError::not_found())
}
