//! Tickets and users, in the shapes of Zendesk's REST API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Status, TicketPriority, TicketType};

/// A ticket as the REST API shows it. Times have whole seconds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub url: String,
    pub id: i64,
    pub external_id: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Unix seconds of the last change, also of one that leaves `updated_at` alone.
    pub generated_timestamp: i64,
    #[serde(rename = "type")]
    pub ticket_type: Option<TicketType>,
    pub subject: String,
    pub raw_subject: String,
    pub description: String,
    pub priority: Option<TicketPriority>,
    pub status: Status,
    pub recipient: Option<String>,
    pub requester_id: i64,
    pub submitter_id: Option<i64>,
    pub assignee_id: Option<i64>,
    pub organization_id: Option<i64>,
    pub group_id: Option<i64>,
    pub forum_topic_id: Option<i64>,
    pub problem_id: Option<i64>,
    pub due_at: Option<Timestamp>,
    pub brand_id: Option<i64>,
    pub ticket_form_id: Option<i64>,
}

impl Ticket {
    /// Whether the ticket was deleted: only the incremental export still shows it then.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.status == Status::Deleted
    }

    /// The status as the REST API writes it.
    #[must_use]
    pub const fn status_word(&self) -> &'static str {
        match self.status {
            Status::New => "new",
            Status::Open => "open",
            Status::Pending => "pending",
            Status::Hold => "hold",
            Status::Solved => "solved",
            Status::Closed => "closed",
            Status::Deleted => "deleted",
        }
    }
}

/// Somebody known at the help desk. Who only ever called has no e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: Option<String>,
    #[serde(default)]
    pub role: Role,
}

/// What somebody is at the help desk. Agents write tickets too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    #[default]
    EndUser,
    Agent,
}
