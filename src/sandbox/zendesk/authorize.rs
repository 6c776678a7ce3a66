//! The authorise page: a person reads who asks for what, and accepts or denies.

use axum::{
    Form,
    extract::{Query, State},
    http::{StatusCode, header::LOCATION},
    response::{Html, IntoResponse as _, Response},
};
use serde::Deserialize;
use url::Url;

use super::{Desk, oauth::Consent, page};
use crate::clock;

/// What the application put into the authorise URL.
#[derive(Deserialize)]
pub(super) struct AuthorizationRequest {
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
}

/// The button that was pressed.
#[derive(Deserialize)]
pub(super) struct Decision {
    decision: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Accept,
    Deny,
}

/// `GET /oauth/authorizations/new`: asks.
pub(super) async fn ask(
    State(desk): State<Desk>,
    Query(request): Query<AuthorizationRequest>,
) -> Response {
    match checked(&desk, &request) {
        Ok(_) => {
            let page = page::authorize(&desk.subdomain, &request.client_id, &request.scope);
            Html(page.into_string()).into_response()
        }
        Err(response) => response,
    }
}

/// `POST /oauth/authorizations/new`: a button was pressed; the query is still that of the page.
pub(super) async fn decide(
    State(desk): State<Desk>,
    Query(request): Query<AuthorizationRequest>,
    Form(Decision { decision }): Form<Decision>,
) -> Response {
    let back = match checked(&desk, &request) {
        Ok(back) => back,
        Err(response) => return response,
    };
    match decision {
        Answer::Accept => {
            let consent = Consent {
                redirect_url: request.redirect_uri,
                scope: request.scope,
                code_challenge: request.code_challenge,
            };
            let code = desk.oauth.agree(consent, clock::now());
            redirect(back, &[("code", &code), ("state", &request.state)])
        }
        Answer::Deny => redirect(
            back,
            &[
                ("error", "access_denied"),
                ("error_description", "The end-user denied the request"),
                ("state", &request.state),
            ],
        ),
    }
}

/// Checks what the application asks for; gives the address to send the browser back to.
///
/// An unknown client or address is told to the person, never redirected to: nothing says where that
/// address leads. All else is told to the application.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, sent at once")]
fn checked(desk: &Desk, request: &AuthorizationRequest) -> Result<Url, Response> {
    let client = desk.oauth.client();
    let back = Url::parse(&request.redirect_uri).ok();
    let known = client.id == request.client_id && client.redirect_url == request.redirect_uri;
    let Some(back) = back.filter(|_| known) else {
        let page = page::refusal("This application, or its redirect address, is not known here.");
        return Err((StatusCode::BAD_REQUEST, Html(page.into_string())).into_response());
    };
    let problem = if request.response_type != "code" {
        Some(("unsupported_response_type", "response_type must be code"))
    } else if request.code_challenge_method != "S256" || request.code_challenge.is_empty() {
        Some(("invalid_request", "code_challenge is required, with the method S256"))
    } else if request.scope.is_empty() {
        Some(("invalid_scope", "scope is required"))
    } else {
        None
    };
    match problem {
        Some((error, description)) => Err(redirect(
            back,
            &[("error", error), ("error_description", description), ("state", &request.state)],
        )),
        None => Ok(back),
    }
}

fn redirect(mut back: Url, parameters: &[(&str, &str)]) -> Response {
    back.query_pairs_mut().extend_pairs(parameters);
    (StatusCode::FOUND, [(LOCATION, String::from(back))]).into_response()
}
