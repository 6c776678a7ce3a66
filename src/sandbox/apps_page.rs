//! The Apps page: where a person of the account connects Zendesk, and where Zendesk sends them back.
//!
//! Only this page's backend calls the service. It stands for the platform's own, where the person is
//! logged in to an account; here that is always the sandbox's.

use axum::{
    Form, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{Html, IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    clients::{Clients, reason},
    zendesk::page,
};
use crate::proto::v1::{
    AuthorizeConnectionRequest, Connection, FinishConnectionRequest, ListConnectionsRequest,
    StartConnectionRequest, authorize_connection_request::Decision,
};

/// The page's path.
pub const PATH: &str = "/apps/zendesk";
/// Where Zendesk sends the browser back to.
pub const CALLBACK_PATH: &str = "/apps/zendesk/callback";

/// The page of one account. Cheap to clone.
#[derive(Clone)]
pub struct AppsPage {
    pub account: String,
    pub clients: Clients,
}

impl AppsPage {
    /// Everything the page answers.
    pub fn router(self) -> Router {
        Router::new()
            .route(PATH, get(list))
            .route("/apps/zendesk/connect", post(start))
            .route(CALLBACK_PATH, get(callback))
            .route("/apps/zendesk/finish", post(finish))
            .with_state(self)
    }
}

async fn list(State(mut apps): State<AppsPage>) -> Response {
    let request = ListConnectionsRequest { account_id: apps.account, ..Default::default() };
    match apps.clients.connections.list_connections(request).await {
        Ok(answer) => {
            let connections = answer.into_inner().connections;
            Html(overview(&connections).into_string()).into_response()
        }
        Err(status) => refusal(&status),
    }
}

#[derive(Deserialize)]
struct Start {
    subdomain: String,
}

async fn start(State(mut apps): State<AppsPage>, Form(form): Form<Start>) -> Response {
    let request = StartConnectionRequest { account_id: apps.account, subdomain: form.subdomain };
    match apps.clients.connections.start_connection(request).await {
        Ok(answer) => Redirect::to(&answer.into_inner().authorization_url).into_response(),
        Err(status) => refusal(&status),
    }
}

#[derive(Deserialize)]
struct Callback {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
}

async fn callback(State(mut apps): State<AppsPage>, Query(query): Query<Callback>) -> Response {
    let decision = match (query.code, query.error) {
        (Some(code), None) => Some(Decision::Code(code)),
        (_, Some(error)) => Some(Decision::Error(error)),
        (None, None) => None,
    };
    let request =
        AuthorizeConnectionRequest { account_id: apps.account, state: query.state, decision };
    match apps.clients.connections.authorize_connection(request).await {
        Ok(answer) => Html(authorized(&answer.into_inner()).into_string()).into_response(),
        Err(status) => refusal(&status),
    }
}

#[derive(Deserialize)]
struct Finish {
    connection_id: String,
}

async fn finish(State(mut apps): State<AppsPage>, Form(form): Form<Finish>) -> Response {
    let request = FinishConnectionRequest {
        account_id: apps.account,
        connection_id: form.connection_id,
        field_mappings: Vec::new(),
    };
    match apps.clients.connections.finish_connection(request).await {
        Ok(_) => Redirect::to(PATH).into_response(),
        Err(status) => refusal(&status),
    }
}

fn overview(connections: &[Connection]) -> Markup {
    page(
        "Apps: Zendesk Support",
        &html! {
            table {
                tr { th { "Subdomain" } th { "State" } th { "Webhook" } th { "Last event" } }
                @for connection in connections {
                    tr {
                        td { (connection.subdomain) }
                        td { (state(connection)) }
                        td { (webhook_state(connection)) }
                        td {
                            @if let Some(time) = connection.last_event_time { (time) } @else { "none yet" }
                        }
                    }
                }
            }
            h2 { "Connect a subdomain" }
            form method="post" action="/apps/zendesk/connect" {
                input name="subdomain" placeholder="acme, or https://acme.zendesk.com/" required;
                " "
                button { "Connect" }
            }
        },
    )
}

fn authorized(connection: &Connection) -> Markup {
    page(
        &format!("{} is authorised", connection.subdomain),
        &html! {
            p { "The connection is " strong { (state(connection)) } "." }
            form method="post" action="/apps/zendesk/finish" {
                input type="hidden" name="connection_id" value=(connection.connection_id);
                button { "Finish" }
            }
        },
    )
}

/// The page for a call that the service refused; the reason stands in it as the contract names it.
fn refusal(status: &tonic::Status) -> Response {
    let page = page(
        "Zendesk is not connected",
        &html! {
            p { code { (reason(status)) } }
            p { (status.message()) }
            p { a href=(PATH) { "Back to Apps" } }
        },
    );
    (StatusCode::CONFLICT, Html(page.into_string())).into_response()
}

/// The state of a connection as the contract names it.
#[must_use]
pub fn state(connection: &Connection) -> &'static str {
    connection.state().as_str_name().trim_start_matches("CONNECTION_STATE_")
}

/// The state of a connection's webhook as the contract names it.
#[must_use]
pub fn webhook_state(connection: &Connection) -> &'static str {
    connection.webhook_state().as_str_name().trim_start_matches("WEBHOOK_STATE_")
}
