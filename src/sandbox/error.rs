//! What can stop the sandbox.

use std::io;

use crate::domain::Invalid;

/// Why the sandbox could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a call over HTTP failed: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the service cannot be reached: {0}")]
    Transport(#[from] tonic::transport::Error),
    #[error("the service refused: {0}")]
    Refused(#[from] Box<tonic::Status>),
    #[error("the service cannot start: {0}")]
    Service(#[from] Box<crate::error::Error>),
    #[error("the help desk refused: {0}")]
    Desk(#[from] super::zendesk::Refusal),
    #[error("the sandbox is set up wrongly: {0}")]
    Setup(#[from] Invalid),
    /// Something answered otherwise than it should have.
    #[error("{0}")]
    Unexpected(String),
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl From<crate::error::Error> for Error {
    fn from(error: crate::error::Error) -> Self {
        Self::Service(Box::new(error))
    }
}

/// A result of the sandbox.
pub type Result<T, E = Error> = std::result::Result<T, E>;
