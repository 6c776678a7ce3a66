//! What Zendesk, or the way to it, can do wrong.

/// An error of a call to Zendesk. Holds neither tokens nor bodies.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Zendesk answered, and the answer was no.
    #[error("Zendesk refused with status {status}: {error}")]
    Refused {
        status: u16,
        /// The short `error` word of the answer, such as `invalid_grant`; bounded, ASCII.
        error: String,
    },
    /// Zendesk could not be reached, was too slow, or did not answer as documented.
    #[error("Zendesk is unavailable: {0}")]
    Unavailable(String),
}

/// A result of a call to Zendesk.
pub type Result<T, E = Error> = std::result::Result<T, E>;
