//! Rule 1: the sync is one way. Nothing is ever written to Zendesk, nor asked of it but its OAuth.

use ticketsync::proto::v1::{DisconnectRequest, EraseContactRequest};

use crate::support::{
    Replica, Zendesk, created, deleted, on_both_engines, permanently_deleted, undeleted, updated,
};

on_both_engines! {
    async fn from_connecting_to_disconnecting_zendesk_is_asked_for_tokens_only(db: Database) {
        let zendesk = Zendesk::start().await;
        let service = Replica::start_beside(&zendesk, db.url(), &[]).await;
        let clients = service.clients().await;
        let (to, _) = clients.connect(&zendesk, "acme").await;
        let mut contact_id = String::new();
        for event in [
            created("e1", 1),
            updated("e2", 1, 10).email("moved@example.com"),
            deleted("e3", 1, 20),
            undeleted("e4", 1, 30),
            updated("e5", 2, 40).email(""),
            created("e6", 3),
            permanently_deleted("e7", 1, 50),
        ] {
            let result = clients.send(&to, event).await.unwrap();
            if !result.contact_id.is_empty() {
                contact_id = result.contact_id;
            }
        }
        assert!(!clients.log("acme").await.is_empty());
        let erase = EraseContactRequest { account_id: "acme".into(), contact_id };
        clients.contacts.clone().erase_contact(erase).await.unwrap();
        let disconnect = DisconnectRequest {
            account_id: "acme".into(),
            connection_id: to.connection_id,
            delete_tickets: true,
        };
        let ended = clients.connections.clone().disconnect(disconnect).await.unwrap();
        assert!(ended.into_inner().token_revoked);

        let received = zendesk.received();
        let calls: Vec<String> =
            received.iter().map(|call| format!("{} {}", call.method, call.path)).collect();
        assert_eq!(calls, [
            "POST /acme/oauth/tokens",
            "GET /acme/api/v2/oauth/tokens/current.json",
            "DELETE /acme/api/v2/oauth/tokens/0.json",
        ]);
    }
}
