//! A Zendesk subdomain connected to an account.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{AccountId, Invalid, Timestamp, word::words};

/// A connection's id: random, since it becomes part of the webhook's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub Uuid);

impl FromStr for ConnectionId {
    type Err = Invalid;

    fn from_str(id: &str) -> Result<Self, Invalid> {
        Uuid::try_parse(id).map(Self).map_err(|_| Invalid::new("is no connection id: a UUID"))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a connection together with its account: no query starts without the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionKey {
    pub account: AccountId,
    pub connection: ConnectionId,
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    AwaitingAuthorization,
    AwaitingMapping,
    Active,
    NeedsReauthorization,
    Disconnected,
}

impl ConnectionState {
    /// Whether events are taken (rule 2).
    #[must_use]
    pub const fn accepts_events(self) -> bool {
        match self {
            Self::Active | Self::NeedsReauthorization => true,
            Self::AwaitingAuthorization | Self::AwaitingMapping | Self::Disconnected => false,
        }
    }
}

words! { ConnectionState, "connection state",
    AwaitingAuthorization => "awaiting_authorization",
    AwaitingMapping => "awaiting_mapping",
    Active => "active",
    NeedsReauthorization => "needs_reauthorization",
    Disconnected => "disconnected",
}

/// A connection, as people see it: without its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub key: ConnectionKey,
    pub subdomain: Subdomain,
    pub state: ConnectionState,
    pub created_at: Timestamp,
    pub authorized_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub last_event_at: Option<Timestamp>,
}

/// A subdomain at Zendesk: one whole host label, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subdomain(String);

impl Subdomain {
    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
