//! The only place that knows Zendesk's HTTP API.

mod error;

pub use self::error::{Error, Result};
