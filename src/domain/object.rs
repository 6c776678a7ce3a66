//! The ticket object of a contact: what stands in it, and in which order.

use std::{fmt, str::FromStr};

use super::{
    ConnectionId, ContactId, Invalid, Status, Ticket, TicketId, TicketPriority, TicketType,
    Timestamp,
};

/// A ticket that stands in a contact's ticket object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedTicket {
    pub connection_id: ConnectionId,
    pub contact_id: ContactId,
    pub ticket: Ticket,
}

impl SyncedTicket {
    /// Where the ticket stands.
    #[must_use]
    pub const fn place(&self) -> ObjectPlace {
        ObjectPlace {
            created_at: self.ticket.created_at,
            connection_id: self.connection_id,
            ticket_id: self.ticket.id,
        }
    }
}

/// A row of the ticket object: the five columns of one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    pub place: ObjectPlace,
    pub status: Status,
    pub priority: Option<TicketPriority>,
    pub ticket_type: Option<TicketType>,
    pub updated_at: Timestamp,
}

/// A place in a ticket object: the newest-created ticket first; of those created together, by
/// connection and then the highest id first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectPlace {
    pub created_at: Timestamp,
    pub connection_id: ConnectionId,
    pub ticket_id: TicketId,
}

impl fmt::Display for ObjectPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.created_at.as_micros(), self.connection_id, self.ticket_id)
    }
}

impl FromStr for ObjectPlace {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let no_place = || Invalid::new("is no place in a ticket object");
        let number = |text: &str| text.parse::<i64>().map_err(|_| no_place());
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().ok_or_else(no_place);
        Ok(Self {
            created_at: Timestamp::from_micros(number(part()?)?)?,
            connection_id: part()?.parse()?,
            ticket_id: number(part()?)?.try_into()?,
        })
    }
}
