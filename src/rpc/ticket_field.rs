//! Ticket fields by name, and the values that changed ones had before.

use crate::{
    domain::{Change, FieldValue, Invalid, TicketField},
    proto::v1 as pb,
    rpc::ticket::{priority, ticket_type, unknown},
};

impl From<TicketField> for pb::TicketField {
    fn from(field: TicketField) -> Self {
        match field {
            TicketField::Status => Self::Status,
            TicketField::Id => Self::Id,
            TicketField::Priority => Self::Priority,
            TicketField::Type => Self::Type,
            TicketField::UpdatedAt => Self::UpdatedAt,
            TicketField::AssigneeId => Self::AssigneeId,
            TicketField::BrandId => Self::BrandId,
            TicketField::CreatedAt => Self::CreatedAt,
            TicketField::Description => Self::Description,
            TicketField::DueAt => Self::DueAt,
            TicketField::ExternalId => Self::ExternalId,
            TicketField::ForumTopicId => Self::ForumTopicId,
            TicketField::GroupId => Self::GroupId,
            TicketField::OrganizationId => Self::OrganizationId,
            TicketField::ProblemId => Self::ProblemId,
            TicketField::RawSubject => Self::RawSubject,
            TicketField::Recipient => Self::Recipient,
            TicketField::RequesterId => Self::RequesterId,
            TicketField::Subject => Self::Subject,
            TicketField::SubmitterId => Self::SubmitterId,
            TicketField::TicketFormId => Self::TicketFormId,
            TicketField::Url => Self::Url,
        }
    }
}

/// Reads a field's number.
pub fn parse(number: i32) -> Result<TicketField, Invalid> {
    if number == i32::from(pb::TicketField::Unspecified) {
        return Err(Invalid::new("is required"));
    }
    let mut fields = TicketField::ALL.into_iter();
    let known = fields.find(|field| i32::from(pb::TicketField::from(*field)) == number);
    known.ok_or_else(|| unknown(number))
}

/// The values that changed fields had before, each in its place; all other fields are unset.
pub fn previous_values(changes: Vec<Change>) -> pb::Ticket {
    let mut ticket = pb::Ticket::default();
    for Change { field, previous } in changes {
        set(&mut ticket, field, previous);
    }
    ticket
}

fn set(ticket: &mut pb::Ticket, field: TicketField, value: FieldValue) {
    let (mut id, mut line, mut time) = (None, None, None);
    match value {
        FieldValue::None => {}
        FieldValue::Status(status) => ticket.status = pb::TicketStatus::from(status).into(),
        FieldValue::Priority(value) => ticket.priority = priority(Some(value)),
        FieldValue::Type(value) => ticket.r#type = ticket_type(Some(value)),
        FieldValue::Integer(value) => id = Some(value.get()),
        FieldValue::Timestamp(value) => time = Some(value.into()),
        FieldValue::Text(value) => line = Some(value),
    }
    match field {
        TicketField::Status | TicketField::Priority | TicketField::Type => {}
        TicketField::Id => ticket.id = id.unwrap_or_default(),
        TicketField::UpdatedAt => ticket.updated_at = time,
        TicketField::AssigneeId => ticket.assignee_id = id,
        TicketField::BrandId => ticket.brand_id = id,
        TicketField::CreatedAt => ticket.created_at = time,
        TicketField::Description => ticket.description = line.unwrap_or_default(),
        TicketField::DueAt => ticket.due_at = time,
        TicketField::ExternalId => ticket.external_id = line,
        TicketField::ForumTopicId => ticket.forum_topic_id = id,
        TicketField::GroupId => ticket.group_id = id,
        TicketField::OrganizationId => ticket.organization_id = id,
        TicketField::ProblemId => ticket.problem_id = id,
        TicketField::RawSubject => ticket.raw_subject = line.unwrap_or_default(),
        TicketField::Recipient => ticket.recipient = line,
        TicketField::RequesterId => ticket.requester_id = id.unwrap_or_default(),
        TicketField::Subject => ticket.subject = line.unwrap_or_default(),
        TicketField::SubmitterId => ticket.submitter_id = id,
        TicketField::TicketFormId => ticket.ticket_form_id = id,
        TicketField::Url => ticket.url = line.unwrap_or_default(),
    }
}
