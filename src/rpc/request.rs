//! Fields that many requests share, parsed once, each error naming its path.

use crate::{
    domain::{AccountId, ConnectionId, ConnectionKey, ContactFieldId, Invalid, ZendeskId},
    error::{Error, Result},
};

/// The most items a page may ask for.
pub const MAX_PAGE_SIZE: i32 = 1_000;
/// How many items a page has when the request does not say.
pub const DEFAULT_PAGE_SIZE: i32 = 100;

/// Reads `account_id`.
pub fn account_id(id: String) -> Result<AccountId> {
    if id.is_empty() {
        return Err(Error::missing("account_id"));
    }
    id.try_into().map_err(|problem| Error::invalid("account_id", problem))
}

/// Reads a connection's id from the field of this path.
pub fn connection_id(id: &str, field: &str) -> Result<ConnectionId> {
    if id.is_empty() {
        return Err(Error::missing(field));
    }
    id.parse().map_err(|problem| Error::invalid(field, problem))
}

/// Reads a contact field's id from the field of this path.
pub fn contact_field_id(id: &str, field: &str) -> Result<ContactFieldId> {
    if id.is_empty() {
        return Err(Error::missing(field));
    }
    id.parse().map_err(|problem| Error::invalid(field, problem))
}

/// Reads `account_id` and `connection_id`.
pub fn connection_key(account: String, connection: &str) -> Result<ConnectionKey> {
    Ok(ConnectionKey {
        account: account_id(account)?,
        connection: connection_id(connection, "connection_id")?,
    })
}

/// Reads an id at Zendesk from the field of this path.
pub fn zendesk_id(id: i64, field: &str) -> Result<ZendeskId> {
    if id == 0 {
        return Err(Error::missing(field));
    }
    id.try_into().map_err(|problem| Error::invalid(field, problem))
}

/// Reads `page_size`: 0 stands for the default.
pub fn page_size(size: i32, default: i32, max: i32) -> Result<i64> {
    match size {
        0 => Ok(default.into()),
        _ if (1..=max).contains(&size) => Ok(size.into()),
        _ => Err(Error::invalid("page_size", Invalid::new(format!("must be 0 to {max}")))),
    }
}
