//! One error for the whole API, and its one way to become a status.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tracing::{error, warn};

use crate::{
    domain::{Invalid, Position, Rejection},
    store, zendesk,
};

/// The reasons, as the contract names them.
pub use crate::proto::v1::ErrorReason;

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "ticketsync.v1";

/// How long a caller should wait when a queue is full: a few commits.
const QUEUE_RETRY_DELAY: Duration = Duration::from_millis(500);
/// How long a caller should wait when a replica goes away: a restart.
const SHUTDOWN_RETRY_DELAY: Duration = Duration::from_secs(1);

/// A result of the service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields that are missing, malformed, too long or out of range.
    #[error("{}", describe(.0))]
    InvalidFields(Vec<FieldViolation>),
    #[error("the account has no such connection")]
    ConnectionNotFound,
    #[error("the account has no such contact")]
    ContactNotFound,
    /// The fields of the request that name contact fields which are not there.
    #[error("the account has no such contact field")]
    ContactFieldsNotFound(Vec<FieldViolation>),
    #[error("the account has a contact field of this name already")]
    ContactFieldExists,
    #[error("a field mapping writes to the contact field: remove the mapping first")]
    ContactFieldMapped,
    #[error("the connection has no such ticket in a ticket object")]
    TicketNotFound,
    #[error("the connection has no such event, or its id was pruned")]
    EventNotFound,
    #[error("the account has a contact with this e-mail address already")]
    ContactExists,
    #[error("the event id was used for other content: send this content under an id of its own")]
    EventIdReused,
    #[error("the connection takes no events in its state: authorise and finish it first")]
    ConnectionNotActive,
    #[error("the connection is not authorised: call StartConnection and AuthorizeConnection first")]
    ConnectionNotAuthorized,
    #[error("the authorisation state is unknown, used, expired or another account's: start again")]
    AuthorizationStateInvalid,
    #[error("the authorisation was denied at Zendesk: start again")]
    AuthorizationDenied,
    #[error("the queue of events is full: slow down and repeat")]
    QueueFull,
    #[error("the database is unavailable: nothing was stored, repeat later")]
    StoreUnavailable,
    #[error("the outcome is unknown: repeat with the same event id")]
    OutcomeUnknown,
    #[error("the service is shutting down: repeat, or resume, on another replica")]
    ShuttingDown,
    #[error("the cursor is outside the log: it holds {earliest} to {head}", earliest = .earliest.get(), head = .head.get())]
    CursorOutOfRange { earliest: Position, head: Position },
    #[error("the cursor is from another history of this log: read again from a start that suits")]
    LogDiverged,
    #[error("the service has no such method")]
    MethodNotFound,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Zendesk(#[from] zendesk::Error),
    /// What the program was told is not fit to start with.
    #[error("{0}")]
    Unfit(String),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
    /// A defect of ours that was logged where it was met.
    #[error("internal error")]
    InternalLogged,
}

/// A field at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Its path from the request, such as `event.ticket.subject`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Error {
    /// A field that does not parse.
    pub fn invalid(field: impl Into<String>, problem: Invalid) -> Self {
        Self::InvalidFields(vec![FieldViolation { field: field.into(), description: problem.0 }])
    }

    /// A field that has to be there.
    pub fn missing(field: impl Into<String>) -> Self {
        Self::invalid(field, Invalid::new("is required"))
    }

    /// Fields that name contact fields which the account has not got.
    pub fn contact_fields_not_found(fields: impl IntoIterator<Item = String>) -> Self {
        let violation = |field| FieldViolation {
            field,
            description: "names no contact field of the account".into(),
        };
        Self::ContactFieldsNotFound(fields.into_iter().map(violation).collect())
    }

    /// The reason, as the contract names it.
    #[must_use]
    pub fn reason(&self) -> ErrorReason {
        match self {
            Self::InvalidFields(_) => ErrorReason::InvalidField,
            Self::ConnectionNotFound => ErrorReason::ConnectionNotFound,
            Self::ContactNotFound => ErrorReason::ContactNotFound,
            Self::ContactFieldsNotFound(_) => ErrorReason::ContactFieldNotFound,
            Self::ContactFieldExists => ErrorReason::ContactFieldExists,
            Self::ContactFieldMapped => ErrorReason::ContactFieldMapped,
            Self::TicketNotFound => ErrorReason::TicketNotFound,
            Self::EventNotFound => ErrorReason::EventNotFound,
            Self::ContactExists => ErrorReason::ContactExists,
            Self::EventIdReused => ErrorReason::EventIdReused,
            Self::ConnectionNotActive => ErrorReason::ConnectionNotActive,
            Self::ConnectionNotAuthorized => ErrorReason::ConnectionNotAuthorized,
            Self::AuthorizationStateInvalid => ErrorReason::AuthorizationStateInvalid,
            Self::AuthorizationDenied => ErrorReason::AuthorizationDenied,
            Self::QueueFull => ErrorReason::QueueFull,
            Self::ShuttingDown => ErrorReason::ShuttingDown,
            Self::CursorOutOfRange { .. } => ErrorReason::CursorOutOfRange,
            Self::LogDiverged => ErrorReason::LogDiverged,
            Self::MethodNotFound => ErrorReason::MethodNotFound,
            Self::OutcomeUnknown | Self::Store(store::Error::CommitUnknown(_)) => {
                ErrorReason::OutcomeUnknown
            }
            Self::StoreUnavailable
            | Self::Store(store::Error::Unavailable(_) | store::Error::Collided(_)) => {
                ErrorReason::StoreUnavailable
            }
            Self::Store(
                store::Error::Refused(_) | store::Error::Corrupt { .. } | store::Error::Unfit(_),
            )
            | Self::Unfit(_)
            | Self::Internal(_)
            | Self::InternalLogged => ErrorReason::Internal,
            Self::Zendesk(cause) => zendesk_reason(cause),
        }
    }

    /// The status code the contract gives the reason.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::from_i32(self.reason().code())
    }

    /// How long to wait before the same call may succeed; none where it will not.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.reason().retryable().then_some(match self {
            Self::QueueFull => QUEUE_RETRY_DELAY,
            Self::ShuttingDown => SHUTDOWN_RETRY_DELAY,
            _ => store::RETRY_AFTER,
        })
    }

    /// What the caller reads. A cause that is ours is logged here, once, and not told.
    #[must_use]
    pub fn message(&self) -> String {
        let message = match self.reason() {
            ErrorReason::Internal => {
                if !matches!(self, Self::InternalLogged) {
                    error!(cause = %self, "internal error");
                }
                return Self::InternalLogged.to_string();
            }
            ErrorReason::StoreUnavailable => Self::StoreUnavailable.to_string(),
            ErrorReason::OutcomeUnknown => Self::OutcomeUnknown.to_string(),
            _ => return self.to_string(),
        };
        if let Self::Store(cause) = self {
            warn!(%cause, "the database is unavailable");
        }
        message
    }

    /// The fields at fault.
    #[must_use]
    pub fn field_violations(&self) -> &[FieldViolation] {
        match self {
            Self::InvalidFields(violations) | Self::ContactFieldsNotFound(violations) => violations,
            _ => &[],
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        match self {
            Self::CursorOutOfRange { earliest, head } => HashMap::from([
                ("earliest_position".into(), earliest.get().to_string()),
                ("head_position".into(), head.get().to_string()),
            ]),
            _ => HashMap::new(),
        }
    }
}

const fn zendesk_reason(cause: &zendesk::Error) -> ErrorReason {
    match cause {
        zendesk::Error::Unauthorized { .. }
        | zendesk::Error::Forbidden { .. }
        | zendesk::Error::NotFound { .. }
        | zendesk::Error::Refused { .. }
        | zendesk::Error::StartTimeTooRecent => ErrorReason::ZendeskRefused,
        zendesk::Error::Limited { .. }
        | zendesk::Error::Unavailable { .. }
        | zendesk::Error::TooLarge { .. }
        | zendesk::Error::CursorStuck => ErrorReason::ZendeskUnavailable,
        zendesk::Error::TooManyIds { .. } => ErrorReason::Internal,
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::ConnectionNotFound => Self::ConnectionNotFound,
            Rejection::ConnectionNotActive => Self::ConnectionNotActive,
            Rejection::EventIdReused => Self::EventIdReused,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let reason = error.reason().as_str_name().trim_start_matches("ERROR_REASON_");
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, ERROR_DOMAIN, error.metadata());
        for violation in error.field_violations() {
            details.add_bad_request_violation(&violation.field, &violation.description);
        }
        if let Some(delay) = error.retry_delay() {
            details.set_retry_info(Some(delay));
        }
        Self::with_error_details(error.code(), error.message(), details)
    }
}

fn describe(violations: &[FieldViolation]) -> String {
    let described: Vec<String> = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.field, violation.description))
        .collect();
    described.join("; ")
}
