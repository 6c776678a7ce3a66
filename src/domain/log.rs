//! The trigger log: one sequence per account, without holes.

use std::fmt;

use uuid::Uuid;

use super::{
    Change, ConnectionKey, ContactId, Email, Invalid, Observation, Ticket, TicketId, Timestamp,
    word::words,
};

/// A place in an account's log. The first event stands at 1; 0 is the place before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(i64);

impl Position {
    /// The place before the first event.
    pub const START: Self = Self(0);
    /// A place that no log reaches.
    pub const MAX: Self = Self(i64::MAX);

    /// The position as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The next place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl TryFrom<i64> for Position {
    type Error = Invalid;

    fn try_from(position: i64) -> Result<Self, Invalid> {
        if position >= 0 { Ok(Self(position)) } else { Err(Invalid::new("is no position")) }
    }
}

/// One history of a log: a database that is made anew has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogId(pub Uuid);

/// Which trigger an event of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    TicketCreated,
    TicketUpdated,
}

words! { TriggerKind, "trigger kind",
    TicketCreated => "ticket_created",
    TicketUpdated => "ticket_updated",
}

/// One event of the log. Its contents may be erased; the rest never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerEvent {
    pub position: Position,
    pub kind: TriggerKind,
    /// Random bits that tell this event from another history's at the same position.
    pub entropy: i64,
    pub connection: ConnectionKey,
    pub ticket_id: TicketId,
    pub observed: Observation,
    pub contact_id: ContactId,
    pub committed_at: Timestamp,
    /// The event before it in the log of the same ticket.
    pub previous_position: Option<Position>,
    /// What it carries, unless that was erased.
    pub content: Option<TriggerContent>,
}

/// What a trigger event carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerContent {
    pub ticket: Ticket,
    /// The fields that differ from the state observed before; none where the ticket was created.
    pub changes: Vec<Change>,
}

/// How the contact of a trigger event is called now. Its `Debug` shows no address and no name.
#[derive(Clone, PartialEq, Eq)]
pub struct TriggerContact {
    pub email: Email,
    pub name: String,
}

impl fmt::Debug for TriggerContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TriggerContact").finish_non_exhaustive()
    }
}
