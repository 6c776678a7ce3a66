//! The fields of a JSON object, as Zendesk writes them: ids as numbers or texts, enums in either case,
//! several ways to say none.

use serde::de::{DeserializeOwned, IntoDeserializer as _, value};
use serde_json::Value;

use super::time::moment;
use crate::domain::{Invalid, Timestamp, ZendeskId, text};

/// An object whose fields are read one by one, so that one that is odd is told by name.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Value);

/// A field that does not read, and why.
pub(super) struct Fault {
    pub(super) field: &'static str,
    pub(super) problem: Invalid,
}

impl<'a> Fields<'a> {
    /// The field as it stands, null too; none where it is missing.
    pub(super) fn get(self, field: &str) -> Option<&'a Value> {
        self.0.get(field)
    }

    /// Reads a field. One that is missing is like one that says none.
    pub(super) fn read<T>(
        self,
        field: &'static str,
        read: impl FnOnce(&Value) -> Result<Option<T>, Invalid>,
    ) -> Result<Option<T>, Fault> {
        let value = self.get(field).map(read).transpose();
        Ok(value.map_err(|problem| Fault { field, problem })?.flatten())
    }
}

/// Reads an id: a number or a text of digits. Null, `""`, `"0"` and 0 are none.
pub(super) fn id(value: &Value) -> Result<Option<ZendeskId>, Invalid> {
    let number = match value {
        Value::Null => return Ok(None),
        // Never as a floating point number: ids have more digits than one holds.
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Value::String(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match number {
        Some(0) => Ok(None),
        Some(number) => ZendeskId::try_from(number).map(Some),
        None => Err(Invalid::new("is no id")),
    }
}

/// Reads a word of a closed list, in either case. Null and `""` are none.
pub(super) fn word<T: DeserializeOwned>(value: &Value) -> Result<Option<T>, Invalid> {
    match value {
        Value::Null => Ok(None),
        Value::String(word) if word.is_empty() => Ok(None),
        Value::String(word) => {
            // The domain calls each value what Zendesk's REST API calls it.
            let word = word.to_ascii_lowercase();
            let known: Result<T, value::Error> = T::deserialize(word.as_str().into_deserializer());
            known.map(Some).map_err(|_| Invalid::new("has a value that is not known"))
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Invalid::new("is no text"))
        }
    }
}

/// Reads a text of at most so many bytes, without any U+0000: no database can keep that. Null is
/// none.
pub(super) fn line(max_bytes: usize) -> impl Fn(&Value) -> Result<Option<String>, Invalid> {
    move |value| match value {
        Value::Null => Ok(None),
        Value::String(line) => text(line.replace('\0', ""), max_bytes).map(Some),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Invalid::new("is no text"))
        }
    }
}

/// Reads a moment. Null and `""` are none.
pub(super) fn time(value: &Value) -> Result<Option<Timestamp>, Invalid> {
    match line(usize::MAX)(value)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => moment(text).map(Some),
    }
}
