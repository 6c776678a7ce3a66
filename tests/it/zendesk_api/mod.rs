//! Zendesk's API as the service calls it, against answers of every kind.

mod errors;
mod export;
mod fetching;
mod redirects;
mod tickets;
mod webhooks;

use std::time::Duration;

use serde_json::{Value, json};
use ticketsync::{
    domain::{Secret, Subdomain, TicketId, ZendeskId},
    zendesk::{Client, ClientOptions, Fetched, FetchedUsers, REQUEST_TIMEOUT, Result},
};

use crate::support::{Asked, Reply, Script};

/// A token that may show nowhere.
const TOKEN: &str = "token-that-nobody-may-read";

/// A client, and the Zendesk that it calls.
struct Desk {
    script: Script,
    client: Client,
}

impl Desk {
    async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::within(REQUEST_TIMEOUT, replies).await
    }

    /// One that gives its calls this time.
    async fn within(request_timeout: Duration, replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Script::start(replies).await;
        let client = Client::new(ClientOptions {
            base_url: format!("http://{}/{{subdomain}}", script.address).parse().unwrap(),
            redirect_url: "https://apps.example.com/zendesk".parse().unwrap(),
            client_id: "client".into(),
            client_secret: Secret::new("client-secret".into()),
            request_timeout,
        })
        .unwrap();
        Self { script, client }
    }

    async fn tickets(&self, ids: &[i64]) -> Result<Fetched> {
        let ids: Vec<TicketId> = ids.iter().copied().map(id).collect();
        self.client.show_tickets(&acme(), &token(), &ids).await
    }

    async fn users(&self, ids: &[i64]) -> Result<FetchedUsers> {
        let ids: Vec<ZendeskId> = ids.iter().copied().map(id).collect();
        self.client.show_users(&acme(), &token(), &ids).await
    }

    fn asked(&self) -> Vec<Asked> {
        self.script.asked()
    }

    /// The methods and paths it was asked.
    fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }
}

fn acme() -> Subdomain {
    "acme".parse().unwrap()
}

fn token() -> Secret {
    Secret::new(TOKEN.into())
}

fn id(id: i64) -> ZendeskId {
    ZendeskId::try_from(id).unwrap()
}

/// A ticket as the REST API has it.
pub fn ticket(id: i64) -> Value {
    json!({
        "id": id,
        "status": "open",
        "priority": "high",
        "type": "incident",
        "subject": "The printer",
        "raw_subject": "{{dc.printer}}",
        "description": "It is on fire.",
        "created_at": "2025-01-08T10:12:06Z",
        "updated_at": "2025-01-08T10:12:07Z",
        "due_at": null,
        "requester_id": 35_436,
        "submitter_id": 76_872,
        "assignee_id": 235_323,
        "organization_id": 509_974,
        "group_id": 98_738,
        "brand_id": 47,
        "forum_topic_id": null,
        "problem_id": 9_873_764,
        "ticket_form_id": 2,
        "external_id": "ahg35h3jh",
        "recipient": "support@example.com",
        "url": "https://acme.zendesk.com/api/v2/tickets/5.json",
        "tags": ["enterprise"],
        "custom_fields": [{"id": 27_642, "value": "745"}],
        "via": {"channel": "web"},
    })
}

/// A user as the REST API has it.
pub fn user(id: i64) -> Value {
    json!({"id": id, "name": "Ann", "email": "ann@example.com", "role": "end-user", "phone": null})
}

/// An answer with tickets and users.
pub fn page(tickets: &[Value], users: &[Value]) -> Reply {
    Reply::json(&json!({"tickets": tickets, "users": users, "next_page": null, "count": 1}))
}
