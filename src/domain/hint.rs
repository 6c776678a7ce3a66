//! Hints: what Zendesk tells of a ticket before anybody has asked for it.

use sha2::{Digest as _, Sha256};

use super::{ContentHash, CreatedDetail, EventId, TicketId, Timestamp, word::words};

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

impl Hint {
    /// The hash of the event that is made of the hint: it tells of the hint and not of what was
    /// fetched, so that a hint which is fetched twice is one event.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        let (ticket, kind) = (self.ticket_id.get().to_be_bytes(), self.kind.as_str());
        Sha256::new()
            .chain_update(self.id.as_str())
            // No id and no kind holds one.
            .chain_update([0])
            .chain_update(ticket)
            .chain_update(kind)
            .finalize()
            .into()
    }
}

/// A hint whose ticket is still to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingHint {
    pub hint: Hint,
    /// When it was stored.
    pub received_at: Timestamp,
    /// When it is to be tried next.
    pub due_at: Timestamp,
    /// How often its ticket was fetched in vain.
    pub attempt_count: i64,
    /// Why that was so the last time; none where it was not fetched since.
    pub delay: Option<Delay>,
}

impl WaitingHint {
    /// A hint that was just received.
    #[must_use]
    pub const fn new(hint: Hint, now: Timestamp) -> Self {
        Self { hint, received_at: now, due_at: now, attempt_count: 0, delay: None }
    }
}

/// A hint that has to wait on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postponed {
    pub id: EventId,
    pub until: Timestamp,
    pub delay: Delay,
}

/// Why a hint waits on although its ticket was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delay {
    /// Zendesk did not show what it tells.
    NotShown,
    /// The ticket does not read.
    Unreadable,
    /// The store refused what was fetched.
    NotApplied,
}

words! { Delay, "delay of a hint",
    NotShown => "not_shown",
    Unreadable => "unreadable",
    NotApplied => "not_applied",
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
