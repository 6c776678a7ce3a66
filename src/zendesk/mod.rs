//! The only place that knows Zendesk's HTTP API.

mod address;
mod client;
mod error;
mod event_type;
mod fields;
mod oauth;
mod payload;
mod signature;
mod time;

pub use self::{
    address::{BaseUrl, RedirectUrl},
    client::{Client, ClientOptions, REQUEST_TIMEOUT},
    error::{Error, Result},
    event_type::subscriptions,
    oauth::{SCOPES, Tokens},
    payload::{Delivery, Malformed},
    signature::{Forged, REPLAY_WINDOW, SigningSecret, verify},
};
