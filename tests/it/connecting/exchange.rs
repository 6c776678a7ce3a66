//! The exchange of the code, when Zendesk or the way to it does not behave.

use std::time::Duration;

use ticketsync::{
    domain::{AccountId, AuthorizationState, Secret},
    error::Error,
    service::Decision,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{Service, new_keyring, refusal};
use crate::support::{
    Agreed, Answer, CLIENT_SECRET, Database, TOKEN_LIFETIME_SECONDS, on_both_engines,
};

/// How long these tests let a call to Zendesk take: long for loopback, short for who waits.
const HURRY: Duration = Duration::from_secs(1);

fn refused() -> (Code, String) {
    (Code::FailedPrecondition, "ZENDESK_REFUSED".into())
}

fn unavailable() -> (Code, String) {
    (Code::Unavailable, "ZENDESK_UNAVAILABLE".into())
}

fn plain(status: u16, body: &str) -> Answer {
    Answer::Plain(status, body.into())
}

async fn hurried(db: &Database) -> Service {
    Service::with(db, &new_keyring(), |options| ticketsync::zendesk::ClientOptions {
        request_timeout: HURRY,
        ..options
    })
    .await
}

/// Authorises with an exchange that is answered so.
async fn answered(
    service: &Service,
    answer: Answer,
) -> Result<ticketsync::proto::v1::Connection, Status> {
    let agreed = service.agreed("acme", "acme").await;
    service.zendesk.answer_exchange(answer);
    service.authorize("acme", &agreed).await
}

/// Asserts that nothing secret shows in what a caller gets.
fn assert_discreet(status: &Status, agreed: &Agreed) {
    let shown = format!("{status:?} {}", String::from_utf8_lossy(status.details()));
    for secret in [&agreed.state, &agreed.code, CLIENT_SECRET] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

on_both_engines! {
    async fn a_refused_code_is_told_with_zendesks_own_word(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let forged = Agreed { code: "not-the-code".into(), ..agreed.clone() };
        let status = service.authorize("acme", &forged).await.unwrap_err();
        assert_discreet(&status, &forged);
        assert!(status.message().contains("400") && status.message().contains("invalid_grant"));
        assert_eq!(refusal::<()>(Err(status)), refused());
        let again = service.authorize("acme", &agreed).await;
        assert_eq!(refusal(again).1, "AUTHORIZATION_STATE_INVALID");
        let state = service.start_connection("acme", "acme").await.unwrap().connection.unwrap();
        assert_eq!(state.state(), ticketsync::proto::v1::ConnectionState::AwaitingAuthorization);
    }

    async fn a_code_of_another_authorisation_is_refused_by_pkce(db: Database) {
        let service = Service::start(&db).await;
        let (mine, injected) = (service.agreed("acme", "acme").await, service.agreed("other", "acme").await);
        let mixed = Agreed { state: mine.state, code: injected.code };
        assert_eq!(refusal(service.authorize("acme", &mixed).await), refused());
    }

    async fn an_answer_that_says_no_is_zendesk_refused(db: Database) {
        let service = Service::start(&db).await;
        for status in [400, 401, 403, 404, 409, 422] {
            let answer = answered(&service, plain(status, r#"{"error":"invalid_client"}"#)).await;
            assert_eq!(refusal(answer), refused(), "{status}");
        }
    }

    async fn an_error_that_is_no_word_is_not_repeated(db: Database) {
        let service = Service::start(&db).await;
        for body in [
            "", "plain text", "[]", "{}", r#"{"error":null}"#, r#"{"error":{"title":"No"}}"#,
            r#"{"error":"leaked-1234"}"#, r#"{"error":"with space"}"#,
        ] {
            let status = answered(&service, plain(400, body)).await.unwrap_err();
            assert!(status.message().ends_with("no error word"), "{}", status.message());
        }
        let long = format!(r#"{{"error":"{}"}}"#, "a".repeat(49));
        let status = answered(&service, plain(400, &long)).await.unwrap_err();
        assert!(status.message().ends_with("no error word"));
    }

    async fn an_answer_that_is_none_is_zendesk_unavailable(db: Database) {
        let service = Service::start(&db).await;
        let whole = |change: &str| format!(r#"{{"access_token":"a","token_type":"bearer"{change}}}"#);
        let long = format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "a".repeat(5_000));
        for answer in [
            plain(500, r#"{"error":"boom"}"#),
            plain(502, "<html>"),
            plain(503, ""),
            plain(408, ""),
            plain(429, "slow down"),
            plain(200, ""),
            plain(200, "<html>"),
            plain(200, "[]"),
            plain(200, r#"{"token_type":"bearer"}"#),
            plain(200, r#"{"access_token":"","token_type":"bearer"}"#),
            plain(200, r#"{"access_token":"a b","token_type":"bearer"}"#),
            plain(200, r#"{"access_token":"a\nb","token_type":"bearer"}"#),
            plain(200, r#"{"access_token":"a","token_type":"mac"}"#),
            plain(200, r#"{"access_token":"a"}"#),
            plain(200, &whole(r#","refresh_token":"""#)),
            plain(200, &whole(r#","expires_in":-1"#)),
            plain(200, &whole(r#","expires_in":"soon""#)),
            plain(200, &long),
            plain(202, &whole("")),
            plain(204, ""),
            plain(200, &format!("{}{}", whole(""), " ".repeat(64 * 1024))),
        ] {
            let shown = match &answer {
                Answer::Plain(status, body) => format!("{status} {}", &body[..body.len().min(80)]),
                _ => String::new(),
            };
            let status = answered(&service, answer).await.unwrap_err();
            assert!(status.get_details_retry_info().is_some());
            assert_eq!(refusal::<()>(Err(status)), unavailable(), "{shown}");
        }
        let mut session = db.session().await;
        let tokens = "select count(*) from connections where access_token is not null";
        assert_eq!(session.integers(tokens).await, [0]);
        session.close().await;
    }

    async fn tokens_that_do_not_expire_are_taken(db: Database) {
        let service = Service::start(&db).await;
        let body = r#"{"access_token":"a","token_type":"Bearer","scope":"read","surprise":[1]}"#;
        for status in [200, 201] {
            answered(&service, plain(status, body)).await.unwrap();
        }
        let mut session = db.session().await;
        let kept = "select count(*) from connections
                     where access_token is not null
                       and refresh_token is null
                       and token_expires_at is null";
        assert_eq!(session.integers(kept).await, [1]);
        session.close().await;
    }

    async fn the_moment_of_expiry_is_kept(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let mut session = db.session().await;
        let expires_at = session.integers("select token_expires_at from connections").await[0];
        let authorized = connection.authorize_time.unwrap();
        let authorized = authorized.seconds * 1_000_000 + i64::from(authorized.nanos / 1_000);
        assert_eq!(expires_at, authorized + TOKEN_LIFETIME_SECONDS * 1_000_000);
        session.close().await;
    }

    async fn a_redirect_is_not_followed(db: Database) {
        let service = Service::start(&db).await;
        let elsewhere = service.zendesk.elsewhere();
        let answer = answered(&service, Answer::Redirect(elsewhere)).await;
        assert_eq!(refusal(answer), unavailable());
        let received = service.zendesk.received();
        assert!(received.iter().all(|request| !request.path.contains("elsewhere")));
    }

    async fn an_answer_that_never_ends_is_given_up(db: Database) {
        let service = hurried(&db).await;
        assert_eq!(refusal(answered(&service, Answer::Hang).await), unavailable());
    }

    async fn a_zendesk_that_is_not_there_is_unavailable(db: Database) {
        let service = Service::with(&db, &new_keyring(), |options| {
            // Port 1 of loopback: nobody listens there.
            let base_url = "http://127.0.0.1:1/{subdomain}".parse().unwrap();
            ticketsync::zendesk::ClientOptions { base_url, ..options }
        })
        .await;
        let agreed = service.agreed("acme", "acme").await;
        let status = service.authorize("acme", &agreed).await.unwrap_err();
        assert_discreet(&status, &agreed);
        assert_eq!(refusal::<()>(Err(status)), unavailable());
    }

    async fn no_error_shows_a_secret_even_in_debug(db: Database) {
        let service = Service::start(&db).await;
        let quoting = |agreed: &Agreed| {
            format!(r#"{{"error":"{}","error_description":"{CLIENT_SECRET}"}}"#, agreed.code)
        };
        let account = AccountId::try_from("acme".to_owned()).unwrap();
        for status in [400, 500, 200] {
            let agreed = service.agreed("acme", "acme").await;
            service.zendesk.answer_exchange(plain(status, &quoting(&agreed)));
            let state = AuthorizationState::presented(agreed.state.clone());
            let decision = Decision::Agreed(Secret::new(agreed.code.clone()));
            let shown = format!("{decision:?} {state:?}");
            let now = ticketsync::clock::now();
            let error = service.connecting.authorize(account.clone(), &state, decision, now).await;
            let error: Error = error.unwrap_err();
            let shown = format!("{shown} {error} {error:?}");
            for secret in [&agreed.state, &agreed.code, CLIENT_SECRET] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert_discreet(&error.into(), &agreed);
        }
    }
}
