//! The OAuth of the small Zendesk: it refuses what the real one refuses.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use ticketsync::{
    clock,
    domain::Timestamp,
    sandbox::zendesk::{Consent, Exchange, OAuth, OAuthClient, OAuthError, Pace},
};

use super::desk::{
    CHALLENGE, CLIENT_ID, CLIENT_SECRET, HelpDesk, REDIRECT_URL, VERIFIER, parameter, refresh,
};

#[tokio::test]
async fn accepting_sends_the_browser_back_with_a_code_and_the_state() {
    let zendesk = HelpDesk::start().await;
    let url = zendesk.authorize_url(&[]);
    let page = zendesk.http.get(&url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("Allow access to acme?"));

    let back = zendesk.press(&url, "accept").await;
    assert_eq!(back.status(), 302);
    assert_eq!(parameter(&back, "state").as_deref(), Some("a state & more"));
    assert!(parameter(&back, "code").is_some());
    assert!(parameter(&back, "error").is_none());
}

#[tokio::test]
async fn denying_sends_the_browser_back_with_an_error_and_no_code() {
    let zendesk = HelpDesk::start().await;
    let back = zendesk.press(&zendesk.authorize_url(&[]), "deny").await;
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&back, "state").as_deref(), Some("a state & more"));
    assert!(parameter(&back, "code").is_none());
}

#[tokio::test]
async fn an_unknown_client_or_address_is_told_to_the_person_and_never_redirected_to() {
    let zendesk = HelpDesk::start().await;
    for change in [("client_id", "somebody"), ("redirect_uri", "http://elsewhere.example/")] {
        let url = zendesk.authorize_url(&[change]);
        for answer in
            [zendesk.http.get(&url).send().await.unwrap(), zendesk.press(&url, "accept").await]
        {
            assert_eq!(answer.status(), 400, "{change:?}");
            assert!(answer.headers().get("location").is_none(), "{change:?}");
        }
    }
}

#[tokio::test]
async fn an_authorisation_without_pkce_is_refused() {
    let zendesk = HelpDesk::start().await;
    for change in [("code_challenge", ""), ("code_challenge_method", "plain")] {
        let back = zendesk.press(&zendesk.authorize_url(&[change]), "accept").await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("invalid_request"), "{change:?}");
        assert!(parameter(&back, "code").is_none());
    }
}

#[tokio::test]
async fn what_strangers_put_into_the_url_is_escaped_on_the_page() {
    let zendesk = HelpDesk::start().await;
    let url = zendesk.authorize_url(&[("scope", "<script>alert(1)</script>")]);
    let page = zendesk.http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn a_code_is_exchanged_once() {
    let zendesk = HelpDesk::start().await;
    let code = zendesk.code().await;
    let (status, token) = zendesk.exchange(&code, json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(token["token_type"], "bearer");
    assert_eq!(token["scope"], "tickets:read users:read");
    assert!(token["access_token"].is_string() && token["refresh_token"].is_string());

    let (status, refusal) = zendesk.exchange(&code, json!({})).await;
    assert_eq!((status, &refusal["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_address_and_its_client() {
    let zendesk = HelpDesk::start().await;
    for (change, status, error) in [
        (json!({"code_verifier": "another one"}), 400, "invalid_grant"),
        (json!({"redirect_uri": "http://127.0.0.1:9/"}), 400, "invalid_grant"),
        (json!({"client_secret": "guessed"}), 401, "invalid_client"),
        (json!({"client_id": "somebody"}), 401, "invalid_client"),
    ] {
        let code = zendesk.code().await;
        let (found, refusal) = zendesk.exchange(&code, change.clone()).await;
        assert_eq!((found, &refusal["error"]), (status, &json!(error)), "{change}");
    }
}

#[tokio::test]
async fn a_code_tried_with_a_wrong_verifier_is_gone() {
    let zendesk = HelpDesk::start().await;
    let code = zendesk.code().await;
    zendesk.exchange(&code, json!({"code_verifier": "a guess"})).await;
    let (status, refusal) = zendesk.exchange(&code, json!({})).await;
    assert_eq!((status, &refusal["error"]), (400, &json!("invalid_grant")));
}

#[test]
fn a_code_lives_120_seconds() {
    let client = OAuthClient {
        id: CLIENT_ID.into(),
        secret: CLIENT_SECRET.into(),
        redirect_url: REDIRECT_URL.into(),
    };
    let oauth = OAuth::new(client, Arc::default());
    let issued = clock::now();
    let exchange_after = |seconds: u64| {
        let consent = Consent {
            redirect_url: REDIRECT_URL.into(),
            scope: "tickets:read".into(),
            code_challenge: CHALLENGE.into(),
        };
        let code = oauth.agree(consent, issued);
        let exchange =
            Exchange { code: &code, redirect_url: REDIRECT_URL, code_verifier: VERIFIER };
        let later: Timestamp = issued.plus(Duration::from_secs(seconds));
        oauth.exchange(&exchange, later).map(|_| ())
    };
    assert_eq!(exchange_after(120), Ok(()));
    assert_eq!(exchange_after(121), Err(OAuthError::InvalidGrant));
}

#[tokio::test]
async fn refreshing_ends_the_old_pair() {
    let zendesk = HelpDesk::start().await;
    let (_, first) = zendesk.exchange(&zendesk.code().await, json!({})).await;
    let refresh = refresh(&first);
    let (status, second) = zendesk.token_call(&refresh).await;
    assert_eq!(status, 200);
    assert_ne!(first["access_token"], second["access_token"]);
    let current = zendesk.get("/api/v2/oauth/tokens/current.json");
    let old = current.bearer_auth(first["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(old.status(), 401);
    assert_eq!(zendesk.token_call(&refresh).await.0, 400);
}

#[tokio::test]
async fn tokens_live_as_long_as_they_are_told_to_and_say_so() {
    let pace = Pace {
        access_token_lifetime: Duration::from_mins(5),
        refresh_token_lifetime: Duration::ZERO,
        ..Pace::default()
    };
    let zendesk = HelpDesk::at(pace).await;
    let (_, token) = zendesk.exchange(&zendesk.code().await, json!({})).await;
    assert_eq!(
        (&token["expires_in"], &token["refresh_token_expires_in"]),
        (&json!(300), &json!(0))
    );
    let (status, refusal) = zendesk.token_call(&refresh(&token)).await;
    assert_eq!((status, &refusal["error"]), (400, &json!("invalid_grant")), "it has expired");
}

#[tokio::test]
async fn an_expired_access_token_opens_nothing_and_is_refreshed() {
    let zendesk = HelpDesk::start().await;
    let (_, token) = zendesk.exchange(&zendesk.code().await, json!({})).await;
    let current = async |token: &serde_json::Value| {
        let request = zendesk.get("/api/v2/oauth/tokens/current.json");
        let access = token["access_token"].as_str().unwrap();
        request.bearer_auth(access).send().await.unwrap().status()
    };
    assert_eq!(current(&token).await, 200);
    let url = format!("{}/sandbox/access_tokens", zendesk.desk.url);
    assert_eq!(zendesk.http.delete(url).send().await.unwrap().status(), 204);
    assert_eq!(current(&token).await, 401);
    let (status, token) = zendesk.token_call(&refresh(&token)).await;
    assert_eq!(status, 200);
    assert_eq!(current(&token).await, 200);
}

#[tokio::test]
async fn a_revoked_token_opens_nothing() {
    let zendesk = HelpDesk::start().await;
    let (_, token) = zendesk.exchange(&zendesk.code().await, json!({})).await;
    let access = token["access_token"].as_str().unwrap();
    let current = async || {
        let request = zendesk.get("/api/v2/oauth/tokens/current.json").bearer_auth(access);
        request.send().await.unwrap()
    };
    let body: serde_json::Value = current().await.json().await.unwrap();
    let url = format!("{}/api/v2/oauth/tokens/{}.json", zendesk.desk.url, body["token"]["id"]);
    let gone = zendesk.http.delete(&url).bearer_auth(access).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(current().await.status(), 401);
}
