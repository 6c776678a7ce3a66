//! The body of a webhook, read into a hint.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    event_type::hinted,
    fields::{Fields, id, line, time, word},
};
use crate::domain::{
    CreatedDetail, EventId, EventSource, Given, Hint, HintKind, Invalid, Status, Ticket, TicketId,
};

/// What an event's `subject` starts with where it is a ticket's.
const TICKET_SUBJECT: &str = "zen:ticket:";

/// A delivery that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Hint(Box<Hint>),
    /// An event of a type that nobody asked for: answered like any other, and counted.
    OfNoInterest,
}

/// A delivery that does not read: it names no event or no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Malformed {
    /// The field at fault, as a path from the body, such as `detail.id`.
    pub field: &'static str,
    pub problem: Invalid,
}

/// Of an event only what is kept, whatever its other fields hold.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    id: Value,
    #[serde(rename = "type")]
    event_type: Value,
    subject: Value,
    time: Value,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
}

/// Of a detail only what a hint needs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct BareDetail {
    id: Value,
    updated_at: Value,
}

impl Delivery {
    /// Reads a body, once its signature is checked. Only the event's id and type and the ticket's id
    /// have to be there. Whatever else does not fit is left out: the fetch will tell.
    ///
    /// # Errors
    /// [`Malformed`] names the field.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        // The parser's own message may quote what it read.
        let event: Envelope<'_> =
            serde_json::from_slice(body).map_err(|_| malformed("body", "is no JSON object"))?;
        let event_type = event.event_type.as_str();
        let event_type = event_type.ok_or_else(|| malformed("type", "is required"))?;
        let Some(kind) = hinted(event_type) else { return Ok(Self::OfNoInterest) };
        let detail = event.detail.map(read_detail).unwrap_or_default();
        let detail = Fields(&detail);
        Ok(Self::Hint(Box::new(Hint {
            id: event_id(&event.id)?,
            ticket_id: ticket_id(detail, &event.subject)?,
            kind,
            occurred_at: time(&event.time).ok().flatten(),
            updated_at: told(detail, "updated_at", time),
            detail: (kind == HintKind::Created).then(|| created_detail(detail)),
        })))
    }
}

/// Reads a detail; of one that holds what no JSON value can, as half a character, what a hint needs.
fn read_detail(detail: &RawValue) -> Value {
    let bare = |_| {
        let BareDetail { id, updated_at } = serde_json::from_str(detail.get()).unwrap_or_default();
        json!({ "id": id, "updated_at": updated_at })
    };
    serde_json::from_str(detail.get()).unwrap_or_else(bare)
}

fn malformed(field: &'static str, reason: &str) -> Malformed {
    Malformed { field, problem: Invalid::new(reason) }
}

fn event_id(value: &Value) -> Result<EventId, Malformed> {
    let id = match value {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        Value::Null => return Err(malformed("id", "is required")),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(malformed("id", "is no text"));
        }
    };
    EventId::of(EventSource::Zendesk, id).map_err(|problem| Malformed { field: "id", problem })
}

/// The ticket's id: the detail's, else the subject's.
fn ticket_id(detail: Fields<'_>, subject: &Value) -> Result<TicketId, Malformed> {
    let from_subject = || {
        let number = subject.as_str()?.strip_prefix(TICKET_SUBJECT)?;
        id(&Value::from(number)).ok().flatten()
    };
    match detail.read("id", id) {
        Ok(Some(ticket_id)) => Ok(ticket_id),
        Ok(None) => from_subject().ok_or_else(|| malformed("detail.id", "is required")),
        Err(fault) => {
            from_subject().ok_or(Malformed { field: "detail.id", problem: fault.problem })
        }
    }
}

fn created_detail(detail: Fields<'_>) -> CreatedDetail {
    CreatedDetail {
        // A created ticket that is deleted by now, archived or scrubbed was not created so.
        status: told(detail, "status", word).filter(|status| *status != Status::Deleted),
        priority: given(detail, "priority", word),
        ticket_type: given(detail, "type", word),
        subject: told(detail, "subject", line(Ticket::MAX_LINE_BYTES)),
        description: told(detail, "description", line(Ticket::MAX_DESCRIPTION_BYTES)),
        assignee_id: given(detail, "assignee_id", id),
        brand_id: given(detail, "brand_id", id),
        group_id: given(detail, "group_id", id),
        organization_id: given(detail, "organization_id", id),
        requester_id: told(detail, "requester_id", id),
        submitter_id: given(detail, "submitter_id", id),
        external_id: given(detail, "external_id", |value| {
            let external_id = line(Ticket::MAX_LINE_BYTES)(value)?;
            Ok(external_id.filter(|external_id| !external_id.is_empty()))
        }),
        ticket_form_id: given(detail, "form_id", id),
        created_at: told(detail, "created_at", time),
        updated_at: told(detail, "updated_at", time),
    }
}

/// What is told of a field that always has a value.
fn told<T>(
    detail: Fields<'_>,
    field: &'static str,
    read: impl FnOnce(&Value) -> Result<Option<T>, Invalid>,
) -> Option<T> {
    detail.read(field, read).ok().flatten()
}

/// What is told of a field that may be without one.
fn given<T>(
    detail: Fields<'_>,
    field: &'static str,
    read: impl FnOnce(&Value) -> Result<Option<T>, Invalid>,
) -> Option<Given<T>> {
    let value = read(detail.get(field)?).ok()?;
    Some(value.map_or(Given::None, Given::Value))
}

#[cfg(test)]
mod tests;
