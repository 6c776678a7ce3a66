//! What the service logs: a line where an error is handled, and nothing of a customer's.

use serde_json::Value;
use ticketsync::proto::v1::{
    AuthorizeConnectionRequest, CreateContactRequest, DisconnectRequest, StartConnectionRequest,
    authorize_connection_request::Decision,
};
use tonic::Code;

use crate::support::{
    Answer, CLIENT_SECRET, Clients, Database, Replica, Zendesk, created, on_both_engines, updated,
};

/// Gives the service good and bad input that holds secrets, and a defect. Answers what it logged.
async fn log_of_trouble(db: &Database, arguments: &[&str]) -> String {
    let to = db.active_connection("acme").await;
    let mut service = Replica::start_with(db.url(), arguments).await;
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
    let defect =
        clients.send(&to, updated("e4", 1, 6).subject("secret subject")).await.unwrap_err();
    assert_eq!((defect.code(), defect.message()), (Code::Internal, "internal error"));
    service.terminate();
    service.ended().await;
    let log = service.log();
    assert!(!log.to_lowercase().contains("secret"), "{log}");
    assert!(!log.contains("AAECAwQF"), "the key is logged");
    log
}

/// An authorisation that Zendesk refuses, and says so in words that repeat what it was sent.
async fn fail_to_connect(clients: &Clients, zendesk: &Zendesk) {
    let mut client = clients.connections.clone();
    let start = StartConnectionRequest { account_id: "acme".into(), subdomain: "acme".into() };
    let started = client.start_connection(start).await.unwrap().into_inner();
    let agreed = zendesk.agree(&started.authorization_url);
    let refusal = format!("{{\"error\":\"{} is-refused ann@example.com\"}}", agreed.code);
    zendesk.answer_exchange(Answer::Plain(400, refusal));
    let authorize = AuthorizeConnectionRequest {
        account_id: "acme".into(),
        state: agreed.state,
        decision: Some(Decision::Code(agreed.code)),
    };
    client.authorize_connection(authorize).await.unwrap_err();
}

on_both_engines! {
    async fn no_json_line_holds_an_address_a_text_or_a_secret_and_a_defect_has_its_line(
        db: Database
    ) {
        let log = log_of_trouble(&db, &[]).await;
        let lines: Vec<Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).expect("a log line is one JSON object"))
            .collect();
        let errors: Vec<&Value> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
        assert_eq!(errors.len(), 1, "an error is logged once: {log}");
        let cause = errors[0]["cause"].as_str().unwrap();
        assert!(cause.contains("a row of tickets is corrupt"), "{log}");
        assert!(lines.iter().all(|line| line["level"] != "WARN"), "{log}");
    }

    async fn no_text_line_holds_an_address_a_text_or_a_secret_and_a_defect_has_its_line(
        db: Database
    ) {
        let log = log_of_trouble(&db, &["--log-format=text"]).await;
        assert!(log.lines().all(|line| !line.starts_with('{')), "{log}");
        let errors: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).collect();
        assert_eq!(errors.len(), 1, "an error is logged once: {log}");
        assert!(errors[0].contains("a row of tickets is corrupt"), "{log}");
    }

    async fn an_authorisation_leaves_no_token_code_state_or_address_in_the_log(db: Database) {
        let zendesk = Zendesk::start().await;
        let arguments = ["--log=ticketsync=trace,info"];
        let mut service = Replica::start_beside(&zendesk, db.url(), &arguments).await;
        let clients = service.clients().await;
        fail_to_connect(&clients, &zendesk).await;
        let (to, agreed) = clients.connect(&zendesk, "acme").await;
        clients.send(&to, created("e1", 1)).await.unwrap();
        let disconnect = DisconnectRequest {
            account_id: "acme".into(),
            connection_id: to.connection_id,
            delete_tickets: false,
        };
        clients.connections.clone().disconnect(disconnect).await.unwrap();
        service.terminate();
        service.ended().await;

        let (log, tokens) = (service.log(), zendesk.secrets());
        assert!(!tokens.is_empty() && log.contains("listening"), "{log}");
        let secrets = tokens.iter().chain([&agreed.state, &agreed.code]).map(String::as_str);
        for secret in secrets.chain([CLIENT_SECRET, "code-", "state=", "@", "is-refused"]) {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
    }
}
