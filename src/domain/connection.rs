//! A Zendesk subdomain connected to an account.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{AccountId, FieldMapping, Invalid, Subdomain, Timestamp, word::words};

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

    /// The state after somebody at Zendesk authorised the connection, for the first time or again.
    /// A finished one goes straight back to work; one that was ended has to be finished anew.
    #[must_use]
    pub const fn authorized(self) -> Self {
        match self {
            Self::AwaitingAuthorization | Self::AwaitingMapping | Self::Disconnected => {
                Self::AwaitingMapping
            }
            Self::Active | Self::NeedsReauthorization => Self::Active,
        }
    }

    /// The state after Zendesk no longer accepts the tokens. One that was not finished is where it was
    /// before anybody authorised it.
    #[must_use]
    pub const fn unauthorized(self) -> Self {
        match self {
            Self::AwaitingAuthorization | Self::AwaitingMapping => Self::AwaitingAuthorization,
            Self::Active | Self::NeedsReauthorization => Self::NeedsReauthorization,
            Self::Disconnected => Self::Disconnected,
        }
    }

    /// The state after tokens that were taken for dead have turned out to live: it is where it was.
    #[must_use]
    pub const fn revived(self) -> Self {
        match self {
            Self::AwaitingAuthorization | Self::AwaitingMapping => Self::AwaitingMapping,
            Self::Active | Self::NeedsReauthorization => Self::Active,
            Self::Disconnected => Self::Disconnected,
        }
    }

    /// What finishing does; none where nobody at Zendesk has authorised the connection, or no
    /// longer does.
    #[must_use]
    pub const fn finished(self) -> Option<Finish> {
        match self {
            Self::AwaitingMapping => Some(Finish::Activates),
            Self::Active => Some(Finish::ChangesNothing),
            Self::AwaitingAuthorization | Self::NeedsReauthorization | Self::Disconnected => None,
        }
    }
}

/// What finishing a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It becomes [`ConnectionState::Active`].
    Activates,
    /// It is that already.
    ChangesNothing,
}

words! { ConnectionState, "connection state",
    AwaitingAuthorization => "awaiting_authorization",
    AwaitingMapping => "awaiting_mapping",
    Active => "active",
    NeedsReauthorization => "needs_reauthorization",
    Disconnected => "disconnected",
}

/// Whether a connection has tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    Held,
    None,
}

/// Where the webhook of a connection stands at Zendesk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// There is none, and none is wanted.
    Absent,
    /// To be registered, or to be put right.
    Pending,
    Registered,
    /// The connection was ended: webhook and token are still to be taken away.
    Removing,
}

words! { WebhookState, "webhook state",
    Absent => "absent",
    Pending => "pending",
    Registered => "registered",
    Removing => "removing",
}

/// A connection, as people see it: without its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub key: ConnectionKey,
    pub subdomain: Subdomain,
    pub state: ConnectionState,
    pub webhook: WebhookState,
    pub created_at: Timestamp,
    pub authorized_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub last_event_at: Option<Timestamp>,
    /// Which ticket fields are copied where, in the order of the contact fields' ids; none where
    /// connections are listed.
    pub field_mappings: Vec<FieldMapping>,
}

impl Connection {
    /// A connection that was just started for the first time.
    #[must_use]
    pub const fn started(key: ConnectionKey, subdomain: Subdomain, now: Timestamp) -> Self {
        Self {
            key,
            subdomain,
            state: ConnectionState::AwaitingAuthorization,
            webhook: WebhookState::Absent,
            created_at: now,
            authorized_at: None,
            finished_at: None,
            last_event_at: None,
            field_mappings: Vec::new(),
        }
    }

    /// The same after somebody at Zendesk authorised it.
    #[must_use]
    pub fn authorized(self, now: Timestamp) -> Self {
        Self { state: self.state.authorized(), authorized_at: Some(now), ..self }
    }

    /// The same once it was finished; none where it is not authorised.
    #[must_use]
    pub fn finished(self, now: Timestamp) -> Option<Self> {
        self.state.finished().map(|finish| match finish {
            Finish::Activates => Self {
                state: ConnectionState::Active,
                webhook: WebhookState::Pending,
                finished_at: Some(now),
                ..self
            },
            Finish::ChangesNothing => self,
        })
    }

    /// The same after Zendesk refused its tokens for good.
    #[must_use]
    pub fn unauthorized(self) -> Self {
        Self { state: self.state.unauthorized(), ..self }
    }

    /// The same after tokens that were taken for dead have turned out to live.
    #[must_use]
    pub fn revived(self) -> Self {
        Self { state: self.state.revived(), ..self }
    }

    /// The same after it was ended. What it left at Zendesk can be taken away as long as there are
    /// tokens to do so with.
    #[must_use]
    pub fn disconnected(self, tokens: Tokens) -> Self {
        let webhook = match tokens {
            Tokens::Held => WebhookState::Removing,
            Tokens::None => WebhookState::Absent,
        };
        Self { state: ConnectionState::Disconnected, webhook, ..self }
    }

    /// The same once nothing of it is left at Zendesk, or nothing can be done about what is.
    #[must_use]
    pub fn removed(self) -> Self {
        Self { webhook: WebhookState::Absent, ..self }
    }
}

#[cfg(test)]
mod tests;
