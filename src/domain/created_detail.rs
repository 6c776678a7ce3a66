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
