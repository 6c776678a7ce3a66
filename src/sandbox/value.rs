//! The 22 values of a ticket as text, from the contract's side.

use crate::proto::v1::{self as pb, TicketField};

/// A field's value as Zendesk's REST API writes it; empty where it has none.
#[must_use]
pub fn value(ticket: &pb::Ticket, field: TicketField) -> String {
    match field {
        TicketField::Unspecified => String::new(),
        TicketField::Status => word(ticket.status().as_str_name(), "TICKET_STATUS_"),
        TicketField::Id => ticket.id.to_string(),
        TicketField::Priority => word(ticket.priority().as_str_name(), "TICKET_PRIORITY_"),
        TicketField::Type => word(ticket.r#type().as_str_name(), "TICKET_TYPE_"),
        TicketField::UpdatedAt => time(ticket.updated_at.as_ref()),
        TicketField::AssigneeId => id(ticket.assignee_id),
        TicketField::BrandId => id(ticket.brand_id),
        TicketField::CreatedAt => time(ticket.created_at.as_ref()),
        TicketField::Description => ticket.description.clone(),
        TicketField::DueAt => time(ticket.due_at.as_ref()),
        TicketField::ExternalId => ticket.external_id.clone().unwrap_or_default(),
        TicketField::ForumTopicId => id(ticket.forum_topic_id),
        TicketField::GroupId => id(ticket.group_id),
        TicketField::OrganizationId => id(ticket.organization_id),
        TicketField::ProblemId => id(ticket.problem_id),
        TicketField::RawSubject => ticket.raw_subject.clone(),
        TicketField::Recipient => ticket.recipient.clone().unwrap_or_default(),
        TicketField::RequesterId => ticket.requester_id.to_string(),
        TicketField::Subject => ticket.subject.clone(),
        TicketField::SubmitterId => id(ticket.submitter_id),
        TicketField::TicketFormId => id(ticket.ticket_form_id),
        TicketField::Url => ticket.url.clone(),
    }
}

/// The word of an enum's value, in lower case; empty for none.
#[must_use]
pub fn word(name: &str, prefix: &str) -> String {
    let word = name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase();
    if word == "unspecified" { String::new() } else { word }
}

/// A moment as RFC 3339; empty for none.
#[must_use]
pub fn time(moment: Option<&prost_types::Timestamp>) -> String {
    moment
        .and_then(|moment| jiff::Timestamp::new(moment.seconds, moment.nanos).ok())
        .map(|moment| moment.to_string())
        .unwrap_or_default()
}

fn id(id: Option<i64>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
