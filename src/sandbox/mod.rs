//! A small Zendesk to develop against, and the main job run through public sockets only.

pub mod apps_page;
pub mod browser;
pub mod carrier;
pub mod clients;
pub mod compare;
pub mod error;
pub mod people;
pub mod snapshot;
pub mod value;
pub mod zendesk;
