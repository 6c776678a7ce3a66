//! What happens to a ticket at a change, in the words of Zendesk's event types.

use serde_json::{Value, json};

use super::ticket::Ticket;

/// The field of a ticket and the event that tells of its change. What is not listed changes in
/// silence, as at Zendesk: `recipient`, for one, and `forum_topic_id`.
const CHANGES: [(&str, &str); 15] = [
    ("status", "status_changed"),
    ("priority", "priority_changed"),
    ("type", "type_changed"),
    ("subject", "subject_changed"),
    ("description", "description_changed"),
    ("requester_id", "requester_changed"),
    ("submitter_id", "submitter_changed"),
    ("assignee_id", "agent_assignment_changed"),
    ("group_id", "group_assignment_changed"),
    ("organization_id", "organization_changed"),
    ("brand_id", "brand_changed"),
    ("ticket_form_id", "form_changed"),
    ("external_id", "external_id_changed"),
    ("problem_id", "problem_link_changed"),
    ("due_at", "task_due_at_changed"),
];

/// What people do to a ticket besides changing its fields.
pub(super) enum Act {
    Created,
    Commented(String),
    /// It is the source of a merge.
    Merged,
    MarkedAsSpam,
    SoftDeleted,
    Undeleted,
    PermanentlyDeleted,
}

/// One event's worth of change.
pub(super) struct Happening {
    /// The last part of the event's type, such as `status_changed`.
    pub(super) kind: &'static str,
    /// The ticket afterwards.
    pub(super) ticket: Ticket,
    /// The event's own part: previous and current value, or a comment.
    pub(super) event: Value,
}

/// What happens where a ticket changes so; several things of one action are told in a fixed order.
pub(super) fn happenings(before: Option<&Ticket>, after: &Ticket, acts: &[Act]) -> Vec<Happening> {
    let told = |kind, event| Happening { kind, ticket: after.clone(), event };
    // Coming and going is told as that alone, whatever it does to the status.
    let passing = acts.iter().any(|act| !matches!(act, Act::Commented(_) | Act::Merged));
    let mut all = Vec::new();
    if let (Some(before), false) = (before, passing) {
        let (before, after) = (json!(before), json!(after));
        let changed = CHANGES.iter().filter(|(key, _)| before[*key] != after[*key]);
        all.extend(changed.map(|(key, kind)| {
            let (previous, current) = (word(key, &before[*key]), word(key, &after[*key]));
            told(*kind, json!({ "previous": previous, "current": current }))
        }));
    }
    all.extend(acts.iter().map(|act| match act {
        Act::Created => told("created", json!({})),
        Act::Commented(body) => {
            told("comment_added", json!({ "comment": { "body": body, "is_public": true } }))
        }
        Act::Merged => told("merged", json!({})),
        Act::MarkedAsSpam => told("marked_as_spam", json!({})),
        Act::SoftDeleted => told("soft_deleted", json!({})),
        Act::Undeleted => told("undeleted", json!({})),
        Act::PermanentlyDeleted => told("permanently_deleted", json!({})),
    }));
    all
}

/// A field's value as events write it: ids as text, closed lists in upper case.
fn word(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("status" | "priority" | "type", Value::String(word)) => json!(word.to_uppercase()),
        (_, Value::Number(id)) => json!(id.to_string()),
        (_, value) => value.clone(),
    }
}
