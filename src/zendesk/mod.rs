//! The only place that knows Zendesk's HTTP API.

mod address;
mod client;
mod error;
mod oauth;

pub use self::{
    address::{BaseUrl, RedirectUrl},
    client::{Client, ClientOptions, REQUEST_TIMEOUT},
    error::{Error, Result},
    oauth::{SCOPES, Tokens},
};
