//! The rows of the trigger log, as they turn into what they say.

use super::{
    Error, Result,
    account::log_id,
    contact::contact_id,
    ticket::{connection_id, json, ticket, zendesk_id},
    trigger::{LogSlice, LoggedTrigger, ReadFrom},
};
use crate::domain::{
    AccountId, ConnectionKey, Email, Invalid, LogEnds, Observation, Position, Timestamp,
    TriggerContact, TriggerContent, TriggerEvent,
};

/// What an event takes beside its ticket, its changes and its contact's name and address, at most,
/// in bytes: account, ids, cursor and times.
const EVENT_OVERHEAD_BYTES: usize = 512;

/// A row of a read: what it saw of the log, and one of the events.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    log_id: String,
    floor: i64,
    head: i64,
    after: i64,
    after_entropy: Option<i64>,
    reach: i64,
    reach_entropy: Option<i64>,
    #[sqlx(flatten)]
    event: EventRow,
}

/// The columns of an event; all null in the one row of a slice without events.
#[derive(sqlx::FromRow)]
struct EventRow {
    position: Option<i64>,
    kind: Option<String>,
    entropy: Option<i64>,
    connection_id: Option<String>,
    ticket_id: Option<i64>,
    event_id: Option<String>,
    contact_id: Option<String>,
    observed_at: Option<i64>,
    committed_at: Option<i64>,
    previous_position: Option<i64>,
    ticket: Option<String>,
    changes: Option<String>,
    email: Option<String>,
    name: Option<String>,
}

/// Puts the rows of one read together.
pub(super) fn slice(account: &AccountId, from: ReadFrom, rows: Vec<Row>) -> Result<LogSlice> {
    let Some(first) = rows.first() else {
        return Ok(LogSlice::of_no_account(from));
    };
    let mut slice = LogSlice {
        ends: LogEnds {
            log: Some(log_id(&first.log_id)?),
            floor: position("accounts", first.floor)?,
            head: position("accounts", first.head)?,
        },
        after: position("triggers", first.after)?,
        after_entropy: first.after_entropy,
        reach: position("triggers", first.reach)?,
        reach_entropy: first.reach_entropy,
        events: Vec::with_capacity(rows.len()),
    };
    for row in rows {
        slice.events.extend(row.event.event(account)?);
    }
    Ok(slice)
}

impl LogSlice {
    /// An account that the service has not taken up has an empty log.
    fn of_no_account(from: ReadFrom) -> Self {
        let after = match from {
            ReadFrom::After(position) => position,
            ReadFrom::Nearest(_) => Position::START,
        };
        Self {
            ends: LogEnds::default(),
            after,
            after_entropy: None,
            reach: after,
            reach_entropy: None,
            events: Vec::new(),
        }
    }
}

impl EventRow {
    /// The event, if the row has one.
    fn event(self, account: &AccountId) -> Result<Option<LoggedTrigger>> {
        let corrupt = |problem: Invalid| Error::corrupt("triggers", &problem);
        let time = |micros| Timestamp::from_micros(micros).map_err(corrupt);
        let (
            Some(position),
            Some(kind),
            Some(entropy),
            Some(connection),
            Some(ticket_id),
            Some(event_id),
            Some(contact),
            Some(observed_at),
            Some(committed_at),
        ) = (
            self.position,
            self.kind,
            self.entropy,
            self.connection_id,
            self.ticket_id,
            self.event_id,
            self.contact_id,
            self.observed_at,
            self.committed_at,
        )
        else {
            return Ok(None);
        };
        let lengths = [&self.ticket, &self.changes, &self.email, &self.name];
        let lengths = lengths.map(|text| text.as_ref().map_or(0, String::len));
        let event = TriggerEvent {
            position: self::position("triggers", position)?,
            kind: kind.parse().map_err(corrupt)?,
            entropy,
            connection: ConnectionKey {
                account: account.clone(),
                connection: connection_id("triggers", &connection)?,
            },
            ticket_id: zendesk_id("triggers", ticket_id)?,
            observed: Observation {
                at: time(observed_at)?,
                event_id: event_id.try_into().map_err(corrupt)?,
            },
            contact_id: contact_id("triggers", &contact)?,
            committed_at: time(committed_at)?,
            previous_position: self
                .previous_position
                .map(|previous| self::position("triggers", previous))
                .transpose()?,
            content: content(self.ticket.as_deref(), self.changes.as_deref())?,
        };
        Ok(Some(LoggedTrigger {
            event,
            contact: named(self.email, self.name)?,
            bytes: lengths.iter().sum::<usize>() + EVENT_OVERHEAD_BYTES,
        }))
    }
}

fn content(content: Option<&str>, changes: Option<&str>) -> Result<Option<TriggerContent>> {
    let Some(content) = content else { return Ok(None) };
    let changes = changes.map(|changes| json("triggers", changes)).transpose()?;
    Ok(Some(TriggerContent {
        ticket: ticket("triggers", content)?,
        changes: changes.unwrap_or_default(),
    }))
}

fn named(email: Option<String>, name: Option<String>) -> Result<Option<TriggerContact>> {
    let (Some(email), Some(name)) = (email, name) else { return Ok(None) };
    let email = Email::try_from(email).map_err(|problem| Error::corrupt("contacts", &problem))?;
    Ok(Some(TriggerContact { email, name }))
}

/// Reads a position from a column of this table.
pub(super) fn position(table: &'static str, position: i64) -> Result<Position> {
    position.try_into().map_err(|problem: Invalid| Error::corrupt(table, &problem))
}
