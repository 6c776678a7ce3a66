//! Tickets as they stand in the ticket objects.

use serde::de::DeserializeOwned;

use super::{Error, Result, Store, contact::contact_id, on::on};
use crate::domain::{
    AccountId, ConnectionId, ConnectionKey, ContactId, Invalid, ObjectPlace, ObjectRow, Status,
    SyncedTicket, Ticket, TicketId, TicketPriority, TicketType, Timestamp, ZendeskId,
};

/// The page of a contact's object that follows a place. Chosen by its keys alone: the contents are
/// joined to it afterwards, so that nothing sorts them. `cross join` is how `SQLite` is told to begin
/// with the requesters: it would read all tickets of the account.
macro_rules! page {
    ($select:literal) => {
        concat!(
            "
              with page as
                   (select tickets.connection_id, tickets.ticket_id, tickets.created_at
                      from requesters
                     cross join tickets
                     where requesters.account_id = $1
                       and requesters.contact_id = $2
                       and tickets.account_id = requesters.account_id
                       and tickets.connection_id = requesters.connection_id
                       and tickets.requester_id = requesters.requester_id
                       and tickets.state = 'live'
                       and (tickets.created_at < $3
                            or (tickets.created_at = $3
                                and (tickets.connection_id > $4
                                     or (tickets.connection_id = $4 and tickets.ticket_id < $5))))
                     order by tickets.created_at desc, tickets.connection_id,
                              tickets.ticket_id desc
                     limit $6)",
            $select
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    connection_id: String,
    contact_id: String,
    content: String,
}

#[derive(sqlx::FromRow)]
struct ColumnsRow {
    connection_id: String,
    ticket_id: i64,
    created_at: i64,
    columns: String,
}

impl Store {
    /// A ticket, if it stands in a ticket object.
    pub async fn ticket(
        &self,
        connection: &ConnectionKey,
        id: TicketId,
    ) -> Result<Option<SyncedTicket>> {
        const SQL: &str = "
            select tickets.connection_id, requesters.contact_id, tickets.content
              from tickets
              join requesters
                on requesters.account_id = tickets.account_id
               and requesters.connection_id = tickets.connection_id
               and requesters.requester_id = tickets.requester_id
             where tickets.account_id = $1
               and tickets.connection_id = $2
               and tickets.ticket_id = $3
               and tickets.state = 'live'";
        let row: Option<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(connection.account.as_str())
                .bind(connection.connection.to_string())
                .bind(id.get())
                .fetch_optional(db)
                .await?
        });
        row.map(SyncedTicket::try_from).transpose()
    }

    /// The tickets of a contact's object that stand after this place, in their order.
    pub async fn tickets(
        &self,
        account: &AccountId,
        contact: ContactId,
        after: Option<ObjectPlace>,
        limit: i64,
    ) -> Result<Vec<SyncedTicket>> {
        const SQL: &str = page!(
            "
            select page.connection_id, $2 as contact_id, tickets.content
              from page
              join tickets
                on tickets.account_id = $1
               and tickets.connection_id = page.connection_id
               and tickets.ticket_id = page.ticket_id
             order by page.created_at desc, page.connection_id, page.ticket_id desc"
        );
        let (created_at, connection, ticket) = place_keys(after);
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(contact.to_string())
                .bind(created_at)
                .bind(connection)
                .bind(ticket)
                .bind(limit)
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(SyncedTicket::try_from).collect()
    }

    /// The rows of a contact's ticket object that stand after this place, in their order. Reads the
    /// five columns only: descriptions are long, and pages of rows are too.
    pub async fn ticket_object(
        &self,
        account: &AccountId,
        contact: ContactId,
        after: Option<ObjectPlace>,
        limit: i64,
    ) -> Result<Vec<ObjectRow>> {
        const SQLITE: &str = page!(
            "
            select page.connection_id, page.ticket_id, page.created_at,
                   json_extract(tickets.content, '$.status', '$.priority', '$.type',
                                '$.updated_at') as columns
              from page
              join tickets
                on tickets.account_id = $1
               and tickets.connection_id = page.connection_id
               and tickets.ticket_id = page.ticket_id
             order by page.created_at desc, page.connection_id, page.ticket_id desc"
        );
        const POSTGRES: &str = page!(
            "
            select page.connection_id, page.ticket_id, page.created_at,
                   json_build_array(content.status, content.priority, content.type,
                                    content.updated_at)::text as columns
              from page
              join tickets
                on tickets.account_id = $1
               and tickets.connection_id = page.connection_id
               and tickets.ticket_id = page.ticket_id
             cross join lateral json_to_record(tickets.content::json)
                as content(status text, priority text, type text, updated_at bigint)
             order by page.created_at desc, page.connection_id, page.ticket_id desc"
        );
        let (created_at, connection, ticket) = place_keys(after);
        let sql = self.pick(SQLITE, POSTGRES);
        let rows: Vec<ColumnsRow> = on!(Read(self), |db| {
            sqlx::query_as(sql)
                .bind(account.as_str())
                .bind(contact.to_string())
                .bind(created_at)
                .bind(connection)
                .bind(ticket)
                .bind(limit)
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(ObjectRow::try_from).collect()
    }
}

/// The keys to read after: before the first place stands a ticket of a later time than any.
fn place_keys(after: Option<ObjectPlace>) -> (i64, String, i64) {
    after.map_or((i64::MAX, String::new(), 0), |place| {
        (place.created_at.as_micros(), place.connection_id.to_string(), place.ticket_id.get())
    })
}

impl TryFrom<Row> for SyncedTicket {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { connection_id, contact_id: contact, content } = row;
        Ok(Self {
            connection_id: self::connection_id("tickets", &connection_id)?,
            contact_id: contact_id("requesters", &contact)?,
            ticket: ticket("tickets", &content)?,
        })
    }
}

impl TryFrom<ColumnsRow> for ObjectRow {
    type Error = Error;

    fn try_from(row: ColumnsRow) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("tickets", &problem);
        let ColumnsRow { connection_id, ticket_id, created_at, columns } = row;
        let (status, priority, ticket_type, updated_at): (
            Status,
            Option<TicketPriority>,
            Option<TicketType>,
            Timestamp,
        ) = json("tickets", &columns)?;
        Ok(Self {
            place: ObjectPlace {
                created_at: Timestamp::from_micros(created_at).map_err(corrupt)?,
                connection_id: self::connection_id("tickets", &connection_id)?,
                ticket_id: zendesk_id("tickets", ticket_id)?,
            },
            status,
            priority,
            ticket_type,
            updated_at,
        })
    }
}

/// Reads a ticket from a column of this table.
pub(super) fn ticket(table: &'static str, content: &str) -> Result<Ticket> {
    json(table, content)
}

/// Reads JSON from a column of this table. The parser's own message is not passed on: it may quote
/// what the column holds.
pub(super) fn json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|problem| {
        let kind = problem.classify();
        Error::corrupt(table, &format!("{kind:?} error in JSON, at byte {}", problem.column()))
    })
}

/// Reads a connection's id from a column of this table.
pub(super) fn connection_id(table: &'static str, id: &str) -> Result<ConnectionId> {
    id.parse().map_err(|problem| Error::corrupt(table, &problem))
}

/// Reads an id at Zendesk from a column of this table.
pub(super) fn zendesk_id(table: &'static str, id: i64) -> Result<ZendeskId> {
    id.try_into().map_err(|problem: Invalid| Error::corrupt(table, &problem))
}
