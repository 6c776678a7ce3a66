//! A connection's webhook, as Zendesk would call it: signed, over a socket.

use std::net::SocketAddr;

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use ticketsync::{
    clock,
    domain::{Secret, SecretColumn, SecretPlace, Timestamp},
    sandbox::zendesk::sign,
    service::Keyring,
};

use super::{Connected, Database, replica::ENCRYPTION_KEYS};

/// What the webhook signs with, unless told otherwise.
pub const SIGNING_SECRET: &str = "Zm9yIHRlc3RzIG9ubHk=";
/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// A webhook to call.
#[derive(Debug, Clone)]
pub struct Hook {
    client: Client,
    url: String,
    secret: String,
}

impl Hook {
    /// The webhook of this connection at the service that listens there.
    pub fn of(http: SocketAddr, to: &Connected) -> Self {
        let url = format!("http://{http}/webhooks/zendesk/{}", to.connection_id);
        Self { client: Client::new(), url, secret: SIGNING_SECRET.into() }
    }

    /// The same, signing with another secret.
    pub fn signing_with(&self, secret: &str) -> Self {
        Self { secret: secret.into(), ..self.clone() }
    }

    /// Makes an ACTIVE connection whose webhook signs with [`SIGNING_SECRET`].
    pub async fn registered(db: &Database, account: &str) -> Connected {
        let to = db.active_connection(account).await;
        store_secrets(db, &to, SIGNING_SECRET, None, clock::now()).await;
        to
    }

    /// Posts a body, signed now.
    pub async fn post(&self, body: &Value) -> StatusCode {
        self.post_signed_at(body.to_string().as_bytes(), 0).await.status()
    }

    /// Posts a body, signed so many seconds from now.
    pub async fn post_signed_at(&self, body: &[u8], seconds: i64) -> Response {
        let timestamp = timestamp(seconds);
        let signature = self.sign(&timestamp, body);
        self.post_with(body, Some(&timestamp), Some(&signature)).await.unwrap()
    }

    /// Signs a body and the text of a time.
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        sign(&self.secret, timestamp, body)
    }

    /// Posts a body with these headers.
    pub async fn post_with(
        &self,
        body: &[u8],
        timestamp: Option<&str>,
        signature: Option<&str>,
    ) -> reqwest::Result<Response> {
        let mut request = self.client.post(&self.url).body(body.to_vec());
        let headers = [
            ("x-zendesk-webhook-signature-timestamp", timestamp),
            ("x-zendesk-webhook-signature", signature),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.send().await
    }

    /// Calls the webhook as something else would.
    pub async fn get(&self) -> StatusCode {
        self.client.get(&self.url).send().await.unwrap().status()
    }
}

/// A time as it is signed: so many seconds from now, in whole seconds.
pub fn timestamp(seconds: i64) -> String {
    let now = clock::now().as_micros() / SECOND;
    jiff::Timestamp::from_second(now + seconds).unwrap().to_string()
}

/// An event of Zendesk's of this type, with nothing but what has to be there.
pub fn zendesk_event(id: &str, kind: &str, ticket: i64) -> Value {
    json!({
        "id": id,
        "type": format!("zen:event-type:ticket.{kind}"),
        "subject": format!("zen:ticket:{ticket}"),
        "time": "2025-01-08T10:12:07Z",
        "detail": { "id": ticket.to_string(), "subject": "Printer is on fire" },
    })
}

/// Writes down what a connection's webhook signs with, sealed with the tests' key: the secret, the
/// one before, and since when.
pub async fn store_secrets(
    db: &Database,
    to: &Connected,
    current: &str,
    previous: Option<&str>,
    changed_at: Timestamp,
) {
    let keyring: Keyring = ENCRYPTION_KEYS.parse().unwrap();
    let key = to.key();
    let seal = |secret: &str, column| {
        let place = SecretPlace { connection: &key, column };
        let sealed = keyring.seal(&Secret::new(secret.into()), place).unwrap();
        format!("'{}'", sealed.as_str())
    };
    let current = seal(current, SecretColumn::SigningSecret);
    let previous = previous.map(|secret| seal(secret, SecretColumn::PreviousSigningSecret));
    let mut session = db.session().await;
    session
        .execute(&format!(
            "update connections
                set signing_secret = {current}, previous_signing_secret = {},
                    signing_secret_at = {}, webhook_state = 'registered'
              where connection_id = '{}'",
            previous.unwrap_or_else(|| "null".into()),
            changed_at.as_micros(),
            to.connection_id
        ))
        .await;
    session.close().await;
}
