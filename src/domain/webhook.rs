//! The name of a webhook at Zendesk.

use std::fmt;

use super::Invalid;

/// The longest id, in bytes: Zendesk's have 26.
const MAX_ID_BYTES: usize = 64;

/// A webhook's id at Zendesk. It becomes part of a path there, so that nothing but letters, digits,
/// hyphens and underscores passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookId(String);

impl WebhookId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebhookId {
    type Error = Invalid;

    fn try_from(id: String) -> Result<Self, Invalid> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=MAX_ID_BYTES).contains(&id.len()) || !id.bytes().all(plain) {
            return Err(Invalid::new("is no webhook id"));
        }
        Ok(Self(id))
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_to_another_path_is_no_id() {
        let (longest, longer) = ("a".repeat(64), "a".repeat(65));
        for id in ["01GB7WWYD3QM8G7BWTR7A28XWR", "7", "a-b_c", &longest] {
            assert_eq!(WebhookId::try_from(id.to_owned()).unwrap().as_str(), id);
        }
        for id in ["", ".", "..", "a/b", "../tickets", "a?b", "a#b", "%2e", "a b", "é", &longer] {
            assert!(WebhookId::try_from(id.to_owned()).is_err(), "{id}");
        }
    }
}
