//! Nothing secret and nothing of a customer's is in what an operator reads, at the most talkative level
//! of the whole program, and in the errors that callers are told.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::json;
use ticketsync::{
    domain::{Sealed, SecretColumn, SecretPlace},
    proto::v1::{
        AuthorizeConnectionRequest, CreateContactRequest, GetTicketRequest, StartConnectionRequest,
        authorize_connection_request::Decision,
    },
    service::Keyring,
};
use tonic::Status;
use url::Url;

use crate::{
    sandbox::desk::{CLIENT_SECRET, HelpDesk, parameter},
    support::{
        Balancer, Clients, Connected, Database, ENCRYPTION_KEYS, Event, Replica, created,
        eventually, on_both_engines, reason, updated,
    },
};

/// What a customer is called and writes: in no answer that is an error, and in no line.
const ADDRESS: &str = "canary-address@customers.example";
const NAME: &str = "Canary Name";
const SUBJECT: &str = "canary-subject";
const BODY: &str = "canary-body";
const CODE: &str = "canary-code";
/// What of these shows, however it is written down.
const OF_CUSTOMERS: [&str; 6] =
    ["canary-address", "customers.example", NAME, SUBJECT, BODY, "canary-content"];
/// The key of [`ENCRYPTION_KEYS`] as bytes show themselves.
const KEY_BYTES: &str = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15";

/// The database's URL with a password, which a server that trusts loopback does not look at, and the
/// password. A file has none.
fn with_password(database_url: &str) -> (String, Option<String>) {
    if database_url.starts_with("sqlite:") {
        return (database_url.to_owned(), None);
    }
    let mut url = Url::parse(database_url).unwrap();
    let password = url.password().unwrap_or("canary-password").to_owned();
    url.set_password(Some(&password)).unwrap();
    (url.into(), Some(password))
}

/// Every secret that is stored of the connection, opened.
async fn stored_secrets(db: &Database, to: &Connected) -> Vec<String> {
    const COLUMNS: [SecretColumn; 3] =
        [SecretColumn::AccessToken, SecretColumn::RefreshToken, SecretColumn::SigningSecret];
    let keyring: Keyring = ENCRYPTION_KEYS.parse().unwrap();
    let connection = &to.key();
    let mut session = db.session().await;
    let mut secrets = Vec::new();
    for column in COLUMNS {
        let sql = format!(
            "select {0} from connections where {0} is not null and connection_id = '{1}'",
            column.as_str(),
            to.connection_id
        );
        for sealed in session.texts(&sql).await {
            let place = SecretPlace { connection, column };
            let secret = keyring.open(&Sealed::from_stored(sealed), place).unwrap();
            secrets.push(secret.expose().to_owned());
        }
    }
    session.close().await;
    secrets
}

async fn execute(db: &Database, sql: &str) {
    let mut session = db.session().await;
    session.execute(sql).await;
    session.close().await;
}

/// Has a customer write to the help desk, and waits until the ticket is synced; then again with tokens
/// that have to be refreshed first.
async fn sync(help: &HelpDesk, db: &Database, clients: &Clients, to: &Connected) {
    let letter = json!({
        "requester": { "name": NAME, "email": ADDRESS },
        "subject": SUBJECT,
        "comment": { "body": BODY },
    });
    let id = help.write(letter).await["id"].as_i64().unwrap();
    let subject = async || {
        let Connected { account_id, connection_id } = to.clone();
        let request = GetTicketRequest { account_id, connection_id, ticket_id: id };
        let ticket = clients.contacts.clone().get_ticket(request).await.ok()?.into_inner().ticket;
        Some(ticket?.subject)
    };
    eventually("the ticket", &subject).await;
    execute(db, "update connections set token_expires_at = 1").await;
    let changed = format!("{SUBJECT} again");
    let change = json!({ "ticket": { "subject": changed } });
    help.person(Method::PUT, &format!("tickets/{id}.json"), change).await;
    eventually("the change", async || (subject().await? == changed).then_some(())).await;
    assert_eq!(help.desk.oauth.rotations(), 1);
}

/// What a caller is told of an error, down to its details.
fn told(error: &Status) -> String {
    format!("{error:?} {}", String::from_utf8_lossy(error.details()))
}

/// Has a person agree at the help desk, and somebody spoil the code that they come back with.
async fn fail_to_authorize(help: &HelpDesk, clients: &Clients) -> (Status, [String; 2]) {
    let mut connections = clients.connections.clone();
    let subdomain = help.desk.subdomain.clone();
    let start = StartConnectionRequest { account_id: "acme".into(), subdomain };
    let started = connections.start_connection(start).await.unwrap().into_inner();
    let agreed = help.press(&started.authorization_url, "accept").await;
    let [state, code] = ["state", "code"].map(|name| parameter(&agreed, name).unwrap());
    let authorize = AuthorizeConnectionRequest {
        account_id: "acme".into(),
        state: state.clone(),
        decision: Some(Decision::Code(CODE.into())),
    };
    (connections.authorize_connection(authorize).await.unwrap_err(), [state, code])
}

/// Has the service refuse what holds a customer's texts, in every way, and meet a defect. What callers
/// are told.
async fn refusals(db: &Database, clients: &Clients, to: &Connected) -> Vec<Status> {
    let event = |event: Event| event.email(ADDRESS).subject(SUBJECT);
    clients.send(to, event(created("e1", 9_001))).await.unwrap();
    let contact = CreateContactRequest {
        account_id: "acme".into(),
        email: ADDRESS.into(),
        name: NAME.into(),
    };
    let mut errors = vec![clients.contacts.clone().create_contact(contact).await.unwrap_err()];
    let endless = format!("{BODY}{}", " ".repeat(70_000));
    for refused in [
        event(created("e1", 9_001)).subject(&format!("{SUBJECT} of another")),
        updated("e2", 9_001, 5).email(&format!("{ADDRESS} {ADDRESS}")),
        updated("e 3", 9_001, 5).email(ADDRESS).subject(SUBJECT),
        event(updated("e4", 9_001, 5)).subject(&format!("{SUBJECT}\0")),
        event(updated("e5", 9_001, 5)).with(|ticket| ticket.description = endless),
    ] {
        errors.push(clients.send(to, refused).await.unwrap_err());
    }
    execute(db, "update tickets set content = 'canary-content, and no JSON'").await;
    errors.push(clients.send(to, event(updated("e6", 9_001, 6))).await.unwrap_err());
    errors
}

on_both_engines! {
    async fn no_line_metric_or_error_holds_a_secret_or_what_a_customer_wrote(db: Database) {
        let help = HelpDesk::start().await;
        let balancer = Balancer::start().await;
        let (database_url, password) = with_password(db.url());
        let mut program = help.program(&database_url, &balancer.url);
        let mut service = Replica::run(program.arg("--log=trace")).await;
        balancer.send_to(vec![service.http]);
        let clients = service.clients().await;
        let to = help.connect(&clients).await;
        let mut secrets = eventually("the webhook's secret", async || {
            Some(stored_secrets(&db, &to).await).filter(|secrets| secrets.len() == 3)
        })
        .await;
        sync(&help, &db, &clients, &to).await;
        secrets.extend(stored_secrets(&db, &to).await);
        let (refused, returned) = fail_to_authorize(&help, &clients).await;
        secrets.extend(returned);
        let errors = [refusals(&db, &clients, &to).await, vec![refused]].concat();
        let metrics = reqwest::get(format!("http://{}/metrics", service.http)).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        service.terminate();
        service.ended().await;

        let log = service.log();
        for talker in ["ticketsync", "hyper", "h2", "sqlx"] {
            let talks = log.contains(&format!("\"target\":\"{talker}"));
            assert!(talks, "nothing of {talker} is in the log");
        }
        assert!(log.contains("\"level\":\"TRACE\""), "something is traced");
        assert!(metrics.contains("ticketsync_hints_total"), "{metrics}");
        let reasons: Vec<String> = errors.iter().map(reason).collect();
        for expected in ["EVENT_ID_REUSED", "INVALID_FIELD", "INTERNAL", "ZENDESK_REFUSED"] {
            assert!(reasons.iter().any(|reason| reason == expected), "{reasons:?}");
        }
        let mut told_of_errors = String::new();
        for error in &errors {
            writeln!(told_of_errors, "{}", told(error)).unwrap();
        }
        secrets.extend(password);
        let (_, key) = ENCRYPTION_KEYS.split_once(':').unwrap();
        let others = [CLIENT_SECRET, CODE, key, KEY_BYTES].into_iter().chain(OF_CUSTOMERS);
        secrets.extend(others.map(ToOwned::to_owned));
        for (place, text) in [("log", &log), ("metrics", &metrics), ("errors", &told_of_errors)] {
            for secret in &secrets {
                let line = text.lines().find(|line| line.contains(secret.as_str()));
                assert!(line.is_none(), "{secret} is in the {place}: {}", line.unwrap());
            }
        }
    }
}
