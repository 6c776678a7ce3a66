//! The limits of what comes in, and the one way a value is refused.

/// Why a value is not accepted: lower case, without a full stop, for the one who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// Refuses a value for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Checks a text against its limit in bytes.
///
/// # Errors
/// When it is longer, or holds U+0000: `PostgreSQL` cannot store that, and `SQLite`'s `json_each`
/// would cut the text there in silence.
pub fn text(value: String, max_bytes: usize) -> Result<String, Invalid> {
    if value.len() > max_bytes {
        return Err(Invalid(format!("is {} bytes long, the limit is {max_bytes}", value.len())));
    }
    if value.contains('\0') {
        return Err(Invalid::new("holds the character U+0000"));
    }
    Ok(value)
}
