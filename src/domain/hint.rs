//! Hints: what Zendesk tells of a ticket before anybody has asked for it.

use super::{CreatedDetail, EventId, TicketId, Timestamp, word::words};

/// Something happened to a ticket; what it is now has to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Zendesk's id of the event; the same one may come twice.
    pub id: EventId,
    pub ticket_id: TicketId,
    pub kind: HintKind,
    /// When it happened, as Zendesk has it; none where it does not say.
    pub occurred_at: Option<Timestamp>,
    /// The ticket's `updated_at` just then, where it is told: a fetch that shows an older ticket came
    /// too early.
    pub updated_at: Option<Timestamp>,
    /// What a new ticket was like, as far as it is told; for [`HintKind::Created`] only.
    pub detail: Option<CreatedDetail>,
}

/// What happened to the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HintKind {
    Created,
    /// Anything in it, also what turned it into spam or a part of another ticket.
    Changed,
    /// It may come back.
    SoftDeleted,
    Undeleted,
    PermanentlyDeleted,
}

words! { HintKind, "kind of hint",
    Created => "created",
    Changed => "changed",
    SoftDeleted => "soft_deleted",
    Undeleted => "undeleted",
    PermanentlyDeleted => "permanently_deleted",
}
