//! The body of a webhook's request, as Zendesk documents ticket events.
//!
//! Ids are text, closed lists are in upper case, no id is `null`, `""` or `"0"`, and a time has 0, 3,
//! 6 or 9 fractional digits: each event takes the next of these, so that a reader meets them all.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{happening::Happening, ticket::Ticket};
use crate::domain::Timestamp;

/// What each type begins with.
pub const TYPE_PREFIX: &str = "zen:event-type:ticket.";
/// The help desk's account, the one who acts there, and the one status it has of its own.
pub(super) const ACCOUNT_ID: i64 = 22_129_848;
const ACTOR_ID: &str = "9007199254741999";
const VERSION: &str = "2022-11-06";

/// A ticket event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    /// The whole type, such as `zen:event-type:ticket.created`.
    pub kind: String,
    pub ticket_id: i64,
    /// What is sent and signed.
    pub body: String,
}

/// Where an event stands among those of one action.
pub(super) struct Sequence<'a> {
    pub(super) id: &'a str,
    pub(super) position: usize,
    pub(super) total: usize,
}

/// How much an event tells of its ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Whole,
    /// Its id only.
    Id,
}

/// Writes an event; `number` chooses among the documented ways of writing.
pub(super) fn event(
    number: u64,
    happening: Happening,
    sequence: &Sequence<'_>,
    detail: Detail,
    now: Timestamp,
) -> Event {
    let Happening { kind, ticket, event: mut own } = happening;
    let Sequence { id, position, total } = sequence;
    own["meta"] = json!({ "sequence": { "id": id, "position": position, "total": total } });
    // What a permanently deleted ticket's event holds is not documented.
    let whole = detail == Detail::Whole && kind != "permanently_deleted";
    let detail = if whole { details(number, &ticket) } else { json!({ "id": text(ticket.id) }) };
    let (id, kind) = (Uuid::new_v4().to_string(), format!("{TYPE_PREFIX}{kind}"));
    let body = json!({
        "account_id": ACCOUNT_ID,
        "id": id,
        "subject": format!("zen:ticket:{}", ticket.id),
        "time": time(number, now),
        "type": kind,
        "zendesk_event_version": VERSION,
        "detail": detail,
        "event": own,
    });
    Event { id, kind, ticket_id: ticket.id, body: body.to_string() }
}

fn details(number: u64, ticket: &Ticket) -> Value {
    let nobody = match number % 3 {
        0 => Value::Null,
        1 => json!(""),
        _ => json!("0"),
    };
    let id = |id: Option<i64>| id.map_or(nobody.clone(), |id| json!(id.to_string()));
    let shown = json!(ticket);
    let upper = |key: &str| shown[key].as_str().map(str::to_uppercase);
    let mut detail = Map::new();
    let mut set = |key: &str, value: Value| detail.insert(key.to_owned(), value);
    set("actor_id", json!(ACTOR_ID));
    set("assignee_id", id(ticket.assignee_id));
    set("brand_id", id(ticket.brand_id));
    set("created_at", json!(ticket.created_at));
    set("custom_status", Value::Null);
    set("description", json!(ticket.description));
    set("external_id", json!(ticket.external_id));
    set("form_id", id(ticket.ticket_form_id));
    set("group_id", id(ticket.group_id));
    set("id", text(ticket.id));
    set("is_public", json!(true));
    set("organization_id", id(ticket.organization_id));
    set("priority", json!(upper("priority")));
    set("requester_id", text(ticket.requester_id));
    set("status", json!(upper("status")));
    set("subject", json!(ticket.subject));
    set("submitter_id", id(ticket.submitter_id));
    set("tags", Value::Null);
    set("type", json!(upper("type")));
    set("updated_at", json!(ticket.updated_at));
    set("via", json!({ "channel": "web" }));
    Value::Object(detail)
}

fn text(id: i64) -> Value {
    json!(id.to_string())
}

/// A moment with 0, 3, 6 or 9 fractional digits.
fn time(number: u64, now: Timestamp) -> String {
    let moment = seconds(now);
    let nanos = now.as_micros() % 1_000_000 * 1_000;
    let start = moment.trim_end_matches('Z');
    match number % 4 {
        0 => moment,
        1 => format!("{start}.{:03}Z", nanos / 1_000_000),
        2 => format!("{start}.{:06}Z", nanos / 1_000),
        _ => format!("{start}.{nanos:09}Z"),
    }
}

/// A moment to the second, such as `2021-03-25T05:09:27Z`.
pub(super) fn seconds(now: Timestamp) -> String {
    jiff::Timestamp::from_second(now.as_micros() / 1_000_000).unwrap_or_default().to_string()
}
