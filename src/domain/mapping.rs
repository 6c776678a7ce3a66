//! Field mappings: which ticket fields are copied to which contact fields, and in what form (rule 10).

use std::collections::{HashMap, HashSet};

use super::{
    ContactField, ContactFieldId, ContactFieldType, FieldKind, FieldValue, Invalid, Label, Status,
    Ticket, TicketField, TicketPriority, TicketType,
};

/// The most mappings of a connection: several times what there is to copy.
pub const MAX_FIELD_MAPPINGS: usize = 100;
/// The most contact fields that one ticket field of a connection is copied to. A description of 64 KiB
/// that went to a hundred would make a hundred of one event.
const MAX_COPIES: usize = 10;

/// One ticket field, copied to one contact field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldMapping {
    pub from: TicketField,
    pub to: ContactFieldId,
}

/// A mapping as batches apply it: with what its contact field holds.
#[derive(Debug, Clone)]
pub struct FieldCopy {
    pub from: TicketField,
    pub to: ContactFieldId,
    pub field_type: ContactFieldType,
}

/// Why one of several mappings is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFault {
    /// Which of them, counted from 0.
    pub index: usize,
    pub kind: MappingFaultKind,
}

/// What is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingFaultKind {
    /// The account has no such contact field.
    NoContactField,
    /// Its contact field cannot take this.
    ContactField(Invalid),
    /// Its ticket field cannot be taken.
    TicketField(Invalid),
}

/// Finds what is wrong with the mappings of a connection, whatever contact fields there are: two
/// sources for one contact field, a ticket field that is copied too often.
#[must_use]
pub fn repeated(mappings: &[FieldMapping]) -> Vec<MappingFault> {
    let (mut sources, mut copies) = (HashMap::new(), HashMap::new());
    let mut faults = Vec::new();
    for (index, mapping) in mappings.iter().enumerate() {
        let first = *sources.entry(mapping.to).or_insert(index);
        if first != index {
            let problem = format!("has a source already: the mapping number {}", first + 1);
            let kind = MappingFaultKind::ContactField(Invalid(problem));
            faults.push(MappingFault { index, kind });
        }
        let count: &mut usize = copies.entry(mapping.from).or_default();
        *count += 1;
        if *count > MAX_COPIES {
            let problem = format!("is copied more than {MAX_COPIES} times");
            let kind = MappingFaultKind::TicketField(Invalid(problem));
            faults.push(MappingFault { index, kind });
        }
    }
    faults
}

/// Finds the mappings whose contact field does not exist, or whose type does not fit. `fields` are
/// those of the account that the mappings name.
#[must_use]
pub fn unfit(mappings: &[FieldMapping], fields: &[ContactField]) -> Vec<MappingFault> {
    let named: HashMap<_, _> = fields.iter().map(|field| (field.id, &field.field_type)).collect();
    let faults = mappings.iter().enumerate().filter_map(|(index, mapping)| {
        let kind = match named.get(&mapping.to) {
            None => MappingFaultKind::NoContactField,
            Some(field_type) => {
                MappingFaultKind::ContactField(fits(mapping.from, field_type).err()?)
            }
        };
        Some(MappingFault { index, kind })
    });
    faults.collect()
}

/// Whether a contact field of this type takes a ticket field.
///
/// # Errors
/// When it does not, with what it does take.
pub fn fits(from: TicketField, to: &ContactFieldType) -> Result<(), Invalid> {
    let kind = from.kind();
    let (fitting, takes) = match to {
        ContactFieldType::Textarea => return Ok(()),
        ContactFieldType::Text => {
            (from != TicketField::Description, "every ticket field but the description")
        }
        ContactFieldType::Number => (kind == FieldKind::Integer, "ids"),
        ContactFieldType::Date | ContactFieldType::Datetime => {
            (kind == FieldKind::Timestamp, "times")
        }
        ContactFieldType::Dropdown(options) => match words(kind) {
            Some(words) => return has_options(from, &words, options),
            None => (false, "closed lists of words"),
        },
    };
    if fitting {
        return Ok(());
    }
    let (word, key) = (to.as_str(), from.key());
    Err(Invalid(format!("is of the type {word}, which takes {takes}: `{key}` does not fit")))
}

fn has_options(from: TicketField, words: &[&str], options: &[Label]) -> Result<(), Invalid> {
    let options: HashSet<String> = options.iter().map(Label::key).collect();
    let missing: Vec<&str> =
        words.iter().copied().filter(|word| !options.contains(*word)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Invalid(format!("lacks options that `{}` needs: {}", from.key(), missing.join(", "))))
}

/// The words that a field of this kind writes; none where it is no closed list.
fn words(kind: FieldKind) -> Option<Vec<&'static str>> {
    match kind {
        FieldKind::Status => {
            // A deletion writes nothing.
            let written = Status::ALL.iter().filter(|status| **status != Status::Deleted);
            Some(written.map(|status| status.as_str()).collect())
        }
        FieldKind::Priority => Some(TicketPriority::ALL.iter().map(|word| word.as_str()).collect()),
        FieldKind::Type => Some(TicketType::ALL.iter().map(|word| word.as_str()).collect()),
        FieldKind::Integer | FieldKind::Timestamp | FieldKind::Text => None,
    }
}

impl FieldCopy {
    /// What the contact field is to hold of this ticket; none where the ticket has no value.
    #[must_use]
    pub fn value(&self, ticket: &Ticket) -> Option<String> {
        let value = match (ticket.value(self.from), &self.field_type) {
            (FieldValue::None, _) => return None,
            (FieldValue::Status(word), _) => word.as_str().to_owned(),
            (FieldValue::Priority(word), _) => word.as_str().to_owned(),
            (FieldValue::Type(word), _) => word.as_str().to_owned(),
            (FieldValue::Integer(id), _) => id.to_string(),
            (FieldValue::Timestamp(at), ContactFieldType::Date) => at.to_date(),
            (FieldValue::Timestamp(at), _) => at.to_rfc_3339(),
            (FieldValue::Text(text), ContactFieldType::Textarea) => text,
            (FieldValue::Text(text), _) => one_line(&text),
        };
        let value = match &self.field_type {
            ContactFieldType::Dropdown(options) => {
                options.iter().find(|option| option.key() == value)?.as_str().to_owned()
            }
            _ => value,
        };
        (!value.is_empty()).then_some(value)
    }
}

/// A text without its line breaks: a space stands for each.
fn one_line(text: &str) -> String {
    const BREAKS: [char; 7] = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    text.split(BREAKS).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
