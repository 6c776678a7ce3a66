//! What webhooks sign with is told to nobody and stands nowhere but sealed.

use std::fmt::Write as _;

use reqwest::StatusCode;
use ticketsync::{
    clock,
    domain::{Secret, SecretColumn, SecretPlace},
    proto::v1::{GetConnectionRequest, ListConnectionsRequest},
    service::Keyring,
    zendesk::SigningSecret,
};

use crate::{
    connecting::everything_stored,
    sandbox::desk::HelpDesk,
    support::{
        Clients, Connected, Database, ENCRYPTION_KEYS, Hook, Replica, eventually, on_both_engines,
        store_secrets, zendesk_event,
    },
};

/// Where Zendesk would call; nobody answers there.
const HOOKS: &str = "http://127.0.0.1:9";
/// What no webhook signs with: it is refused where it is read.
const UNFIT: &str = "canary 5e1f, which holds spaces";

/// Waits until the connection's webhook is there; what it signs with, as the help desk knows it.
async fn signing_secret(help: &HelpDesk, db: &Database, to: &Connected) -> String {
    eventually("the webhook's secret", async || {
        let made = help.desk.webhooks.named(&to.connection_id).pop()?.secret;
        let store = current(db, to).await?;
        (store == made).then_some(made)
    })
    .await
}

/// What is stored as the current secret, opened.
async fn current(db: &Database, to: &Connected) -> Option<String> {
    let mut session = db.session().await;
    let sql = "select signing_secret from connections where signing_secret is not null";
    let sealed = session.texts(sql).await.pop();
    session.close().await;
    let keyring: Keyring = ENCRYPTION_KEYS.parse().unwrap();
    let (connection, column) = (&to.key(), SecretColumn::SigningSecret);
    let sealed = ticketsync::domain::Sealed::from_stored(sealed?);
    let place = SecretPlace { connection, column };
    Some(keyring.open(&sealed, place).unwrap().expose().to_owned())
}

/// Delivers what is genuine, and what is not in every way.
async fn deliver(service: &Replica, to: &Connected, [old, new]: [&str; 2]) {
    let hook = Hook::of(service.http, to);
    let event = zendesk_event("e1", "created", 7);
    for (secret, status) in [(new, 200), (old, 200), ("another", 401)] {
        assert_eq!(hook.signing_with(secret).post(&event).await.as_u16(), status);
    }
    let (hook, body) = (hook.signing_with(new), event.to_string());
    for (body, seconds, status) in [(body.as_str(), -3_600, 401), (new, 0, 400)] {
        assert_eq!(hook.post_signed_at(body.as_bytes(), seconds).await.status(), status);
    }
    // Sent where a signature belongs.
    let answer = hook.post_with(body.as_bytes(), Some(new), Some(new)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

/// Has the service meet secrets that it cannot use: in the wrong column, and unfit.
async fn break_secrets(service: &Replica, db: &Database, to: &Connected) {
    let (hook, event) = (Hook::of(service.http, to), zendesk_event("e2", "created", 7));
    let says = async |what: &str| {
        eventually(what, async || {
            assert_ne!(hook.post(&event).await, StatusCode::OK);
            service.log().contains(what).then_some(())
        })
        .await;
    };
    let mut session = db.session().await;
    session.execute("update connections set signing_secret = previous_signing_secret").await;
    session.close().await;
    says("is of no use").await;
    store_secrets(db, to, UNFIT, Some(UNFIT), clock::now()).await;
    says("is no signing secret").await;
}

/// Everything that callers are answered, and that an operator reads.
async fn told(service: &Replica, clients: &Clients, to: &Connected) -> String {
    let mut connections = clients.connections.clone();
    let get = GetConnectionRequest {
        account_id: to.account_id.clone(),
        connection_id: to.connection_id.clone(),
    };
    let list = ListConnectionsRequest {
        account_id: to.account_id.clone(),
        ..ListConnectionsRequest::default()
    };
    let metrics = reqwest::get(format!("http://{}/metrics", service.http)).await.unwrap();
    let mut told = metrics.text().await.unwrap();
    assert!(told.contains("ticketsync_webhook_deliveries_total"), "{told}");
    let got = connections.get_connection(get).await.unwrap();
    let listed = connections.list_connections(list).await.unwrap();
    writeln!(told, "{got:?} {listed:?} {}", service.log()).unwrap();
    told
}

/// How what holds the secrets shows itself to whoever debugs.
async fn debugged(db: &Database, to: &Connected, secrets: &[&str]) -> String {
    let store = db.store().await;
    let mut tx = store.begin().await.unwrap();
    let stored = tx.webhook(&to.key()).await.unwrap();
    drop(tx);
    let owners = store.webhook_owners(&[to.key().connection]).await.unwrap();
    assert_eq!(owners.len(), 1);
    store.close().await;
    let read = |text: &&str| SigningSecret::try_from(Secret::new((*text).to_owned()));
    let read: Vec<_> = secrets.iter().map(read).collect();
    assert!(read.iter().any(Result::is_ok) && read.iter().any(Result::is_err));
    format!("{stored:?} {owners:?} {read:?}")
}

on_both_engines! {
    async fn a_signing_secret_is_told_to_nobody_and_stands_nowhere_but_sealed(db: Database) {
        let help = HelpDesk::start().await;
        let mut program = help.program(db.url(), HOOKS);
        let mut service = Replica::run(program.arg("--log=ticketsync=trace,info")).await;
        let clients = service.clients().await;
        let to = help.connect(&clients).await;
        let old = signing_secret(&help, &db, &to).await;
        help.desk.webhooks.vanish();
        let mut session = db.session().await;
        session.execute("update upkeep set due_at = 0, paused_until = 0, webhook_due_at = 0").await;
        let new = signing_secret(&help, &db, &to).await;
        assert_ne!(old, new);

        deliver(&service, &to, [&old, &new]).await;
        let mut stored = everything_stored(&db).await;
        let sealed = "select signing_secret || previous_signing_secret from connections";
        assert_eq!(session.texts(sealed).await.len(), 1, "both are there");
        session.close().await;
        break_secrets(&service, &db, &to).await;
        stored += &everything_stored(&db).await;
        let told = told(&service, &clients, &to).await;
        service.terminate();
        service.ended().await;
        let log = service.log();
        let debugged = debugged(&db, &to, &[&old, &new, UNFIT]).await;
        for secret in [old.as_str(), &new, UNFIT] {
            for (place, text) in
                [("database", &stored), ("answers", &told), ("log", &log), ("debug", &debugged)]
            {
                assert!(!text.contains(secret), "{secret} stands in the {place}:\n{text}");
            }
        }
    }
}
