//! The ticket: 22 fields, their names and their values.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{FieldKind, FieldValue, Invalid, Timestamp, field_value::Holds, word::words};

/// An id at Zendesk: 1 to 2^63 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZendeskId(i64);

/// A ticket's id, unique within its connection.
pub type TicketId = ZendeskId;

impl ZendeskId {
    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for ZendeskId {
    type Error = Invalid;

    fn try_from(id: i64) -> Result<Self, Invalid> {
        if id > 0 { Ok(Self(id)) } else { Err(Invalid::new("is no id: ids are above 0")) }
    }
}

impl fmt::Display for ZendeskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The status of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    New,
    Open,
    Pending,
    Hold,
    Solved,
    Closed,
    Deleted,
}

/// The priority of a ticket that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketPriority {
    Low,
    Normal,
    High,
    Urgent,
}

/// The type of a ticket that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketType {
    Problem,
    Incident,
    Question,
    Task,
}

// The words are Zendesk's, by which serde reads and writes them too.
words! { Status, "status",
    New => "new",
    Open => "open",
    Pending => "pending",
    Hold => "hold",
    Solved => "solved",
    Closed => "closed",
    Deleted => "deleted",
}

words! { TicketPriority, "priority",
    Low => "low",
    Normal => "normal",
    High => "high",
    Urgent => "urgent",
}

words! { TicketType, "ticket type",
    Problem => "problem",
    Incident => "incident",
    Question => "question",
    Task => "task",
}

/// A field whose value differs from the state observed before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: TicketField,
    pub previous: FieldValue,
}

/// Writes the ticket, the list of its fields and the reading of one by name from one list, so that
/// none of the three can forget a field.
macro_rules! ticket {
    ($($(#[$attribute:meta])* $variant:ident $name:ident $key:literal: $type:ty,)*) => {
        /// A ticket with its 22 fields, as Zendesk names them.
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Ticket {
            $($(#[$attribute])* #[serde(rename = $key)] pub $name: $type,)*
        }

        /// The name of one of the 22 fields, in their order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum TicketField {
            $($variant,)*
        }

        impl TicketField {
            /// All fields, in order.
            pub const ALL: [Self; 22] = [$(Self::$variant,)*];

            /// The field's key at Zendesk.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$variant => $key,)*
                }
            }

            /// What the field holds.
            #[must_use]
            pub const fn kind(self) -> FieldKind {
                match self {
                    $(Self::$variant => <$type as Holds>::KIND,)*
                }
            }
        }

        impl Ticket {
            /// The value of a field.
            #[must_use]
            pub fn value(&self, field: TicketField) -> FieldValue {
                match field {
                    $(TicketField::$variant => self.$name.clone().into(),)*
                }
            }

            /// The fields in which `self` differs from the state before, with their previous values.
            #[must_use]
            pub fn changes_since(&self, previous: &Self) -> Vec<Change> {
                let mut changes = Vec::new();
                $(if self.$name != previous.$name {
                    changes.push(Change {
                        field: TicketField::$variant,
                        previous: previous.$name.clone().into(),
                    });
                })*
                changes
            }
        }
    };
}

ticket! {
    Status status "status": Status,
    Id id "id": TicketId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Priority priority "priority": Option<TicketPriority>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Type ticket_type "type": Option<TicketType>,
    UpdatedAt updated_at "updated_at": Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    AssigneeId assignee_id "assignee_id": Option<ZendeskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    BrandId brand_id "brand_id": Option<ZendeskId>,
    CreatedAt created_at "created_at": Timestamp,
    Description description "description": String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    DueAt due_at "due_at": Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ExternalId external_id "external_id": Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ForumTopicId forum_topic_id "forum_topic_id": Option<ZendeskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    GroupId group_id "group_id": Option<ZendeskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    OrganizationId organization_id "organization_id": Option<ZendeskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ProblemId problem_id "problem_id": Option<ZendeskId>,
    RawSubject raw_subject "raw_subject": String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Recipient recipient "recipient": Option<String>,
    RequesterId requester_id "requester_id": ZendeskId,
    Subject subject "subject": String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    SubmitterId submitter_id "submitter_id": Option<ZendeskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    TicketFormId ticket_form_id "ticket_form_id": Option<ZendeskId>,
    Url url "url": String,
}

impl FromStr for TicketField {
    type Err = Invalid;

    fn from_str(key: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|field| field.key() == key);
        known.ok_or_else(|| Invalid::new("is no ticket field"))
    }
}

impl Ticket {
    /// The longest description, in bytes: what Zendesk lets a comment be.
    pub const MAX_DESCRIPTION_BYTES: usize = 64 * 1024;
    /// The longest subject, raw subject, external id and recipient, in bytes.
    pub const MAX_LINE_BYTES: usize = 1024;
    /// The longest URL, in bytes.
    pub const MAX_URL_BYTES: usize = 2 * 1024;
}

impl fmt::Debug for Ticket {
    /// Only what names the ticket: its texts are a customer's, and may not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_closed_list_are_those_it_is_written_with() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for priority in TicketPriority::ALL {
            assert_eq!(serde_json::to_value(priority).unwrap(), priority.as_str());
        }
        for ticket_type in TicketType::ALL {
            assert_eq!(serde_json::to_value(ticket_type).unwrap(), ticket_type.as_str());
        }
    }

    #[test]
    fn a_field_is_read_by_its_key() {
        for field in TicketField::ALL {
            assert_eq!(field.key().parse(), Ok(field));
        }
        assert!("Status".parse::<TicketField>().is_err());
    }
}
