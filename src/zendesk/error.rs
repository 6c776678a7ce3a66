//! What Zendesk, or the way to it, can do wrong.

use std::time::Duration;

/// An error of a call to Zendesk. Holds neither tokens nor bodies; an `error` in it is the short word
/// of the answer, such as `invalid_grant`: bounded, ASCII.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The token is not, or no longer, known.
    #[error("Zendesk refused with status 401: {error}")]
    Unauthorized { error: String },
    /// The token is known and may not do this: its scopes or its person's rights do not reach.
    #[error("Zendesk refused with status 403: {error}")]
    Forbidden { error: String },
    #[error("Zendesk refused with status 404: {error}")]
    NotFound { error: String },
    /// Zendesk answered, and the answer was no.
    #[error("Zendesk refused with status {status}: {error}")]
    Refused { status: u16, error: String },
    /// An export may not begin less than a minute ago.
    #[error("Zendesk refused with status 400: the export begins too recently")]
    StartTimeTooRecent,
    /// Too many calls: the account's limit is used up.
    #[error("Zendesk asks to wait {} s: too many calls", .retry_after.as_secs())]
    Limited { retry_after: Duration },
    /// Zendesk could not be reached, was too slow, or did not answer as documented.
    #[error("Zendesk is unavailable: {cause}")]
    Unavailable {
        cause: String,
        /// How long Zendesk asks to wait, where it does.
        retry_after: Option<Duration>,
    },
    /// An answer is larger than what is read: asking for less may help.
    #[error("Zendesk is unavailable: an answer over {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    /// An export that is not at its end leads back to where it is: to go on would be a loop.
    #[error("Zendesk's export does not advance beyond its cursor")]
    CursorStuck,
    /// A defect of ours: the call was not made.
    #[error("{count} ids in one call to Zendesk, the limit is {limit}")]
    TooManyIds { count: usize, limit: usize },
}

/// What a token endpoint calls a client that it does not know, or whose secret is wrong (RFC 6749, 5.2).
const UNKNOWN_CLIENT: &str = "invalid_client";

/// A result of a call to Zendesk.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An answer that is none, or none of those documented.
    pub(super) fn unavailable(cause: impl Into<String>) -> Self {
        Self::Unavailable { cause: cause.into(), retry_after: None }
    }

    /// Whether Zendesk does not, or no longer, know the token.
    #[must_use]
    pub const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }

    /// Whether Zendesk refused to give tokens because of what they were asked with. Where it does not
    /// know the client, the tokens are as good as before: that is between it and the operator.
    #[must_use]
    pub fn is_dead_grant(&self) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::Refused { status: 400, .. } => {
                !self.is_unknown_client()
            }
            _ => false,
        }
    }

    /// Whether Zendesk does not know the client, whatever the tokens are.
    #[must_use]
    pub fn is_unknown_client(&self) -> bool {
        match self {
            Self::Unauthorized { error } | Self::Refused { status: 400, error } => {
                error == UNKNOWN_CLIENT
            }
            _ => false,
        }
    }

    /// Whether it may be that Zendesk did what it was asked.
    #[must_use]
    pub const fn may_be_done(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TooLarge { .. })
    }

    /// How long Zendesk asks to wait before the next call, where it does.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited { retry_after } => Some(*retry_after),
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::StartTimeTooRecent
            | Self::TooLarge { .. }
            | Self::CursorStuck
            | Self::TooManyIds { .. } => None,
        }
    }
}
