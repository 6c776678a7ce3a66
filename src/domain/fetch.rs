//! What a fetch settles: which hints the state that it showed answers, and which have to wait.

use std::{sync::Arc, time::Duration};

use super::{
    ConnectionKey, Delay, EventBody, EventId, Hint, HintKind, Observation, Presence, Requester,
    Snapshot, SnapshotKind, Status, Ticket, TicketEvent, TicketId, Timestamp, Version, WaitingHint,
};

/// How long a fetch is not believed that contradicts a hint, counted from the hint's receipt: what
/// answers calls at Zendesk runs some seconds behind what calls webhooks.
pub const LAG: Duration = Duration::from_mins(1);
/// How long to wait after the first fetch that did not show what was hinted at; each next wait is
/// twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait for a ticket that does not read. Only a change at Zendesk, or a newer version of
/// this service, helps; either is noticed within the hour.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// A fetch of one ticket.
#[derive(Debug, Clone)]
pub struct TicketFetch<'a> {
    pub connection: &'a ConnectionKey,
    pub ticket_id: TicketId,
    /// When the call was sent: what it shows was true then or later.
    pub started_at: Timestamp,
    pub shown: Shown,
    /// The `updated_at` of the newest version that was known before; none where the ticket was never
    /// seen.
    pub known: Option<Timestamp>,
}

/// What a fetch showed of a ticket.
#[derive(Debug, Clone)]
pub enum Shown {
    Ticket { ticket: Arc<Ticket>, requester: Requester },
    Absent,
    Unreadable,
}

/// What becomes of a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// This event settles it. The doubt is what spoke against the fetch, for as long as it could be
    /// lag.
    Apply { event: TicketEvent, despite: Option<Doubt> },
    /// It waits, to be fetched again then.
    Again { id: EventId, at: Timestamp, because: Doubt },
}

/// Why a fetch may not show what was hinted at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// It shows an older ticket.
    Older,
    /// It does not show a ticket that was never seen, or has just come back.
    Missing,
    /// It shows a ticket that was deleted.
    StillThere,
    /// The ticket does not read, however often it is fetched.
    Unreadable,
}

impl Doubt {
    /// The doubt as a word, for counting.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Missing => "missing",
            Self::StillThere => "still_there",
            Self::Unreadable => "unreadable",
        }
    }
}

impl From<Doubt> for Delay {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Older | Doubt::Missing | Doubt::StillThere => Self::NotShown,
            Doubt::Unreadable => Self::Unreadable,
        }
    }
}

impl TicketFetch<'_> {
    /// Settles the ticket's hints, which must have been stored before the fetch was sent. They come
    /// out in the order in which their events are to be applied: how the ticket began comes first.
    #[must_use]
    pub fn settle(&self, mut hints: Vec<WaitingHint>) -> Vec<Settled> {
        hints.sort_by_key(|waiting| (waiting.hint.kind != HintKind::Created, happened(waiting)));
        let last_move = hints.iter().rev().find_map(|waiting| match waiting.hint.kind {
            HintKind::SoftDeleted => Some(Presence::Deleted),
            HintKind::Undeleted => Some(Presence::Present),
            HintKind::Created | HintKind::Changed | HintKind::PermanentlyDeleted => None,
        });
        let heard = hints.iter().filter_map(told).max().unwrap_or(Timestamp::EPOCH);
        hints.into_iter().map(|waiting| self.settle_one(waiting, last_move, heard)).collect()
    }

    fn settle_one(
        &self,
        waiting: WaitingHint,
        last_move: Option<Presence>,
        heard: Timestamp,
    ) -> Settled {
        let doubt = self.doubt(&waiting, last_move);
        match doubt.and_then(|because| Some((because, self.next_look(&waiting, because)?))) {
            Some((because, at)) => Settled::Again { id: waiting.hint.id, at, because },
            None => Settled::Apply { event: self.event(waiting.hint, heard), despite: doubt },
        }
    }

    /// What speaks against taking what was shown for the state after the hint.
    fn doubt(&self, waiting: &WaitingHint, last_move: Option<Presence>) -> Option<Doubt> {
        let kind = waiting.hint.kind;
        match &self.shown {
            _ if kind == HintKind::PermanentlyDeleted => None,
            Shown::Unreadable => Some(Doubt::Unreadable),
            Shown::Absent => {
                let expected = match last_move {
                    Some(presence) => presence,
                    None if self.known.is_none() => Presence::Present,
                    None => Presence::Deleted,
                };
                (expected == Presence::Present).then_some(Doubt::Missing)
            }
            Shown::Ticket { ticket, .. } if self.is_older(ticket, waiting) => Some(Doubt::Older),
            Shown::Ticket { ticket, .. } => {
                let deleted_last =
                    kind == HintKind::SoftDeleted && last_move == Some(Presence::Deleted);
                let deletion = waiting.hint.updated_at.or(waiting.hint.occurred_at);
                let since = deletion.is_some_and(|deletion| ticket.updated_at > deletion);
                (deleted_last && !since && ticket.status != Status::Deleted)
                    .then_some(Doubt::StillThere)
            }
        }
    }

    /// Whether the ticket has been newer, by the hint or by what was seen before.
    fn is_older(&self, ticket: &Ticket, waiting: &WaitingHint) -> bool {
        told(waiting).max(self.known).is_some_and(|newest| ticket.updated_at < newest)
    }

    /// When to look again; none where the doubt has lasted for too long to be lag.
    fn next_look(&self, waiting: &WaitingHint, because: Doubt) -> Option<Timestamp> {
        let attempts = u32::try_from(waiting.attempt_count).unwrap_or(u32::MAX);
        let doubled = 2_u32.saturating_pow(attempts);
        let wait = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
        let next = self.started_at.plus(wait);
        if because == Doubt::Unreadable {
            return Some(next);
        }
        let last = waiting.received_at.plus(LAG);
        (self.started_at < last).then(|| next.min(last))
    }

    /// The event that settles a hint. `heard` is the newest `updated_at` that its ticket's hints tell.
    fn event(&self, hint: Hint, heard: Timestamp) -> TicketEvent {
        let content_hash = hint.content_hash();
        let Hint { id, kind, detail, .. } = hint;
        let (updated_at, body) = match (&self.shown, kind) {
            (_, HintKind::PermanentlyDeleted) => (heard, EventBody::PermanentlyDeleted),
            (Shown::Absent | Shown::Unreadable, _) => (heard, EventBody::Absent),
            (Shown::Ticket { ticket, requester }, _) => {
                let created_as = detail.and_then(|detail| {
                    // Which contact that would be may not be known; the present one is.
                    let requester_id = ticket.requester_id;
                    let created = Ticket { requester_id, ..detail.laid_over(ticket) };
                    let tells = created.status != Status::Deleted && created != **ticket;
                    (tells && self.is_credible(created.updated_at)).then(|| Arc::new(created))
                });
                let snapshot = Snapshot {
                    kind: snapshot_kind(kind),
                    ticket: Arc::clone(ticket),
                    requester: requester.clone(),
                    created_as,
                };
                (self.version_time(ticket), EventBody::Snapshot(Box::new(snapshot)))
            }
        };
        let observed = Observation { at: self.started_at, event_id: id };
        TicketEvent {
            connection: self.connection.clone(),
            ticket_id: self.ticket_id,
            version: Version { updated_at, observed },
            body,
            content_hash,
        }
    }

    /// The ticket's `updated_at`, as far as it may count: a moment far ahead would make the ticket
    /// immovable, and counts as the moment in which it was seen.
    fn version_time(&self, ticket: &Ticket) -> Timestamp {
        if self.is_credible(ticket.updated_at) { ticket.updated_at } else { self.started_at }
    }

    fn is_credible(&self, time: Timestamp) -> bool {
        time.not_ahead_of(self.started_at).is_ok()
    }
}

/// The `updated_at` that a hint tells, unless it lies so far ahead that no fetch could show it.
fn told(waiting: &WaitingHint) -> Option<Timestamp> {
    let updated_at = waiting.hint.updated_at?;
    updated_at.not_ahead_of(waiting.received_at).ok()
}

fn happened(waiting: &WaitingHint) -> Timestamp {
    waiting.hint.occurred_at.unwrap_or(waiting.received_at)
}

const fn snapshot_kind(kind: HintKind) -> SnapshotKind {
    match kind {
        HintKind::Created => SnapshotKind::Created,
        HintKind::Undeleted => SnapshotKind::Undeleted,
        HintKind::Changed | HintKind::SoftDeleted | HintKind::PermanentlyDeleted => {
            SnapshotKind::Updated
        }
    }
}

#[cfg(test)]
mod tests;
