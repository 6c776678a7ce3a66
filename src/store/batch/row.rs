//! Rows as a batch reads them, and their way into the domain.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        AccountId, ConnectionId, ConnectionKey, ContactId, ContentHash, Effect, Email, EventId,
        Observation, ParkedRow, Position, Requester, RequesterRow, ResultRow, Snapshot, Standing,
        Ticket, TicketRow, Timestamp, Version, ZendeskId,
    },
    store::{Error, Result, ticket::json},
};

/// Names the table whose row does not read.
pub fn corrupt<E: ToString>(table: &'static str) -> impl Fn(E) -> Error {
    move |problem| Error::corrupt(table, &problem)
}

pub(super) fn connection_key(
    table: &'static str,
    account: String,
    id: &str,
) -> Result<ConnectionKey> {
    let account: AccountId = account.try_into().map_err(corrupt(table))?;
    let connection: ConnectionId = id.parse().map_err(corrupt(table))?;
    Ok(ConnectionKey { account, connection })
}

pub(super) fn hash_text(hash: &ContentHash) -> String {
    URL_SAFE_NO_PAD.encode(hash)
}

fn hash(table: &'static str, text: &str) -> Result<ContentHash> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(corrupt(table))?;
    bytes.try_into().map_err(|_| Error::corrupt(table, &"a hash of another length"))
}

fn observation(table: &'static str, at: i64, event_id: String) -> Result<Observation> {
    Ok(Observation {
        at: Timestamp::from_micros(at).map_err(corrupt(table))?,
        event_id: event_id.try_into().map_err(corrupt(table))?,
    })
}

pub(super) fn version(
    table: &'static str,
    updated_at: i64,
    observed_at: i64,
    event_id: String,
) -> Result<Version> {
    Ok(Version {
        updated_at: Timestamp::from_micros(updated_at).map_err(corrupt(table))?,
        observed: observation(table, observed_at, event_id)?,
    })
}

#[derive(sqlx::FromRow, Deserialize)]
pub(super) struct AccountRecord {
    pub account_id: String,
    pub head: i64,
    pub last_commit_at: i64,
    pub parked_count: i64,
}

#[derive(sqlx::FromRow, Deserialize)]
pub(super) struct ConnectionRecord {
    pub account_id: String,
    pub connection_id: String,
    pub state: String,
    pub mapped_at: Option<i64>,
}

#[derive(sqlx::FromRow, Deserialize)]
pub(super) struct ContactRecord {
    pub account_id: String,
    pub contact_id: String,
    pub email: String,
    pub email_key: String,
    pub name: String,
    pub synced_at: Option<i64>,
}

#[derive(sqlx::FromRow, Deserialize)]
pub(super) struct RequesterRecord {
    pub account_id: String,
    pub connection_id: String,
    pub requester_id: i64,
    pub contact_id: String,
    pub observed_at: i64,
    pub observed_event_id: String,
}

impl RequesterRecord {
    pub(super) fn read(self) -> Result<((ConnectionKey, ZendeskId), RequesterRow)> {
        const TABLE: &str = "requesters";
        let connection = connection_key(TABLE, self.account_id, &self.connection_id)?;
        let id = self.requester_id.try_into().map_err(corrupt(TABLE))?;
        let row = RequesterRow {
            contact_id: self.contact_id.parse().map_err(corrupt(TABLE))?,
            observed: observation(TABLE, self.observed_at, self.observed_event_id)?,
        };
        Ok(((connection, id), row))
    }
}

#[derive(Deserialize)]
pub(super) struct TicketRecord {
    pub account_id: String,
    pub connection_id: String,
    pub ticket_id: i64,
    pub state: String,
    pub updated_at: i64,
    pub observed_at: i64,
    pub observed_event_id: String,
    pub created_logged: i64,
    pub last_position: Option<i64>,
    /// How long the content is that comes beside the row.
    pub content_bytes: Option<usize>,
}

impl TicketRecord {
    pub(super) fn read(
        self,
        content: Option<&str>,
    ) -> Result<((ConnectionKey, ZendeskId), TicketRow)> {
        const TABLE: &str = "tickets";
        let connection = connection_key(TABLE, self.account_id, &self.connection_id)?;
        let id = self.ticket_id.try_into().map_err(corrupt(TABLE))?;
        let content: Option<Arc<Ticket>> =
            content.map(|content| json(TABLE, content).map(Arc::new)).transpose()?;
        let standing = match (self.state.as_str(), content) {
            ("live" | "held", Some(ticket)) => Standing::Live(ticket),
            ("deleted", content) => Standing::Deleted(content),
            ("erased", _) => Standing::Erased,
            (state, _) => return Err(Error::corrupt(TABLE, &format!("state {state}"))),
        };
        let row = TicketRow {
            version: version(TABLE, self.updated_at, self.observed_at, self.observed_event_id)?,
            standing,
            held: self.state == "held",
            created_logged: self.created_logged != 0,
            last_position: position(TABLE, self.last_position)?,
        };
        Ok(((connection, id), row))
    }
}

/// The word for a ticket's state. A held ticket is live but for a newer event that is parked.
pub(super) const fn state(row: &TicketRow) -> &'static str {
    match (&row.standing, row.held) {
        (Standing::Live(_), false) => "live",
        (Standing::Live(_), true) => "held",
        (Standing::Deleted(_), _) => "deleted",
        (Standing::Erased, _) => "erased",
    }
}

fn position(table: &'static str, position: Option<i64>) -> Result<Option<Position>> {
    position.map(Position::try_from).transpose().map_err(corrupt(table))
}

#[derive(sqlx::FromRow, Deserialize)]
pub(super) struct ParkedRecord {
    pub account_id: String,
    pub connection_id: String,
    pub event_id: String,
    pub kind: String,
    pub updated_at: i64,
    pub observed_at: i64,
    pub content: String,
    pub content_hash: String,
    pub parked_at: i64,
}

/// What of a parked event is not a column.
#[derive(Deserialize)]
struct ParkedContent {
    ticket: Ticket,
    requester_name: String,
    #[serde(default)]
    created_as: Option<Ticket>,
}

/// The same, to be written.
#[derive(Serialize)]
pub(super) struct NewParkedContent<'a> {
    pub ticket: &'a Ticket,
    pub requester_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_as: Option<&'a Ticket>,
}

impl ParkedRecord {
    pub(super) fn read(self) -> Result<((ConnectionKey, EventId), ParkedRow)> {
        const TABLE: &str = "parked_events";
        let connection = connection_key(TABLE, self.account_id, &self.connection_id)?;
        let content: ParkedContent = json(TABLE, &self.content)?;
        let version = version(TABLE, self.updated_at, self.observed_at, self.event_id)?;
        let event_id = version.observed.event_id.clone();
        let ParkedContent { ticket, requester_name, created_as } = content;
        let row = ParkedRow {
            ticket_id: ticket.id,
            snapshot: Snapshot {
                kind: self.kind.parse().map_err(corrupt(TABLE))?,
                requester: Requester { id: ticket.requester_id, email: None, name: requester_name },
                ticket: Arc::new(ticket),
                created_as: created_as.map(Arc::new),
            },
            version,
            content_hash: hash(TABLE, &self.content_hash)?,
            parked_at: Timestamp::from_micros(self.parked_at).map_err(corrupt(TABLE))?,
        };
        Ok(((connection, event_id), row))
    }
}

#[derive(sqlx::FromRow, Deserialize)]
pub(super) struct ResultRecord {
    pub account_id: String,
    pub connection_id: String,
    pub event_id: String,
    pub ticket_id: i64,
    pub outcome: String,
    pub contact_id: Option<String>,
    pub position: Option<i64>,
    pub content_hash: Option<String>,
}

impl ResultRecord {
    pub(super) fn read(self) -> Result<((ConnectionKey, EventId), ResultRow)> {
        const TABLE: &str = "events";
        let connection = connection_key(TABLE, self.account_id, &self.connection_id)?;
        let id = self.event_id.try_into().map_err(corrupt(TABLE))?;
        let effect = read_effect(self.ticket_id, &self.outcome, self.contact_id, self.position)?;
        let content_hash = self.content_hash.map(|text| hash(TABLE, &text)).transpose()?;
        Ok(((connection, id), ResultRow { effect, content_hash }))
    }
}

/// Reads what an event did from its columns.
pub fn read_effect(
    ticket_id: i64,
    outcome: &str,
    contact_id: Option<String>,
    position: Option<i64>,
) -> Result<Effect> {
    const TABLE: &str = "events";
    let contact_id: Option<ContactId> =
        contact_id.map(|id| id.parse()).transpose().map_err(corrupt(TABLE))?;
    Ok(Effect {
        outcome: outcome.parse().map_err(corrupt(TABLE))?,
        ticket_id: ticket_id.try_into().map_err(corrupt(TABLE))?,
        contact_id,
        position: self::position(TABLE, position)?,
    })
}

pub(super) fn email(table: &'static str, email: String) -> Result<Email> {
    email.try_into().map_err(corrupt(table))
}
