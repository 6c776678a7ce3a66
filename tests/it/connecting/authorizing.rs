//! `AuthorizeConnection`: the state is bound, single-use and short-lived; the tokens are kept sealed.

use std::time::Duration;

use serde_json::json;
use ticketsync::{
    domain::{AccountId, AuthorizationState, ConnectionState, Secret, Subdomain, Timestamp},
    error::Error,
    proto::v1::{self as pb, authorize_connection_request::Decision as PbDecision},
    service::Decision,
};
use tonic::Code;

use super::{Service, everything_stored, field_at_fault, refusal};
use crate::support::{Agreed, CLIENT_ID, CLIENT_SECRET, REDIRECT_URL, eventually, on_both_engines};

fn state_invalid() -> (Code, String) {
    (Code::FailedPrecondition, "AUTHORIZATION_STATE_INVALID".into())
}

on_both_engines! {
    async fn the_steps_lead_from_a_subdomain_to_an_active_connection(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let authorized = service.authorize("acme", &agreed).await.unwrap();
        assert_eq!(authorized.state(), pb::ConnectionState::AwaitingMapping);
        assert!(authorized.authorize_time.is_some() && authorized.finish_time.is_none());
        let finished = service.finish("acme", &authorized.connection_id).await.unwrap();
        assert_eq!(finished.state(), pb::ConnectionState::Active);
        assert!(finished.finish_time.is_some());
        let again = service.finish("acme", &authorized.connection_id).await.unwrap();
        assert_eq!(again, finished);
        assert_eq!(service.get("acme", &authorized.connection_id).await.unwrap(), finished);
    }

    async fn what_nobody_authorised_cannot_be_finished(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.start_connection("acme", "acme").await.unwrap().connection.unwrap();
        let finished = service.finish("acme", &connection.connection_id).await;
        assert_eq!(refusal(finished), (Code::FailedPrecondition, "CONNECTION_NOT_AUTHORIZED".into()));
        let unknown = service.finish("acme", "00000000-0000-4000-8000-000000000000").await;
        assert_eq!(refusal(unknown), (Code::NotFound, "CONNECTION_NOT_FOUND".into()));
    }

    async fn the_code_is_exchanged_with_the_proof_that_it_was_asked_for_here(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "help-desk").await;
        service.authorize("acme", &agreed).await.unwrap();
        let exchanges = service.zendesk.exchanges();
        assert_eq!(exchanges.len(), 1);
        assert_eq!(exchanges[0].method, "POST");
        assert_eq!(exchanges[0].path, "/help-desk/oauth/tokens");
        assert_eq!(exchanges[0].headers["content-type"], "application/json");
        assert_eq!(exchanges[0].body, json!({
            "grant_type": "authorization_code",
            "code": agreed.code,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": REDIRECT_URL,
            "scope": "tickets:read users:read webhooks:read webhooks:write",
            // That it fits the challenge, the receiver has checked.
            "code_verifier": exchanges[0].body["code_verifier"],
        }));
    }

    async fn tokens_are_encrypted_at_rest(db: Database) {
        let service = Service::start(&db).await;
        service.connect("acme", "acme").await;
        let (secrets, stored) = (service.zendesk.secrets(), everything_stored(&db).await);
        assert_eq!(secrets.len(), 2);
        for secret in secrets.iter().chain([&CLIENT_SECRET.to_owned()]) {
            assert!(!stored.contains(secret), "{secret}");
        }
        let mut session = db.session().await;
        let sealed = "select access_token || ' ' || refresh_token from connections";
        assert_eq!(session.texts(sealed).await.len(), 1);
        session.close().await;
    }

    async fn a_state_is_good_for_once(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        service.authorize("acme", &agreed).await.unwrap();
        assert_eq!(refusal(service.authorize("acme", &agreed).await), state_invalid());
        assert_eq!(service.zendesk.exchanges().len(), 1);
    }

    async fn of_two_calls_with_one_state_at_once_one_wins(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let call = || service.authorize("acme", &agreed);
        let (a, b, c) = tokio::join!(call(), call(), call());
        let (won, lost): (Vec<_>, Vec<_>) = [a, b, c].into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for answer in lost {
            assert_eq!(refusal(answer), state_invalid());
        }
        assert_eq!(service.zendesk.exchanges().len(), 1);
    }

    async fn a_state_lives_ten_minutes_and_no_longer(db: Database) {
        let service = Service::start(&db).await;
        let account = AccountId::try_from("acme".to_owned()).unwrap();
        let subdomain: Subdomain = "acme".parse().unwrap();
        let start = Timestamp::from_micros(1_800_000_000_000_000).unwrap();
        let (minute, just) = (Duration::from_mins(1), Duration::from_micros(1));
        for (now, in_time) in [
            (start.plus(minute * 10).minus(just), true),
            (start.plus(minute * 10), false),
            (start.plus(minute * 11), false),
        ] {
            let started = service.connecting.start(account.clone(), subdomain.clone(), start).await;
            let started = started.unwrap();
            assert_eq!(started.expires_at, start.plus(minute * 10));
            let agreed = service.zendesk.agree(started.authorization_url.expose());
            let state = AuthorizationState::presented(agreed.state);
            let decision = Decision::Agreed(Secret::new(agreed.code));
            match service.connecting.authorize(account.clone(), &state, decision, now).await {
                Ok(connection) => {
                    assert!(in_time, "{now:?}");
                    assert_eq!(connection.state, ConnectionState::AwaitingMapping);
                }
                Err(error) => {
                    assert!(!in_time, "{now:?}");
                    assert!(matches!(error, Error::AuthorizationStateInvalid), "{error}");
                }
            }
        }
        assert_eq!(service.zendesk.exchanges().len(), 1);
    }

    async fn another_accounts_state_is_refused_and_stays_good_for_its_own(db: Database) {
        let service = Service::start(&db).await;
        service.start_connection("victim", "acme").await.unwrap();
        let agreed = service.agreed("acme", "acme").await;
        assert_eq!(refusal(service.authorize("victim", &agreed).await), state_invalid());
        assert_eq!(refusal(service.authorize("stranger", &agreed).await), state_invalid());
        assert_eq!(service.zendesk.exchanges().len(), 0);
        service.authorize("acme", &agreed).await.unwrap();
        let mut session = db.session().await;
        let strangers = "select count(*) from accounts where account_id = 'stranger'";
        assert_eq!(session.integers(strangers).await, [0]);
        session.close().await;
    }

    async fn an_unknown_state_is_refused(db: Database) {
        let service = Service::start(&db).await;
        service.start_connection("acme", "acme").await.unwrap();
        for state in ["x", "'; --", &"A".repeat(43), &"A".repeat(1_024), "\u{1F3AB}"] {
            let agreed = Agreed { state: state.into(), code: "code".into() };
            assert_eq!(refusal(service.authorize("acme", &agreed).await), state_invalid());
        }
        assert_eq!(service.zendesk.received().len(), 0);
    }

    async fn a_denial_uses_the_state_up(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let denied = PbDecision::Error("access_denied".into());
        let answer = service.decide("acme", &agreed.state, Some(denied.clone())).await;
        assert_eq!(refusal(answer), (Code::PermissionDenied, "AUTHORIZATION_DENIED".into()));
        assert_eq!(refusal(service.authorize("acme", &agreed).await), state_invalid());
        let again = service.decide("acme", &agreed.state, Some(denied)).await;
        assert_eq!(refusal(again), state_invalid());
        assert_eq!(service.zendesk.received().len(), 0);
    }

    async fn a_bad_field_is_named_and_does_not_use_the_state_up(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let code = |code: &str| Some(PbDecision::Code(code.into()));
        let error = |error: &str| Some(PbDecision::Error(error.into()));
        let (state, long) = (agreed.state.as_str(), "x".repeat(1_025));
        for (state, decision, field) in [
            ("", code("x"), "state"),
            (&long, code("x"), "state"),
            (state, None, "decision"),
            (state, code(""), "code"),
            (state, code(&long), "code"),
            (state, code("x\u{0}"), "code"),
            (state, error(""), "error"),
            (state, error(&long), "error"),
        ] {
            let answer = service.decide("acme", state, decision).await;
            assert_eq!(field_at_fault(answer), field);
        }
        service.authorize("acme", &agreed).await.unwrap();
    }

    async fn urls_answered_before_stay_valid(db: Database) {
        let service = Service::start(&db).await;
        let first = service.agreed("acme", "acme").await;
        let second = service.agreed("acme", "acme").await;
        service.authorize("acme", &second).await.unwrap();
        service.authorize("acme", &first).await.unwrap();
    }

    async fn a_caller_who_hangs_up_during_the_exchange_loses_no_tokens(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let hold = service.zendesk.hold_exchange();
        tokio::select! {
            answer = service.authorize("acme", &agreed) => panic!("not held: {answer:?}"),
            () = hold.arrived.notified() => {}
        }
        hold.let_go.notify_one();
        let mut session = db.session().await;
        let tokens = eventually("the tokens", async || {
            session.texts("select access_token from connections where access_token is not null").await.pop()
        });
        tokens.await;
        let states = session.texts("select state from connections").await;
        assert_eq!(states, ["awaiting_mapping"]);
        session.close().await;
    }

    async fn reauthorising_a_finished_connection_puts_it_straight_back_to_work(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let mut session = db.session().await;
        for state in ["needs_reauthorization", "active"] {
            session.execute(&format!("update connections set state = '{state}'")).await;
            let version = session.integers("select config_version from accounts").await;
            let sealed = session.texts("select access_token from connections").await;
            let agreed = service.agreed("acme", "acme").await;
            let again = service.authorize("acme", &agreed).await.unwrap();
            assert_eq!(again.state(), pb::ConnectionState::Active);
            assert_eq!(again.connection_id, connection.connection_id);
            assert_eq!(again.finish_time, connection.finish_time);
            assert!(session.integers("select config_version from accounts").await > version);
            assert_ne!(session.texts("select access_token from connections").await, sealed);
        }
        session.close().await;
    }

    async fn a_connection_whose_tokens_are_dead_cannot_be_finished(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let mut session = db.session().await;
        session.execute("update connections set state = 'needs_reauthorization'").await;
        let answer = service.finish("acme", &connection.connection_id).await;
        assert_eq!(refusal(answer), (Code::FailedPrecondition, "CONNECTION_NOT_AUTHORIZED".into()));
        session.close().await;
    }
}
