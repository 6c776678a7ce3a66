//! Rule 1: the sync is one way. Nothing is ever written to Zendesk but the webhook, nor asked of it
//! but that and its OAuth.

use ticketsync::proto::v1::{
    DisconnectRequest, EraseContactRequest, GetConnectionRequest, WebhookState,
};

use crate::{
    sandbox::desk::HelpDesk,
    support::{
        Replica, created, deleted, eventually, on_both_engines, permanently_deleted, undeleted,
        updated,
    },
};

on_both_engines! {
    async fn from_connecting_to_disconnecting_no_ticket_is_written_at_zendesk(db: Database) {
        let help = HelpDesk::start().await;
        let service = Replica::run(&mut help.program(db.url(), "http://127.0.0.1:9")).await;
        let clients = service.clients().await;
        let to = help.connect(&clients).await;
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
        let registered = eventually("the webhook", async || {
            let get = GetConnectionRequest {
                account_id: to.account_id.clone(),
                connection_id: to.connection_id.clone(),
            };
            let connection = clients.connections.clone().get_connection(get).await.unwrap();
            let registered = connection.get_ref().webhook_state() == WebhookState::Registered;
            registered.then(|| help.desk.webhooks.named("ticketsync").remove(0).id)
        });
        let webhook_id = registered.await;
        let disconnect = DisconnectRequest {
            account_id: to.account_id,
            connection_id: to.connection_id,
            delete_tickets: true,
        };
        let ended = clients.connections.clone().disconnect(disconnect).await.unwrap().into_inner();
        assert!(ended.token_revoked);
        assert_eq!(ended.connection.unwrap().webhook_state(), WebhookState::Absent);

        let requests = help.desk.requests();
        let path = |path: &str| path.replace(&webhook_id, "{id}");
        // Whether these come before the end is nobody's promise.
        let reads = |path: &str| ["/incremental/", "/tickets/", "/users/"].iter().any(|read| path.contains(read));
        let (reading, others): (Vec<_>, Vec<_>) =
            requests.iter().partition(|request| reads(&request.path));
        assert!(reading.iter().all(|request| request.method == "GET"));
        let mut calls: Vec<String> = Vec::new();
        for request in others {
            let call = format!("{} {}", request.method, path(&request.path));
            // A webhook may be looked at again.
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        assert_eq!(calls, [
            "POST /oauth/tokens",
            "GET /api/v2/webhooks",
            "POST /api/v2/webhooks",
            "GET /api/v2/webhooks/{id}/signing_secret",
            "DELETE /api/v2/webhooks/{id}",
            "GET /api/v2/oauth/tokens/current.json",
            "DELETE /api/v2/oauth/tokens/1.json",
        ]);
    }
}
