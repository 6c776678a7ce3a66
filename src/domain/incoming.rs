//! What comes in: events, which are applied, and hints, which are stored until their tickets were
//! fetched.

use super::{
    Answer, ConnectionKey, Dice, EventBody, Hint, HintKind, Observation, Rejection, TicketEvent,
    Timestamp, Version, WaitingHint, WorkingSet,
};

/// Something to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    Event(TicketEvent),
    Hint(ConnectionKey, Box<Hint>),
}

/// What is answered to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    Event(Answer),
    Hint(HintAnswer),
}

/// What is answered to a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HintAnswer {
    Stored,
    /// It waits already, or was applied.
    Duplicate,
}

impl Incoming {
    /// A hint, as it is to be taken in. That a ticket is gone for ever needs no fetch: it is applied
    /// at once.
    #[must_use]
    pub fn hint(connection: ConnectionKey, hint: Hint, now: Timestamp) -> Self {
        if hint.kind != HintKind::PermanentlyDeleted {
            return Self::Hint(connection, Box::new(hint));
        }
        let at = hint.occurred_at.map_or(now, |occurred_at| occurred_at.min(now));
        let content_hash = hint.content_hash();
        Self::Event(TicketEvent {
            connection,
            ticket_id: hint.ticket_id,
            version: Version { updated_at: at, observed: Observation { at, event_id: hint.id } },
            body: EventBody::PermanentlyDeleted,
            content_hash,
        })
    }

    /// The connection that it came in for.
    #[must_use]
    pub const fn connection(&self) -> &ConnectionKey {
        match self {
            Self::Event(event) => &event.connection,
            Self::Hint(connection, _) => connection,
        }
    }
}

impl Receipt {
    /// Whether it was taken in by this delivery, and not before.
    #[must_use]
    pub const fn is_new(self) -> bool {
        match self {
            Self::Event(Answer::Applied(_)) | Self::Hint(HintAnswer::Stored) => true,
            Self::Event(Answer::Duplicate(_)) | Self::Hint(HintAnswer::Duplicate) => false,
        }
    }

    /// What was answered when it was taken in.
    #[must_use]
    pub const fn first(self) -> Self {
        match self {
            Self::Event(Answer::Applied(effect) | Answer::Duplicate(effect)) => {
                Self::Event(Answer::Applied(effect))
            }
            Self::Hint(HintAnswer::Stored | HintAnswer::Duplicate) => {
                Self::Hint(HintAnswer::Stored)
            }
        }
    }
}

impl From<Receipt> for HintAnswer {
    /// A hint that was applied at once is stored as well.
    fn from(receipt: Receipt) -> Self {
        match receipt {
            Receipt::Hint(answer) => answer,
            Receipt::Event(Answer::Applied(_)) => Self::Stored,
            Receipt::Event(Answer::Duplicate(_)) => Self::Duplicate,
        }
    }
}

impl WorkingSet {
    /// Applies an event, or stores a hint.
    ///
    /// # Errors
    /// When it is refused: it takes no id, and nothing has changed.
    pub fn take_in(
        &mut self,
        incoming: Incoming,
        now: Timestamp,
        dice: Dice<'_>,
    ) -> Result<Receipt, Rejection> {
        match incoming {
            Incoming::Event(event) => self.apply(event, now, dice).map(Receipt::Event),
            Incoming::Hint(connection, hint) => {
                self.keep(&connection, *hint, now).map(Receipt::Hint)
            }
        }
    }

    /// Stores a hint.
    fn keep(
        &mut self,
        connection: &ConnectionKey,
        hint: Hint,
        now: Timestamp,
    ) -> Result<HintAnswer, Rejection> {
        self.check_connection(connection)?;
        let key = (connection.clone(), hint.id.clone());
        if self.results.contains_key(&key) || !self.inbox.insert(key) {
            return Ok(HintAnswer::Duplicate);
        }
        self.heard.insert(connection.clone());
        self.hints.push((connection.clone(), WaitingHint::new(hint, now)));
        Ok(HintAnswer::Stored)
    }
}
