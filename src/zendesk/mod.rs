//! The only place that knows Zendesk's HTTP API.

mod address;
mod answer;
mod client;
mod error;
mod event_type;
mod export;
mod fields;
mod oauth;
mod payload;
mod signature;
mod tickets;
mod time;
mod users;
mod webhooks;

pub use self::{
    address::{BaseUrl, RedirectUrl, WebhookUrl},
    answer::{MAX_RETRY_AFTER, Rate},
    client::{Client, ClientOptions, REQUEST_TIMEOUT},
    error::{Error, Result},
    event_type::{event_types, subscriptions},
    export::{ExportEnd, ExportFrom, ExportPage},
    oauth::{SCOPES, Tokens},
    payload::{Delivery, Malformed},
    signature::{Forged, Presented, REPLAY_WINDOW, SigningSecret, Window},
    tickets::{Fetched, Unreadable},
    users::{FetchedUsers, MAX_IDS},
    webhooks::{FoundWebhook, WebhookFitness, WebhookPlace},
};
