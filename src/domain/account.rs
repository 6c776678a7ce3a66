//! The tenant: a `MailBlue` account.

use std::{fmt, sync::Arc};

use super::Invalid;

/// The longest account id, in characters.
const MAX_LENGTH: usize = 64;

/// A `MailBlue` account: 1 to 64 of `a-z 0-9 - _`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = Invalid;

    fn try_from(id: String) -> Result<Self, Invalid> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
        };
        if id.is_empty() || id.len() > MAX_LENGTH || !id.bytes().all(allowed) {
            return Err(Invalid::new("is no account id: 1 to 64 of a-z 0-9 - _"));
        }
        Ok(Self(id.into()))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
