//! What the event of a new ticket tells of it: it may have changed by the time it is fetched.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Status, Ticket, TicketPriority, TicketType, Timestamp, ZendeskId};

/// The fields of a ticket as they stood when it was created, as far as they were told and fit.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreatedDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Given<TicketPriority>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub ticket_type: Option<Given<TicketType>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Given<ZendeskId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand_id: Option<Given<ZendeskId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<Given<ZendeskId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<Given<ZendeskId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester_id: Option<ZendeskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitter_id: Option<Given<ZendeskId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Given<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_form_id: Option<Given<ZendeskId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// What is told of a field that may be without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given<T> {
    /// It had none.
    None,
    Value(T),
}

impl CreatedDetail {
    /// The fetched ticket as it stood when it was created. The requester may be another one than the
    /// fetched ticket's.
    #[must_use]
    pub fn laid_over(&self, fetched: &Ticket) -> Ticket {
        // Destructured whole, so that no field is forgotten.
        let Self {
            status,
            priority,
            ticket_type,
            subject,
            description,
            assignee_id,
            brand_id,
            group_id,
            organization_id,
            requester_id,
            submitter_id,
            external_id,
            ticket_form_id,
            created_at,
            updated_at,
        } = self.clone();
        let fetched = fetched.clone();
        Ticket {
            status: status.unwrap_or(fetched.status),
            priority: over(priority, fetched.priority),
            ticket_type: over(ticket_type, fetched.ticket_type),
            subject: subject.unwrap_or(fetched.subject),
            description: description.unwrap_or(fetched.description),
            assignee_id: over(assignee_id, fetched.assignee_id),
            brand_id: over(brand_id, fetched.brand_id),
            group_id: over(group_id, fetched.group_id),
            organization_id: over(organization_id, fetched.organization_id),
            requester_id: requester_id.unwrap_or(fetched.requester_id),
            submitter_id: over(submitter_id, fetched.submitter_id),
            external_id: over(external_id, fetched.external_id),
            ticket_form_id: over(ticket_form_id, fetched.ticket_form_id),
            created_at: created_at.unwrap_or(fetched.created_at),
            updated_at: updated_at.unwrap_or(fetched.updated_at),
            ..fetched
        }
    }
}

/// What was told, else what was fetched.
fn over<T>(told: Option<Given<T>>, fetched: Option<T>) -> Option<T> {
    match told {
        None => fetched,
        Some(Given::None) => None,
        Some(Given::Value(value)) => Some(value),
    }
}

impl fmt::Debug for CreatedDetail {
    /// Its texts are a customer's, and may not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedDetail")
            .field("status", &self.status)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: i64) -> ZendeskId {
        ZendeskId::try_from(id).unwrap()
    }

    fn micros(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn fetched() -> Ticket {
        Ticket {
            status: Status::Solved,
            id: id(5),
            priority: Some(TicketPriority::Low),
            ticket_type: Some(TicketType::Task),
            updated_at: micros(9),
            assignee_id: Some(id(11)),
            brand_id: Some(id(12)),
            created_at: micros(8),
            description: "fetched".into(),
            due_at: Some(micros(10)),
            external_id: Some("fetched".into()),
            forum_topic_id: Some(id(13)),
            group_id: Some(id(14)),
            organization_id: Some(id(15)),
            problem_id: Some(id(16)),
            raw_subject: "fetched".into(),
            recipient: Some("fetched".into()),
            requester_id: id(17),
            subject: "fetched".into(),
            submitter_id: Some(id(18)),
            ticket_form_id: Some(id(19)),
            url: "fetched".into(),
        }
    }

    #[test]
    fn what_was_told_lies_over_what_was_fetched() {
        let told = CreatedDetail {
            status: Some(Status::New),
            priority: Some(Given::Value(TicketPriority::Urgent)),
            ticket_type: Some(Given::Value(TicketType::Question)),
            subject: Some("told".into()),
            description: Some("told".into()),
            assignee_id: Some(Given::Value(id(21))),
            brand_id: Some(Given::Value(id(22))),
            group_id: Some(Given::Value(id(24))),
            organization_id: Some(Given::Value(id(25))),
            requester_id: Some(id(27)),
            submitter_id: Some(Given::Value(id(28))),
            external_id: Some(Given::Value("told".into())),
            ticket_form_id: Some(Given::Value(id(29))),
            created_at: Some(micros(1)),
            updated_at: Some(micros(2)),
        };
        let expected = Ticket {
            status: Status::New,
            priority: Some(TicketPriority::Urgent),
            ticket_type: Some(TicketType::Question),
            updated_at: micros(2),
            assignee_id: Some(id(21)),
            brand_id: Some(id(22)),
            created_at: micros(1),
            description: "told".into(),
            external_id: Some("told".into()),
            group_id: Some(id(24)),
            organization_id: Some(id(25)),
            requester_id: id(27),
            subject: "told".into(),
            submitter_id: Some(id(28)),
            ticket_form_id: Some(id(29)),
            ..fetched()
        };
        let laid = told.laid_over(&fetched());
        assert!(laid == expected, "{:?}", laid.changes_since(&expected));
    }

    #[test]
    fn a_field_that_was_told_to_have_no_value_loses_the_fetched_one() {
        let told = CreatedDetail {
            priority: Some(Given::None),
            assignee_id: Some(Given::None),
            external_id: Some(Given::None),
            ..CreatedDetail::default()
        };
        let expected = Ticket { priority: None, assignee_id: None, external_id: None, ..fetched() };
        assert!(told.laid_over(&fetched()) == expected);
    }

    #[test]
    fn where_nothing_was_told_the_fetched_ticket_stays() {
        assert!(CreatedDetail::default().laid_over(&fetched()) == fetched());
    }
}
