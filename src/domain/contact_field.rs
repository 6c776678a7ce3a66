//! The platform's contact fields: what they are called, and what they hold.

use std::{fmt, str::FromStr};

use uuid::{Builder, Uuid};

use super::{Invalid, Timestamp, text};

/// The most contact fields of an account. This and [`MAX_TEXTAREAS`] keep a contact with all its values
/// below 4 MiB, what a client of gRPC takes unasked: a ticket's description, which only a textarea takes,
/// has up to 64 KiB, any other value up to 2 KiB.
pub const MAX_CONTACT_FIELDS: i64 = 500;
/// The most of them that are textareas.
pub const MAX_TEXTAREAS: i64 = 40;
/// The longest name of a contact field, and the longest option of a dropdown, in bytes: what fits on a
/// line that people read.
const MAX_LABEL_BYTES: usize = 256;
/// The most options of a dropdown: more than anybody looks through.
pub const MAX_OPTIONS: usize = 100;

const MILLIS_BYTES: usize = 6;

/// A contact field's id. Grows in the order in which an account's fields are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactFieldId(pub Uuid);

impl ContactFieldId {
    /// Makes the id of a field that is added now, after the newest one that the account has: UUID
    /// version 7, whose time is moved on where the clock has not.
    #[must_use]
    pub fn after(newest: Option<Self>, now: Timestamp, random: [u8; 10]) -> Self {
        const MICROS_PER_MILLI: u64 = 1_000;
        let millis = u64::try_from(now.as_micros()).unwrap_or_default() / MICROS_PER_MILLI;
        let first = newest.map_or(0, |newest| newest.millis() + 1);
        Self(Builder::from_unix_timestamp_millis(millis.max(first), &random).into_uuid())
    }

    fn millis(self) -> u64 {
        let bytes = self.0.as_bytes().iter().take(MILLIS_BYTES);
        bytes.fold(0, |millis, byte| millis << u8::BITS | u64::from(*byte))
    }
}

impl FromStr for ContactFieldId {
    type Err = Invalid;

    fn from_str(id: &str) -> Result<Self, Invalid> {
        Uuid::try_parse(id).map(Self).map_err(|_| Invalid::new("is no contact field id: a UUID"))
    }
}

impl fmt::Display for ContactFieldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A name, or an option: trimmed, not empty, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// The label as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What labels are compared by.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl TryFrom<String> for Label {
    type Error = Invalid;

    fn try_from(label: String) -> Result<Self, Invalid> {
        let label = text(label.trim().to_owned(), MAX_LABEL_BYTES)?;
        if label.is_empty() {
            return Err(Invalid::new("is required"));
        }
        if label.contains(char::is_control) {
            return Err(Invalid::new("holds a control character"));
        }
        Ok(Self(label))
    }
}

/// What a contact field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactFieldType {
    /// One line of text.
    Text,
    Textarea,
    /// A whole number.
    Number,
    /// A day in UTC.
    Date,
    /// A moment in UTC.
    Datetime,
    /// One of these options, no two of which are alike without case.
    Dropdown(Vec<Label>),
}

impl ContactFieldType {
    /// The word it is stored as.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Textarea => "textarea",
            Self::Number => "number",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Dropdown(_) => "dropdown",
        }
    }

    /// The options of a dropdown; none of any other type.
    #[must_use]
    pub fn options(&self) -> &[Label] {
        match self {
            Self::Dropdown(options) => options,
            Self::Text | Self::Textarea | Self::Number | Self::Date | Self::Datetime => &[],
        }
    }

    /// Reads a type that was stored.
    ///
    /// # Errors
    /// When there is no such word.
    pub fn from_stored(word: &str, options: Vec<Label>) -> Result<Self, Invalid> {
        Ok(match word {
            "text" => Self::Text,
            "textarea" => Self::Textarea,
            "number" => Self::Number,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            "dropdown" => Self::Dropdown(options),
            _ => return Err(Invalid::new("is no contact field type")),
        })
    }
}

/// A field that every contact of an account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactField {
    pub id: ContactFieldId,
    pub name: Label,
    pub field_type: ContactFieldType,
    pub created_at: Timestamp,
}

/// A contact's value of a contact field, as it is shown. Its `Debug` shows no value: it is a
/// customer's, and may not reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactFieldValue {
    pub field: ContactFieldId,
    pub name: Label,
    pub value: String,
}

impl fmt::Debug for ContactFieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactFieldValue").field("field", &self.field).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn ids_grow_also_where_the_clock_stands_still_or_runs_backwards() {
        let mut newest = None;
        for now in [5_000_000, 5_000_000, 5_000_999, 1_000_000, 9_000_000] {
            let next = ContactFieldId::after(newest, at(now), [0; 10]);
            assert!(newest.is_none_or(|newest| newest < next), "{newest:?} {next:?}");
            assert!(newest.is_none_or(|newest| newest.to_string() < next.to_string()));
            newest = Some(next);
        }
        assert_eq!(newest.map(ContactFieldId::millis), Some(9_000));
    }

    #[test]
    fn a_label_is_trimmed_and_compared_without_case() {
        let label = Label::try_from(" Gewünscht \n".to_owned()).unwrap();
        assert_eq!((label.as_str(), label.key().as_str()), ("Gewünscht", "gewünscht"));
        assert_eq!(label.key(), Label::try_from("GEWÜNSCHT".to_owned()).unwrap().key());
    }

    #[test]
    fn what_is_no_label_is_refused() {
        let long = "x".repeat(MAX_LABEL_BYTES + 1);
        for label in ["", " ", "a\0", "a\nb", "a\tb", &long] {
            assert!(Label::try_from(label.to_owned()).is_err(), "{label:?}");
        }
        assert!(Label::try_from("x".repeat(MAX_LABEL_BYTES)).is_ok());
    }

    #[test]
    fn every_type_is_stored_as_a_word_that_reads() {
        let options = vec![Label::try_from("Open".to_owned()).unwrap()];
        for field_type in [
            ContactFieldType::Text,
            ContactFieldType::Textarea,
            ContactFieldType::Number,
            ContactFieldType::Date,
            ContactFieldType::Datetime,
            ContactFieldType::Dropdown(options),
        ] {
            let options = field_type.options().to_vec();
            let read = ContactFieldType::from_stored(field_type.as_str(), options);
            assert_eq!(read, Ok(field_type));
        }
        assert!(ContactFieldType::from_stored("Text", Vec::new()).is_err());
    }
}
