//! What people at the help desk ask for, and the ticket that comes of it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    store::Refusal,
    ticket::{Role, Ticket},
};
use crate::domain::{Status, Timestamp};

/// The fields of a ticket that people may set. Others are ignored, as Zendesk ignores them.
const SETTABLE: [&str; 15] = [
    "assignee_id",
    "brand_id",
    "due_at",
    "external_id",
    "forum_topic_id",
    "group_id",
    "organization_id",
    "priority",
    "problem_id",
    "recipient",
    "requester_id",
    "status",
    "subject",
    "ticket_form_id",
    "type",
];
/// The brand, group and form that a ticket starts with, and the address customers write to.
const BRAND_ID: i64 = 360_000_000_001;
const GROUP_ID: i64 = 360_000_000_102;
const FORM_ID: i64 = 360_000_000_203;
const RECIPIENT: &str = "support@acme.example";

/// The `ticket` of a request that creates or updates one.
#[derive(Default, Deserialize)]
pub struct TicketInput {
    /// Only where the ticket is created.
    pub requester: Option<UserInput>,
    /// The first comment is the description; later ones only touch the ticket.
    pub comment: Option<Comment>,
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// A comment on a ticket.
#[derive(Deserialize)]
pub struct Comment {
    pub body: String,
}

/// A user as a request names or changes one; absent keeps what is known.
#[derive(Default, Deserialize)]
pub struct UserInput {
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: Option<Role>,
}

impl TicketInput {
    /// The requester named by id.
    #[must_use]
    pub fn requester_id(&self) -> Option<i64> {
        self.fields.get("requester_id")?.as_i64()
    }
}

/// Which tickets are merged into another, and what is written to each side.
#[derive(Default, Deserialize)]
pub struct MergeInput {
    pub ids: Vec<i64>,
    #[serde(default)]
    pub target_comment: String,
    #[serde(default)]
    pub source_comment: String,
}

/// The ticket that a request creates.
pub(super) fn new_ticket(
    desk_url: &str,
    id: i64,
    requester_id: i64,
    input: &TicketInput,
    now: Timestamp,
) -> Result<Ticket, Refusal> {
    let now = seconds(now);
    let body = input.comment.as_ref().map(|comment| comment.body.trim()).unwrap_or_default();
    if body.is_empty() {
        return Err(Refusal::Invalid("comment.body: is required".into()));
    }
    let blank = Ticket {
        url: format!("{desk_url}/api/v2/tickets/{id}.json"),
        id,
        external_id: None,
        created_at: now,
        updated_at: now,
        generated_timestamp: now.as_second(),
        ticket_type: None,
        // Zendesk takes the beginning of the first comment where there is no subject.
        subject: body.lines().next().unwrap_or_default().to_owned(),
        raw_subject: String::new(),
        description: body.to_owned(),
        priority: None,
        status: Status::New,
        recipient: Some(RECIPIENT.to_owned()),
        requester_id,
        submitter_id: Some(requester_id),
        assignee_id: None,
        organization_id: None,
        group_id: Some(GROUP_ID),
        forum_topic_id: None,
        problem_id: None,
        due_at: None,
        brand_id: Some(BRAND_ID),
        ticket_form_id: Some(FORM_ID),
    };
    overlaid(&blank, &input.fields)
}

/// The ticket that a request leaves behind.
pub(super) fn updated(
    ticket: &Ticket,
    input: &TicketInput,
    now: Timestamp,
) -> Result<Ticket, Refusal> {
    let mut ticket = overlaid(ticket, &input.fields)?;
    touch(&mut ticket, now);
    Ok(ticket)
}

/// Notes that a ticket changes now.
pub(super) fn touch(ticket: &mut Ticket, now: Timestamp) {
    ticket.updated_at = ticket.updated_at.max(seconds(now));
    ticket.generated_timestamp = ticket.updated_at.as_second();
}

/// Takes all contents out of a ticket. What stands in their place is the sandbox's own choice.
pub(super) fn scrub(ticket: &mut Ticket) {
    const SCRUBBED: &str = "SCRUBBED";
    for text in [&mut ticket.subject, &mut ticket.raw_subject, &mut ticket.description] {
        SCRUBBED.clone_into(text);
    }
    (ticket.external_id, ticket.recipient) = (None, None);
}

/// Lays the fields of a request over a ticket; the ticket's own types say what fits.
fn overlaid(ticket: &Ticket, fields: &Map<String, Value>) -> Result<Ticket, Refusal> {
    let invalid = |problem: serde_json::Error| Refusal::Invalid(problem.to_string());
    let mut value = serde_json::to_value(ticket).map_err(invalid)?;
    for (key, field) in fields.iter().filter(|(key, _)| SETTABLE.contains(&key.as_str())) {
        value[key.as_str()] = field.clone();
    }
    let mut ticket: Ticket = serde_json::from_value(value).map_err(invalid)?;
    if ticket.deleted() {
        return Err(Refusal::Invalid("status: deleted is for DELETE to set".into()));
    }
    ticket.raw_subject.clone_from(&ticket.subject);
    Ok(ticket)
}

/// Zendesk's times have whole seconds.
fn seconds(now: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(now.as_micros() / 1_000_000).unwrap_or_default()
}
