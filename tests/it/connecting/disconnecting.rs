//! `Disconnect`: the tokens are forgotten and revoked, the tickets are kept or deleted.

use ticketsync::proto::v1::ConnectionState;
use tonic::Code;

use super::{Service, everything_stored, refusal};
use crate::support::{Answer, Session, on_both_engines};

/// More than two chunks of what one transaction deletes.
const MANY: i64 = 2_500;

/// Numbers from 1, as rows `n(i)`.
fn numbers(count: i64) -> String {
    format!("with recursive n(i) as (select 1 union all select i + 1 from n where i < {count})")
}

/// Gives a connection tickets of a state, from this id on.
async fn insert_tickets(
    session: &mut Session,
    connection: &str,
    state: &str,
    from: i64,
    count: i64,
) {
    let content = if state == "erased" { "null" } else { "'content'" };
    let numbers = numbers(count);
    session
        .execute(&format!(
            "insert into tickets (account_id, connection_id, ticket_id, state, requester_id, created_at,
                                  updated_at, observed_at, observed_event_id, created_logged,
                                  last_position, content)
             {numbers}
             select 'acme', '{connection}', {from} + i, '{state}', 1, 1, 2, 3, 'e' || i, 1, 7, {content}
               from n"
        ))
        .await;
}

/// Gives a connection parked events, each with its outcome.
async fn park_events(session: &mut Session, connection: &str, count: i64) {
    let numbers = numbers(count);
    session
        .execute(&format!(
            "insert into parked_events (account_id, connection_id, event_id, ticket_id, requester_id,
                                        kind, updated_at, observed_at, content, content_hash,
                                        parked_at)
             {numbers}
             select 'acme', '{connection}', 'p' || i, i, 1, 'created', 2, 3, 'content', '', 4 from n"
        ))
        .await;
    let outcomes = format!(
        "insert into events (account_id, connection_id, event_id, ticket_id, outcome, received_at)
         {numbers}
         select 'acme', '{connection}', 'p' || i, i, 'parked', 4 from n"
    );
    session.execute(&outcomes).await;
    session.execute(&format!("update accounts set parked_count = parked_count + {count}")).await;
}

async fn count(session: &mut Session, from: &str) -> i64 {
    session.integers(&format!("select count(*) from {from}")).await[0]
}

on_both_engines! {
    async fn the_token_is_forgotten_here_and_revoked_by_its_id_there(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let access = service.zendesk.secrets()[0].clone();
        let ended = service.disconnect("acme", &connection.connection_id, false).await.unwrap();
        assert!(ended.token_revoked);
        assert_eq!(ended.deleted_ticket_count, 0);
        assert_eq!(ended.connection.unwrap().state(), ConnectionState::Disconnected);
        assert_eq!(service.zendesk.usable_token_count(), 0);
        let received = service.zendesk.received();
        let calls: Vec<_> =
            received[1..].iter().map(|call| format!("{} {}", call.method, call.path)).collect();
        assert_eq!(calls, [
            "GET /acme/api/v2/oauth/tokens/current.json",
            "DELETE /acme/api/v2/oauth/tokens/0.json",
        ]);
        assert_eq!(received[2].headers["authorization"], format!("Bearer {access}"));
        let mut session = db.session().await;
        let forgotten = "connections where access_token is null and refresh_token is null
                                       and token_expires_at is null";
        assert_eq!(count(&mut session, forgotten).await, 1);
        assert_eq!(count(&mut session, "authorizations").await, 0);
        session.close().await;
    }

    async fn the_end_does_not_depend_on_zendesk(db: Database) {
        let service = Service::start(&db).await;
        let current = "/oauth/tokens/current.json";
        for (path, answer) in [
            (current, Answer::Plain(500, "{}".into())),
            (current, Answer::Plain(403, r#"{"error":"forbidden"}"#.into())),
            (current, Answer::Plain(200, r#"{"token":{}}"#.into())),
            (current, Answer::Redirect(service.zendesk.elsewhere())),
            (".json", Answer::Plain(200, r#"{"token":{"id":-1}}"#.into())),
        ] {
            let connection = service.connect("acme", "acme").await;
            service.zendesk.answer_next(path, answer);
            let ended = service.disconnect("acme", &connection.connection_id, false).await.unwrap();
            assert!(!ended.token_revoked);
            assert_eq!(ended.connection.unwrap().state(), ConnectionState::Disconnected);
            let stored = everything_stored(&db).await;
            assert!(!stored.contains("refresh-") && !stored.contains("access-"), "{stored}");
        }
        assert!(service.zendesk.received().iter().all(|call| !call.path.contains("elsewhere")));
    }

    async fn an_expired_token_is_refreshed_so_that_it_can_be_revoked(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        service.zendesk.expire_tokens();
        let ended = service.disconnect("acme", &connection.connection_id, false).await.unwrap();
        assert!(ended.token_revoked);
        assert_eq!(service.zendesk.usable_token_count(), 0);
        let refresh = service.zendesk.exchanges()[1].body.clone();
        assert_eq!(refresh["grant_type"], "refresh_token");
        assert_eq!(refresh["refresh_token"], service.zendesk.secrets()[1].as_str());
    }

    async fn ending_what_is_ended_changes_nothing(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let first = service.disconnect("acme", &connection.connection_id, false).await.unwrap();
        let mut session = db.session().await;
        let version = session.integers("select config_version from accounts").await;
        let calls = service.zendesk.received().len();
        let second = service.disconnect("acme", &connection.connection_id, false).await.unwrap();
        assert_eq!(second.connection, first.connection);
        assert!(!second.token_revoked);
        assert_eq!(service.zendesk.received().len(), calls);
        assert_eq!(session.integers("select config_version from accounts").await, version);
        session.close().await;
    }

    async fn a_connection_that_was_only_started_can_be_ended(db: Database) {
        let service = Service::start(&db).await;
        let started = service.start_connection("acme", "acme").await.unwrap();
        let agreed = service.zendesk.agree(&started.authorization_url);
        let id = started.connection.unwrap().connection_id;
        service.disconnect("acme", &id, false).await.unwrap();
        let late = service.authorize("acme", &agreed).await;
        assert_eq!(refusal(late), (Code::FailedPrecondition, "AUTHORIZATION_STATE_INVALID".into()));
        assert_eq!(service.get("acme", &id).await.unwrap().state(), ConnectionState::Disconnected);
        assert_eq!(service.zendesk.received().len(), 0);
    }

    async fn an_exchange_under_way_does_not_outlive_the_end(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let agreed = service.agreed("acme", "acme").await;
        let hold = service.zendesk.hold_exchange();
        let end = async {
            hold.arrived.notified().await;
            service.disconnect("acme", &connection.connection_id, false).await.unwrap();
            hold.let_go.notify_one();
        };
        let (late, ()) = tokio::join!(service.authorize("acme", &agreed), end);
        assert_eq!(refusal(late).1, "AUTHORIZATION_STATE_INVALID");
        let shown = service.get("acme", &connection.connection_id).await.unwrap();
        assert_eq!(shown.state(), ConnectionState::Disconnected);
        assert_eq!(service.zendesk.secrets().len(), 4);
        assert_eq!(service.zendesk.usable_token_count(), 0);
    }

    async fn connecting_again_keeps_the_connection_and_its_tickets(db: Database) {
        let service = Service::start(&db).await;
        let first = service.connect("acme", "acme").await;
        let mut session = db.session().await;
        insert_tickets(&mut session, &first.connection_id, "live", 0, 3).await;
        service.disconnect("acme", &first.connection_id, false).await.unwrap();
        let started = service.start_connection("acme", "acme").await.unwrap();
        assert_eq!(started.connection.unwrap().state(), ConnectionState::Disconnected);
        let agreed = service.zendesk.agree(&started.authorization_url);
        let again = service.authorize("acme", &agreed).await.unwrap();
        assert_eq!(again.state(), ConnectionState::AwaitingMapping);
        let again = service.finish("acme", &again.connection_id).await.unwrap();
        assert_eq!(again.state(), ConnectionState::Active);
        assert_eq!(again.connection_id, first.connection_id);
        assert_eq!(again.create_time, first.create_time);
        assert_eq!(count(&mut session, "tickets where state = 'live'").await, 3);
        session.close().await;
    }

    async fn tickets_are_kept_unless_asked_otherwise(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        let mut session = db.session().await;
        insert_tickets(&mut session, &connection.connection_id, "live", 0, 3).await;
        park_events(&mut session, &connection.connection_id, 2).await;
        let kept = service.disconnect("acme", &connection.connection_id, false).await.unwrap();
        assert_eq!(kept.deleted_ticket_count, 0);
        assert_eq!(count(&mut session, "tickets where content = 'content'").await, 3);
        assert_eq!(count(&mut session, "parked_events").await, 2);
        // The same call may still delete them later.
        let deleted = service.disconnect("acme", &connection.connection_id, true).await.unwrap();
        assert_eq!(deleted.deleted_ticket_count, 3);
        assert_eq!(count(&mut session, "tickets where state = 'live'").await, 0);
        assert_eq!(count(&mut session, "parked_events").await, 0);
        session.close().await;
    }

    async fn deleting_takes_all_tickets_and_parked_events_of_this_connection(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await.connection_id;
        let other = service.connect("acme", "other").await.connection_id;
        let mut session = db.session().await;
        insert_tickets(&mut session, &connection, "live", 0, MANY).await;
        insert_tickets(&mut session, &connection, "deleted", 10_000, 2).await;
        insert_tickets(&mut session, &connection, "erased", 20_000, 2).await;
        insert_tickets(&mut session, &other, "live", 0, 2).await;
        park_events(&mut session, &connection, MANY).await;
        park_events(&mut session, &other, 2).await;
        let deleted = service.disconnect("acme", &connection, true).await.unwrap();
        assert_eq!(deleted.deleted_ticket_count, MANY);
        assert!(deleted.token_revoked);
        let of = format!("where connection_id = '{connection}'");
        assert_eq!(count(&mut session, &format!("tickets {of} and content is not null")).await, 0);
        let erased = format!("tickets {of} and state = 'erased'");
        assert_eq!(count(&mut session, &erased).await, 2);
        // What the rules need of a ticket that was seen stays: its version, its log.
        let remembered = format!("tickets {of} and state = 'deleted' and created_logged = 1
                                                and last_position = 7");
        assert_eq!(count(&mut session, &remembered).await, MANY + 2);
        assert_eq!(count(&mut session, &format!("parked_events {of}")).await, 0);
        assert_eq!(count(&mut session, &format!("events {of}")).await, 0);
        assert_eq!(count(&mut session, "tickets where content = 'content'").await, 2);
        assert_eq!(count(&mut session, "parked_events").await, 2);
        assert_eq!(session.integers("select parked_count from accounts").await, [2]);
        session.close().await;
    }
}

/// Whose Zendesk never answers is disconnected all the same, within a bound.
mod hanging {
    use std::time::Duration;

    use ticketsync::zendesk::ClientOptions;

    use super::{super::new_keyring, *};

    on_both_engines! {
        async fn a_zendesk_that_hangs_does_not_hold_the_caller(db: Database) {
            let service = Service::with(&db, &new_keyring(), |options| {
                ClientOptions { request_timeout: Duration::from_millis(500), ..options }
            })
            .await;
            let connection = service.connect("acme", "acme").await;
            service.zendesk.answer_next("/current.json", Answer::Hang);
            let ended = service.disconnect("acme", &connection.connection_id, false).await.unwrap();
            assert!(!ended.token_revoked);
            assert_eq!(ended.connection.unwrap().state(), ConnectionState::Disconnected);
        }
    }
}
