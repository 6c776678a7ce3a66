//! The only place that knows Zendesk's HTTP API.

mod address;
mod client;
mod error;
mod oauth;
mod signature;
mod time;

pub use self::{
    address::{BaseUrl, RedirectUrl},
    client::{Client, ClientOptions, REQUEST_TIMEOUT},
    error::{Error, Result},
    oauth::{SCOPES, Tokens},
    signature::{Forged, REPLAY_WINDOW, SigningSecret, verify},
};
