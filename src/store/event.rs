//! Reading what became of events, and which of them wait.

use super::{
    Error, Result, Store, Tx,
    batch::{corrupt, read_effect},
    on::on,
    stage::{Staged, Text},
};
use crate::domain::{
    AccountId, ConnectionId, ConnectionKey, Effect, EventId, Invalid, SnapshotKind, TicketId,
    Timestamp, ZendeskId,
};

/// What became of an event, by now.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    pub connection: ConnectionId,
    pub id: EventId,
    pub effect: Effect,
    pub received_at: Timestamp,
}

/// An event that waits for its requester's e-mail address.
#[derive(Debug, Clone)]
pub struct ParkedEvent {
    pub connection: ConnectionId,
    pub id: EventId,
    pub kind: SnapshotKind,
    pub ticket_id: TicketId,
    pub requester_id: ZendeskId,
    pub observed_at: Timestamp,
    pub parked_at: Timestamp,
}

/// Where a page of parked events starts: after this one.
#[derive(Debug, Clone)]
pub struct ParkedPlace {
    pub parked_at: Timestamp,
    pub connection: ConnectionId,
    pub id: EventId,
}

#[derive(sqlx::FromRow, serde::Deserialize)]
struct EventRow {
    connection_id: String,
    event_id: String,
    ticket_id: i64,
    outcome: String,
    contact_id: Option<String>,
    position: Option<i64>,
    received_at: i64,
}

impl TryFrom<EventRow> for StoredEvent {
    type Error = Error;

    fn try_from(row: EventRow) -> Result<Self> {
        const TABLE: &str = "events";
        Ok(Self {
            connection: row.connection_id.parse().map_err(corrupt(TABLE))?,
            id: row.event_id.try_into().map_err(corrupt(TABLE))?,
            effect: read_effect(row.ticket_id, &row.outcome, row.contact_id, row.position)?,
            received_at: Timestamp::from_micros(row.received_at).map_err(corrupt(TABLE))?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ParkedEventRow {
    connection_id: String,
    event_id: String,
    kind: String,
    ticket_id: i64,
    requester_id: i64,
    observed_at: i64,
    parked_at: i64,
}

impl TryFrom<ParkedEventRow> for ParkedEvent {
    type Error = Error;

    fn try_from(row: ParkedEventRow) -> Result<Self> {
        const TABLE: &str = "parked_events";
        Ok(Self {
            connection: row.connection_id.parse().map_err(corrupt(TABLE))?,
            id: row.event_id.try_into().map_err(corrupt(TABLE))?,
            kind: row.kind.parse().map_err(corrupt(TABLE))?,
            ticket_id: row.ticket_id.try_into().map_err(corrupt(TABLE))?,
            requester_id: row.requester_id.try_into().map_err(corrupt(TABLE))?,
            observed_at: Timestamp::from_micros(row.observed_at).map_err(corrupt(TABLE))?,
            parked_at: Timestamp::from_micros(row.parked_at).map_err(corrupt(TABLE))?,
        })
    }
}

impl Store {
    /// One event, by its id.
    pub async fn event(&self, key: &ConnectionKey, id: &EventId) -> Result<Option<StoredEvent>> {
        const SQL: &str = "
            select connection_id, event_id, ticket_id, outcome, contact_id, position, received_at
              from events
             where account_id = $1
               and connection_id = $2
               and event_id = $3";
        let row: Option<EventRow> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(id.as_str())
                .fetch_optional(db)
                .await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// Parked events of an account, oldest first: of one connection, or of all.
    pub async fn parked_events(
        &self,
        account: &AccountId,
        connection: Option<ConnectionId>,
        after: Option<&ParkedPlace>,
        limit: i64,
    ) -> Result<Vec<ParkedEvent>> {
        const SQL: &str = "
            select connection_id, event_id, kind, ticket_id, requester_id, observed_at, parked_at
              from parked_events
             where account_id = $1
               and ($2 = '' or connection_id = $2)
               and (parked_at, connection_id, event_id) > ($3, $4, $5)
             order by parked_at, connection_id, event_id
             limit $6";
        let only = connection.map(|id| id.to_string()).unwrap_or_default();
        let rows: Vec<ParkedEventRow> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(only)
                .bind(after.map_or(-1, |place| place.parked_at.as_micros()))
                .bind(after.map(|place| place.connection.to_string()).unwrap_or_default())
                .bind(after.map_or("", |place| place.id.as_str()))
                .bind(limit)
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Store {
    /// The tickets of a connection whose events wait, each with the requester it waits for, in this
    /// order and behind this place.
    pub async fn waiting_requesters(
        &self,
        key: &ConnectionKey,
        after: Option<(ZendeskId, TicketId)>,
        limit: usize,
    ) -> Result<Vec<(ZendeskId, TicketId)>> {
        const SQL: &str = "
            select distinct requester_id, ticket_id
              from parked_events
             where account_id = $1
               and connection_id = $2
               and (requester_id, ticket_id) > ($3, $4)
             order by requester_id, ticket_id
             limit $5";
        let (requester, ticket) = after.map_or((0, 0), |(who, what)| (who.get(), what.get()));
        let rows: Vec<(i64, i64)> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(requester)
                .bind(ticket)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(db)
                .await?
        });
        let read = |(who, what): (i64, i64)| Ok((who.try_into()?, what.try_into()?));
        let rows: Result<_, Invalid> = rows.into_iter().map(read).collect();
        rows.map_err(corrupt("parked_events"))
    }
}

impl Tx<'_> {
    /// The events of these ids, in any order.
    pub async fn events(
        &mut self,
        key: &ConnectionKey,
        ids: &[EventId],
    ) -> Result<Vec<StoredEvent>> {
        static LOAD: Staged = Staged::query(
            &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
            "e.connection_id, e.event_id, e.ticket_id, e.outcome, e.contact_id, e.position,
             e.received_at",
            "from stage s
               join events e
                 on e.account_id = s.account_id
                and e.connection_id = s.connection_id
                and e.event_id = s.event_id",
        );
        let mut stage = LOAD.stage();
        for id in ids {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
        }
        let rows: Vec<EventRow> = stage.fetch(self).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
