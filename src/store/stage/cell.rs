//! One staged value, and what a staged column holds.

use std::borrow::Cow;

use serde::Serialize;

/// The type of a staged column.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    /// Text that may be long: a document, not a word or an id.
    Long,
    Int,
}

/// One staged value. The order is that of the database's keys: texts bytewise.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Cell<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Null,
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
