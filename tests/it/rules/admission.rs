//! Rule 2: which connections take events.

use ticketsync::domain::ConnectionState;

use super::start;
use crate::support::{Connected, created, on_both_engines, reason};

on_both_engines! {
    async fn only_connections_in_sync_take_events(db: Database) {
        let (services, connected) = start(&db).await;
        for (at, state) in (1..).zip(ConnectionState::ALL) {
            let mut session = db.session().await;
            session.execute(&format!("update connections set state = '{}'", state.as_str())).await;
            session.close().await;
            let event = created(&format!("e{at}"), at);
            let answer = services.ingest.clone().ingest_ticket_event(event.request(&connected)).await;
            match state {
                ConnectionState::Active | ConnectionState::NeedsReauthorization => {
                    answer.unwrap();
                }
                _ => assert_eq!(reason(&answer.unwrap_err()), "CONNECTION_NOT_ACTIVE"),
            }
        }
        services.stop().await;
    }

    async fn a_connection_is_found_under_its_own_account_only(db: Database) {
        let (services, connected) = start(&db).await;
        db.active_connection("other").await;
        let theirs = Connected { account_id: "other".into(), ..connected };
        let request = created("e1", 1).request(&theirs);
        let refused = services.ingest.clone().ingest_ticket_event(request).await.unwrap_err();
        assert_eq!(reason(&refused), "CONNECTION_NOT_FOUND");
        services.stop().await;
    }
}
