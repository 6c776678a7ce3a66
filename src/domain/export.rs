//! What an export of changed tickets leads through: its place, and the tickets that it names.

use std::time::Duration;

use super::{EventId, EventSource, Hint, HintKind, Invalid, TicketId, Timestamp};

/// The longest cursor, in bytes: Zendesk's have some tens.
const MAX_CURSOR_BYTES: usize = 1_024;

/// How long after a ticket's `updated_at` a fetch shows the last change of that second: what answers
/// calls at Zendesk runs some seconds behind.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

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

/// What is known here of a ticket that an export names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTicket {
    pub updated_at: Timestamp,
    pub observed_at: Timestamp,
    /// None once it is erased.
    pub presence: Option<Presence>,
    pub created_logged: bool,
}

impl KnownTicket {
    /// What is known by two sights of the ticket: the newer one tells. What is erased stays so.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let age = |known: &Self| (known.presence.is_none(), known.updated_at, known.observed_at);
        let newer = if age(&self) < age(&other) { other } else { self };
        Self { created_logged: self.created_logged || other.created_logged, ..newer }
    }

    /// Whether nothing of the ticket was newer when it was seen. `updated_at` has whole seconds: what
    /// was seen soon after it need not be the last of that second.
    fn is_as_new_as(&self, updated_at: Timestamp) -> bool {
        let settled = self.observed_at >= updated_at.plus(SETTLED_AFTER);
        self.updated_at > updated_at || (self.updated_at == updated_at && settled)
    }
}

impl ExportedTicket {
    /// The hint that makes up for what was not heard of the ticket; none where what is known is as
    /// new. A ticket that was created after the connection was finished should have been heard of
    /// then; an older one is adopted.
    ///
    /// # Errors
    /// None: the name of the hint has the shape of one.
    pub fn hint(
        &self,
        known: Option<&KnownTicket>,
        finished_at: Timestamp,
    ) -> Result<Option<Hint>, Invalid> {
        let new = self.created_at.is_some_and(|created_at| created_at > finished_at);
        let untold = new && known.is_none_or(|known| !known.created_logged);
        if known.is_some_and(|known| self.is_known(known, untold)) {
            return Ok(None);
        }
        let gone = known.is_some_and(|known| known.presence == Some(Presence::Deleted));
        let kind = match self.presence {
            Presence::Deleted => HintKind::SoftDeleted,
            Presence::Present if untold => HintKind::Created,
            Presence::Present if gone => HintKind::Undeleted,
            Presence::Present => HintKind::Changed,
        };
        // Once for each exported state and each known one: what a fetch has settled since is looked
        // at anew, what it has not is not asked for twice.
        let micros = |time: Option<Timestamp>| time.map_or(0, Timestamp::as_micros);
        let (updated, observed) = (micros(self.updated_at), micros(known.map(|k| k.observed_at)));
        let name = format!("export-{}-{updated}-{observed}", self.ticket_id);
        Ok(Some(Hint {
            id: EventId::of(EventSource::Service, name)?,
            ticket_id: self.ticket_id,
            kind,
            occurred_at: self.updated_at,
            updated_at: self.updated_at,
            detail: None,
        }))
    }

    /// Whether there is nothing to make up for. What is erased stays so.
    fn is_known(&self, known: &KnownTicket, untold: bool) -> bool {
        let as_new = self.updated_at.is_some_and(|updated_at| known.is_as_new_as(updated_at));
        match (known.presence, self.presence) {
            (None, _) => true,
            (Some(Presence::Present), Presence::Present) => as_new && !untold,
            (Some(Presence::Deleted), Presence::Deleted) => as_new,
            (Some(Presence::Present), Presence::Deleted)
            | (Some(Presence::Deleted), Presence::Present) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINISHED: i64 = 100;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn exported(created_at: i64, updated_at: i64, presence: Presence) -> ExportedTicket {
        ExportedTicket {
            ticket_id: 5.try_into().unwrap(),
            created_at: Some(at(created_at)),
            updated_at: Some(at(updated_at)),
            presence,
        }
    }

    fn present(created_at: i64, updated_at: i64) -> ExportedTicket {
        exported(created_at, updated_at, Presence::Present)
    }

    fn deleted(updated_at: i64) -> ExportedTicket {
        exported(50, updated_at, Presence::Deleted)
    }

    fn known(updated_at: i64) -> KnownTicket {
        KnownTicket {
            updated_at: at(updated_at),
            observed_at: at(200),
            presence: Some(Presence::Present),
            created_logged: true,
        }
    }

    fn hint(ticket: ExportedTicket, known: Option<KnownTicket>) -> Option<(HintKind, String)> {
        let hint = ticket.hint(known.as_ref(), at(FINISHED)).unwrap()?;
        assert_eq!((hint.updated_at, hint.ticket_id.get()), (ticket.updated_at, 5));
        Some((hint.kind, hint.id.to_string()))
    }

    fn kind(ticket: ExportedTicket, known: Option<KnownTicket>) -> Option<HintKind> {
        hint(ticket, known).map(|(kind, _)| kind)
    }

    #[test]
    fn a_ticket_created_after_the_connection_was_finished_is_a_created_one() {
        assert_eq!(kind(present(101, 120), None), Some(HintKind::Created));
        assert_eq!(kind(present(100, 120), None), Some(HintKind::Changed), "adopted");
        let undated = ExportedTicket { created_at: None, ..present(101, 120) };
        assert_eq!(kind(undated, None), Some(HintKind::Changed));
    }

    #[test]
    fn a_creation_that_was_never_logged_is_made_up_for_though_the_ticket_is_known() {
        let adopted = KnownTicket { created_logged: false, ..known(120) };
        assert_eq!(kind(present(101, 120), Some(adopted)), Some(HintKind::Created));
        assert_eq!(kind(present(100, 120), Some(adopted)), None, "an old ticket has no creation");
    }

    #[test]
    fn what_is_known_as_new_needs_no_hint() {
        assert_eq!(kind(present(50, 120), Some(known(120))), None);
        assert_eq!(kind(present(50, 120), Some(known(121))), None);
        assert_eq!(kind(present(50, 120), Some(known(119))), Some(HintKind::Changed));
        let undated = ExportedTicket { updated_at: None, ..present(50, 120) };
        assert_eq!(kind(undated, Some(known(120))), Some(HintKind::Changed), "nobody can tell");
    }

    #[test]
    fn what_was_seen_within_seconds_of_its_change_is_looked_at_once_more() {
        let soon = KnownTicket { observed_at: at(129), ..known(120) };
        assert_eq!(kind(present(50, 120), Some(soon)), Some(HintKind::Changed));
        let later = KnownTicket { observed_at: at(130), ..known(120) };
        assert_eq!(kind(present(50, 120), Some(later)), None);
        let newer = KnownTicket { observed_at: at(122), ..known(121) };
        assert_eq!(kind(present(50, 120), Some(newer)), None);
    }

    #[test]
    fn a_deletion_and_a_return_that_were_not_heard_of_are_hints_however_new_the_ticket_is() {
        let gone = KnownTicket { presence: Some(Presence::Deleted), ..known(120) };
        assert_eq!(kind(deleted(120), Some(known(120))), Some(HintKind::SoftDeleted));
        assert_eq!(kind(deleted(120), Some(gone)), None);
        assert_eq!(kind(deleted(121), Some(gone)), Some(HintKind::SoftDeleted));
        assert_eq!(kind(deleted(120), None), Some(HintKind::SoftDeleted));
        assert_eq!(kind(present(50, 120), Some(gone)), Some(HintKind::Undeleted));
    }

    #[test]
    fn what_is_erased_stays_so() {
        let erased = KnownTicket { presence: None, created_logged: false, ..known(1) };
        for ticket in [present(50, 120), present(101, 120), deleted(120)] {
            assert_eq!(kind(ticket, Some(erased)), None);
        }
    }

    #[test]
    fn a_state_is_asked_for_once_until_something_else_is_known() {
        let id = |known| hint(present(50, 120), known).unwrap().1;
        assert_eq!(id(Some(known(110))), id(Some(known(110))));
        let later = KnownTicket { observed_at: at(201), ..known(110) };
        assert_ne!(id(Some(known(110))), id(Some(later)));
        assert_ne!(id(None), id(Some(known(110))));
        assert_ne!(id(None), hint(present(50, 121), None).unwrap().1);
    }
}
