//! What an export of changed tickets leads through: its place, and the tickets that it names.

use super::{Invalid, TicketId, Timestamp};

/// The longest cursor, in bytes: Zendesk's have some tens.
const MAX_CURSOR_BYTES: usize = 1_024;

/// A place in Zendesk's export, opaque. It came from outside and goes back there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportCursor(String);

impl ExportCursor {
    /// The cursor as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ExportCursor {
    type Error = Invalid;

    fn try_from(cursor: String) -> Result<Self, Invalid> {
        let fits = (1..=MAX_CURSOR_BYTES).contains(&cursor.len());
        if !fits || !cursor.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::new("is no export cursor"));
        }
        Ok(Self(cursor))
    }
}

/// A ticket that changed. What it is now has to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportedTicket {
    pub ticket_id: TicketId,
    /// None where Zendesk does not say.
    pub created_at: Option<Timestamp>,
    /// None where Zendesk does not say.
    pub updated_at: Option<Timestamp>,
    pub presence: Presence,
}

/// Whether a ticket is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Present,
    Deleted,
}
