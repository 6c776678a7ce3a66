//! `StartConnection`: what it accepts, what it answers, what it leaves alone.

use std::collections::HashMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ticketsync::proto::v1::ConnectionState;
use tonic::Code;
use url::Url;

use super::{Service, everything_stored, field_at_fault, refusal};
use crate::support::{CLIENT_ID, REDIRECT_URL, on_both_engines};

fn query(authorization_url: &str) -> HashMap<String, String> {
    Url::parse(authorization_url).unwrap().query_pairs().into_owned().collect()
}

on_both_engines! {
    async fn a_subdomain_as_people_type_or_paste_it_starts_one_connection(db: Database) {
        let service = Service::start(&db).await;
        let first = service.start_connection("acme", "https://ACME.zendesk.com/agent/").await.unwrap();
        let connection = first.connection.unwrap();
        assert_eq!(connection.subdomain, "acme");
        assert_eq!(connection.account_id, "acme");
        assert_eq!(connection.state(), ConnectionState::AwaitingAuthorization);
        assert!(connection.create_time.is_some() && connection.authorize_time.is_none());
        let again = service.start_connection("acme", "acme").await.unwrap();
        assert_eq!(again.connection, Some(connection.clone()));
        let stored = service.get("acme", &connection.connection_id).await.unwrap();
        assert_eq!(stored, connection);
    }

    async fn two_accounts_may_connect_one_subdomain(db: Database) {
        let service = Service::start(&db).await;
        let one = service.start_connection("one", "acme").await.unwrap().connection.unwrap();
        let other = service.start_connection("other", "acme").await.unwrap().connection.unwrap();
        assert_ne!(one.connection_id, other.connection_id);
        let seen = service.get("other", &one.connection_id).await;
        assert_eq!(refusal(seen), (Code::NotFound, "CONNECTION_NOT_FOUND".into()));
    }

    async fn two_starts_at_once_make_one_connection(db: Database) {
        let service = Service::start(&db).await;
        let start = || service.start_connection("acme", "acme");
        let (a, b, c) = tokio::join!(start(), start(), start());
        let ids = [a, b, c].map(|started| started.unwrap().connection.unwrap().connection_id);
        assert_eq!(ids[0], ids[1]);
        assert_eq!(ids[1], ids[2]);
    }

    async fn the_authorization_url_asks_for_what_zendesk_documents(db: Database) {
        let service = Service::start(&db).await;
        let started = service.start_connection("acme", "help-desk").await.unwrap();
        let url = Url::parse(&started.authorization_url).unwrap();
        assert_eq!(url.path(), "/help-desk/oauth/authorizations/new");
        let query = query(&started.authorization_url);
        let value = |name: &str| query[name].as_str();
        assert_eq!(value("response_type"), "code");
        assert_eq!(value("client_id"), CLIENT_ID);
        assert_eq!(value("redirect_uri"), REDIRECT_URL);
        assert_eq!(value("scope"), "tickets:read users:read webhooks:read webhooks:write");
        assert_eq!(value("code_challenge_method"), "S256");
        let challenge = BASE64_URL_SAFE_NO_PAD.decode(value("code_challenge")).unwrap();
        assert_eq!(challenge.len(), 32);
        let state = BASE64_URL_SAFE_NO_PAD.decode(value("state")).unwrap();
        assert!(state.len() * 8 >= 128);
        assert_eq!(query.len(), 7);
    }

    async fn every_start_has_a_state_and_a_challenge_of_its_own(db: Database) {
        let service = Service::start(&db).await;
        let mut seen = Vec::new();
        for _ in 0..10 {
            let started = service.start_connection("acme", "acme").await.unwrap();
            let query = query(&started.authorization_url);
            seen.extend([query["state"].clone(), query["code_challenge"].clone()]);
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    async fn neither_the_state_nor_the_verifier_is_stored_in_the_clear(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let stored = everything_stored(&db).await;
        assert!(stored.contains("authorizations: "));
        assert!(!stored.contains(&agreed.state));
        service.authorize("acme", &agreed).await.unwrap();
        let verifier = service.zendesk.exchanges()[0].body["code_verifier"].as_str().unwrap().to_owned();
        assert!(!stored.contains(&verifier));
    }

    async fn what_is_no_subdomain_is_refused_and_nothing_is_stored(db: Database) {
        let service = Service::start(&db).await;
        for subdomain in [
            "", "-", "a.b", "acme.example.com", "https://example.com/", "https://acme.zendesk.com:1/",
            "https://user@acme.zendesk.com/", "127.0.0.1", "localhost:1", "a\u{0}b", "{subdomain}",
        ] {
            let answer = service.start_connection("acme", subdomain).await;
            assert_eq!(field_at_fault(answer), "subdomain", "{subdomain:?}");
        }
        assert_eq!(field_at_fault(service.start_connection("", "acme").await), "account_id");
        assert_eq!(field_at_fault(service.start_connection("A", "acme").await), "account_id");
        let mut session = db.session().await;
        assert_eq!(session.integers("select count(*) from accounts").await, [0]);
        assert_eq!(session.integers("select count(*) from connections").await, [0]);
        session.close().await;
    }

    async fn starting_changes_the_state_of_no_connection_that_exists(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let mut session = db.session().await;
        for state in
            ["awaiting_authorization", "awaiting_mapping", "active", "needs_reauthorization", "disconnected"]
        {
            session.execute(&format!("update connections set state = '{state}'")).await;
            let before = service.get("acme", &connection.connection_id).await.unwrap();
            let tokens = session.texts("select access_token from connections").await;
            let started = service.start_connection("acme", "acme").await.unwrap();
            assert_eq!(started.connection.as_ref(), Some(&before));
            assert_eq!(service.get("acme", &connection.connection_id).await.unwrap(), before);
            assert_eq!(session.texts("select access_token from connections").await, tokens);
        }
        session.close().await;
    }

    async fn expired_authorisations_do_not_pile_up(db: Database) {
        let service = Service::start(&db).await;
        for _ in 0..3 {
            service.start_connection("acme", "acme").await.unwrap();
        }
        let mut session = db.session().await;
        session.execute("update authorizations set expires_at = 0").await;
        service.start_connection("acme", "acme").await.unwrap();
        assert_eq!(session.integers("select count(*) from authorizations").await, [1]);
        session.close().await;
    }
}
