//! Contacts, and the requesters at Zendesk who are them.

use std::{fmt, str::FromStr};

use uuid::{Builder, Uuid};

use super::{Invalid, Timestamp, ZendeskId, text};

/// The tag on every contact that was synced (rule 4).
pub const SYNC_TAG: &str = "Zendesk-support-integratie";

/// The longest e-mail address, in bytes: what RFC 5321 lets a path carry.
const MAX_EMAIL_BYTES: usize = 254;

const MICROS_PER_MILLI: u64 = 1_000;

/// A contact's id. Grows with time, so that keys are appended rather than scattered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId(pub Uuid);

impl ContactId {
    /// Makes the id of a contact that comes to be now: UUID version 7, time before randomness.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_micros()).unwrap_or_default() / MICROS_PER_MILLI;
        Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

impl FromStr for ContactId {
    type Err = Invalid;

    fn from_str(id: &str) -> Result<Self, Invalid> {
        Uuid::try_parse(id).map(Self).map_err(|_| Invalid::new("is no contact id: a UUID"))
    }
}

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An e-mail address as it was given, trimmed. Its `Debug` shows no address: it may reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What addresses are compared by.
    #[must_use]
    pub fn key(&self) -> EmailKey {
        EmailKey(self.0.to_lowercase())
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;

    /// Takes anything that has one `@` with something on both sides and no white space or control
    /// character: Zendesk has accepted it, and only delivery proves more.
    fn try_from(email: String) -> Result<Self, Invalid> {
        let email = text(email.trim().to_owned(), MAX_EMAIL_BYTES)?;
        let parts = email.split_once('@');
        let whole = parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if !whole || email.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Invalid::new("is no e-mail address"));
        }
        Ok(Self(email))
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// An e-mail address without its case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailKey(String);

impl EmailKey {
    /// Takes a key that was stored: what an address is compared by does not change with the rules for
    /// making new ones.
    #[must_use]
    pub const fn from_stored(key: String) -> Self {
        Self(key)
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailKey(..)")
    }
}

/// A contact of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub email: Email,
    pub name: String,
    /// Whether it was ever synced, and so carries [`SYNC_TAG`].
    pub synced: bool,
    pub created_at: Timestamp,
}

/// A requester as an event shows them. E-mail and name stay out of `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Requester {
    pub id: ZendeskId,
    pub email: Option<Email>,
    pub name: String,
}

impl Requester {
    /// The longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 256;
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester").field("id", &self.id).finish_non_exhaustive()
    }
}
