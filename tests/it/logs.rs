//! What the service logs: one JSON object a line, and nothing of a customer's.

use serde_json::Value;
use ticketsync::proto::v1::CreateContactRequest;

use crate::support::{Replica, created, on_both_engines, updated};

on_both_engines! {
    async fn no_log_line_holds_an_address_a_text_or_a_secret(db: Database) {
        let to = db.active_connection("acme").await;
        let mut service = Replica::start(db.url()).await;
        let clients = service.clients().await;
        let event = || created("e1", 1).email("ann@secret.example").subject("secret subject");
        clients.send(&to, event()).await.unwrap();
        clients.send(&to, event().subject("secret other")).await.unwrap_err();
        clients.send(&to, updated("e2", 1, 5).email("secret address")).await.unwrap_err();
        clients.send(&to, updated("e 3", 1, 5).subject("secret subject")).await.unwrap_err();
        let contact = CreateContactRequest {
            account_id: "acme".into(),
            email: "ann@secret.example".into(),
            name: "Secret Ann".into(),
        };
        clients.contacts.clone().create_contact(contact).await.unwrap_err();
        // A defect: its cause is logged, and it names a row that holds a customer's text.
        let mut session = db.session().await;
        session.execute("update tickets set content = 'secret, and no JSON'").await;
        session.close().await;
        clients.send(&to, updated("e4", 1, 6).subject("secret subject")).await.unwrap_err();
        service.terminate();
        service.ended().await;

        let log = service.log();
        for line in log.lines() {
            serde_json::from_str::<Value>(line).expect("a log line is one JSON object");
        }
        assert!(!log.to_lowercase().contains("secret"), "{log}");
        assert!(!log.contains("AAECAwQF"), "the key is logged");
    }
}
