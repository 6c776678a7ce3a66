//! Webhook deliveries as Zendesk makes them: signed, each stored before it is answered. The caller
//! writes and reads the bytes itself, so that hardly anything but the service is measured.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use ticketsync::{
    clock,
    domain::{ConnectionKey, Secret, SecretColumn, SecretPlace},
    sandbox::zendesk::sign,
    service::Keyring,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    database::Session,
    input::{self, IN_FLIGHT},
    process::{Process, encryption_keys},
};

/// How many deliveries a second are sent where their time is measured.
const PACE: u32 = 300;
const SIGNING_SECRET: &str = "YmVuY2ggc2VjcmV0IG9ubHk=";
const DESCRIPTION_BYTES: usize = 512;
/// Longer than the head of any answer.
const MAX_ANSWER_BYTES: usize = 4_096;

/// Gives every connection of the input a webhook.
pub async fn register(session: &mut Session) {
    let keyring: Keyring = encryption_keys().parse().unwrap();
    for (account, connection) in input::accounts() {
        let key = ConnectionKey {
            account: account.try_into().unwrap(),
            connection: connection.parse().unwrap(),
        };
        let place = SecretPlace { connection: &key, column: SecretColumn::SigningSecret };
        let sealed = keyring.seal(&Secret::new(SIGNING_SECRET.into()), place).unwrap();
        let (sealed, now) = (sealed.as_str(), clock::now().as_micros());
        session
            .execute(&format!(
                "update connections
                    set signing_secret = '{sealed}', signing_secret_at = {now}
                  where connection_id = '{connection}'"
            ))
            .await;
    }
}

/// Makes so many deliveries, over as many connections as unary calls are in flight, each as soon as
/// the one before it is answered.
pub async fn at_once(service: &Process, posts: usize) -> Duration {
    let requests = requests("at-once", posts);
    let mut callers = JoinSet::new();
    let mut connections = connect(service).await;
    let start = Instant::now();
    for (caller, mut connection) in connections.drain(..).enumerate() {
        let part: Vec<Vec<u8>> = requests.iter().skip(caller).step_by(IN_FLIGHT).cloned().collect();
        callers.spawn(async move {
            for request in &part {
                post(&mut connection, request).await;
            }
        });
    }
    callers.join_all().await;
    start.elapsed()
}

/// Makes so many deliveries, each at its time whether or not those before it are answered, and tells
/// what 99 of 100 stay below, from when each was to be sent.
pub async fn paced(service: &Process, posts: usize) -> Duration {
    let requests = requests("paced", posts);
    let free = Arc::new(Mutex::new(connect(service).await));
    let mut deliveries = JoinSet::new();
    let start = Instant::now();
    for (request, at) in requests.into_iter().zip(0..) {
        let intended = start + Duration::from_secs(1) * at / PACE;
        let free = Arc::clone(&free);
        sleep_until(intended).await;
        deliveries.spawn(async move {
            let mut connection = free.lock().await.pop().expect("fewer are under way");
            post(&mut connection, &request).await;
            let took = intended.elapsed();
            free.lock().await.push(connection);
            took
        });
    }
    let mut took = deliveries.join_all().await;
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

/// Connections each of which has been used.
async fn connect(service: &Process) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..IN_FLIGHT {
        let mut connection = TcpStream::connect(service.http()).await.unwrap();
        connection.set_nodelay(true).unwrap();
        // An answer without a body.
        let used = "GET /nothing HTTP/1.1\r\nhost: bench\r\n\r\n";
        connection.write_all(used.as_bytes()).await.unwrap();
        assert!(answer(&mut connection).await.starts_with("HTTP/1.1 404 "));
        connections.push(connection);
    }
    connections
}

async fn post(connection: &mut TcpStream, request: &[u8]) {
    connection.write_all(request).await.unwrap();
    let answer = answer(connection).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "void: {answer}");
}

/// Reads an answer that comes in one piece, as one this short does.
async fn answer(connection: &mut TcpStream) -> String {
    let mut answer = vec![0; MAX_ANSWER_BYTES];
    let mut length = 0;
    while !answer[..length].windows(4).any(|end| end == b"\r\n\r\n") {
        let read = connection.read(&mut answer[length..]).await.unwrap();
        assert!(read > 0, "void: the service hung up");
        length += read;
    }
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Deliveries to the webhooks of the input in turn, signed now.
fn requests(tag: &str, posts: usize) -> Vec<Vec<u8>> {
    let accounts = input::accounts();
    let now = clock::now().as_micros() / 1_000_000;
    let timestamp = jiff::Timestamp::from_second(now).unwrap().to_string();
    let request = |at: usize| {
        let body = body(tag, at).to_string();
        let signature = sign(SIGNING_SECRET, &timestamp, body.as_bytes());
        let (_, connection) = &accounts[at % accounts.len()];
        format!(
            "POST /webhooks/zendesk/{connection} HTTP/1.1\r\n\
             host: bench\r\n\
             content-type: application/json\r\n\
             content-length: {}\r\n\
             x-zendesk-webhook-signature-timestamp: {timestamp}\r\n\
             x-zendesk-webhook-signature: {signature}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    (0..posts).map(request).collect()
}

/// An event as Zendesk sends it. One in five is of a new ticket, whose detail is kept.
fn body(tag: &str, at: usize) -> serde_json::Value {
    let kind = if at.is_multiple_of(5) { "created" } else { "status_changed" };
    json!({
        "account_id": 22_129_848,
        "id": format!("{tag}-{at}"),
        "subject": format!("zen:ticket:{}", at + 1),
        "time": "2025-01-08T10:12:07.672717030Z",
        "type": format!("zen:event-type:ticket.{kind}"),
        "zendesk_event_version": "2022-11-06",
        "detail": {
            "actor_id": "8447388090494",
            "assignee_id": null,
            "brand_id": "8447346621310",
            "created_at": "2025-01-08T10:12:07Z",
            "description": "d".repeat(DESCRIPTION_BYTES),
            "external_id": null,
            "form_id": "8646151517822",
            "group_id": "8447320466430",
            "id": (at + 1).to_string(),
            "is_public": true,
            "organization_id": "8447346622462",
            "priority": "LOW",
            "requester_id": "8447388090494",
            "status": "OPEN",
            "subject": "Printer is on fire",
            "submitter_id": "8447388090494",
            "tags": ["printer"],
            "type": "TASK",
            "updated_at": "2025-01-08T10:12:07Z",
            "via": { "channel": "web_service" },
        },
        "event": {},
    })
}
