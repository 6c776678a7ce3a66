//! Erasing: contents go, tombstones stay.

use serde_json::json;

use super::{
    Error, Result, Tx,
    on::on,
    ticket::{connection_id, zendesk_id},
};
use crate::domain::{AccountId, ConnectionId, ContactId, TicketId};

/// The most tickets of a contact that are erased by one set of statements: what one parameter
/// carries in well below a mebibyte.
const CHUNK_TICKETS: i64 = 10_000;

/// What an erasure took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Erased {
    /// Tickets that lost their contents.
    pub ticket_count: i64,
    /// Trigger events that lost their contents.
    pub trigger_count: i64,
    /// Parked events that are gone. Whoever holds the account takes them off its `parked_count`.
    pub parked_count: i64,
}

impl Erased {
    fn add(&mut self, other: Self) {
        self.ticket_count += other.ticket_count;
        self.trigger_count += other.trigger_count;
        self.parked_count += other.parked_count;
    }
}

/// One statement on the tickets that a JSON array of `[connection_id, ticket_id]` names, as `named`:
/// the text for each engine. `SQLite` uses a whole key only where the types are cast, and begins with
/// `named` only where it is told to by `cross join`.
macro_rules! on_named {
    ($statement:literal) => {
        (
            concat!(
                "
              with recursive named (connection_id, ticket_id) as
                   (select cast(value ->> 0 as text), cast(value ->> 1 as integer)
                      from json_each($2))",
                $statement
            ),
            concat!(
                "
              with recursive named (connection_id, ticket_id) as
                   (select value ->> 0, (value ->> 1)::bigint
                      from json_array_elements($2::json))",
                $statement
            ),
        )
    };
}

impl Tx<'_> {
    /// Erases the contents of these tickets wherever they are kept; what was never seen is passed
    /// over, but may have parked events. Comes under the account's lock. The number of statements
    /// does not depend on the number of tickets.
    pub async fn erase_tickets(
        &mut self,
        account: &AccountId,
        tickets: &[(ConnectionId, TicketId)],
    ) -> Result<Erased> {
        // The log first: the chains begin in the tickets' rows. Where the log was pruned they end.
        const TRIGGERS: (&str, &str) = on_named!(
            ",
                   chain (position) as
                   (select tickets.last_position
                      from named
                     cross join tickets
                     where tickets.account_id = $1
                       and tickets.connection_id = named.connection_id
                       and tickets.ticket_id = named.ticket_id
                       and tickets.last_position is not null
                     union
                    select triggers.previous_position
                      from chain
                      join triggers
                        on triggers.account_id = $1
                       and triggers.position = chain.position
                     where triggers.previous_position is not null)
            update triggers
               set ticket = null, changes = null
             where account_id = $1
               and position in (select position from chain)
               and ticket is not null"
        );
        const TICKETS: (&str, &str) = on_named!(
            "
            update tickets
               set state = 'erased', requester_id = null, created_at = null, content = null
             where account_id = $1
               and state <> 'erased'
               and (connection_id, ticket_id) in (select connection_id, ticket_id from named)"
        );
        const PARKED_EVENTS: (&str, &str) = on_named!(
            "
            delete from parked_events
             where account_id = $1
               and (connection_id, ticket_id) in (select connection_id, ticket_id from named)"
        );
        // Reads all events of the account that are not pruned yet: an index that only this would
        // use costs every event more than an erasure costs here.
        const EVENTS: (&str, &str) = on_named!(
            "
            update events
               set outcome = 'erased', contact_id = null, content_hash = null
             where account_id = $1
               and (connection_id, ticket_id) in (select connection_id, ticket_id from named)"
        );
        let named: Vec<_> = tickets
            .iter()
            .map(|(connection, ticket)| json!([connection.to_string(), ticket.get()]))
            .collect();
        let named = json!(named).to_string();
        let trigger_count = self.run_on_named(TRIGGERS, account, &named).await?;
        let ticket_count = self.run_on_named(TICKETS, account, &named).await?;
        let parked_count = self.run_on_named(PARKED_EVENTS, account, &named).await?;
        self.run_on_named(EVENTS, account, &named).await?;
        Ok(Erased { ticket_count, trigger_count, parked_count })
    }

    /// Erases a contact: the row, what ties requesters to it, the tickets of its object, and what
    /// the log and parked events hold of it. Comes under the account's lock. None if the account
    /// has no such contact.
    pub async fn erase_contact(
        &mut self,
        account: &AccountId,
        contact: ContactId,
    ) -> Result<Option<Erased>> {
        const CONTACT: &str = "
            delete from contacts
             where account_id = $1
               and contact_id = $2";
        // What the contact caused before a ticket went on to another requester.
        const TRIGGERS: &str = "
            update triggers
               set ticket = null, changes = null
             where account_id = $1
               and contact_id = $2
               and ticket is not null";
        const PARKED_EVENTS: &str = "
            delete from parked_events
             where account_id = $1
               and (connection_id, requester_id) in
                   (select connection_id, requester_id
                      from requesters
                     where account_id = $1
                       and contact_id = $2)";
        const REQUESTERS: &str = "
            delete from requesters
             where account_id = $1
               and contact_id = $2";
        if self.run_on_contact(CONTACT, account, contact).await? == 0 {
            return Ok(None);
        }
        let mut erased = Erased::default();
        loop {
            let tickets = self.tickets_to_erase(account, contact).await?;
            if tickets.is_empty() {
                break;
            }
            erased.add(self.erase_tickets(account, &tickets).await?);
        }
        erased.add(Erased {
            trigger_count: self.run_on_contact(TRIGGERS, account, contact).await?,
            parked_count: self.run_on_contact(PARKED_EVENTS, account, contact).await?,
            ticket_count: 0,
        });
        self.run_on_contact(REQUESTERS, account, contact).await?;
        Ok(Some(erased))
    }

    /// A chunk of the contact's tickets. Erased ones have no requester any more.
    async fn tickets_to_erase(
        &mut self,
        account: &AccountId,
        contact: ContactId,
    ) -> Result<Vec<(ConnectionId, TicketId)>> {
        const SQL: &str = "
            select tickets.connection_id, tickets.ticket_id
              from requesters
             cross join tickets
             where requesters.account_id = $1
               and requesters.contact_id = $2
               and tickets.account_id = requesters.account_id
               and tickets.connection_id = requesters.connection_id
               and tickets.requester_id = requesters.requester_id
               and tickets.state <> 'erased'
             limit $3";
        let rows: Vec<(String, i64)> = on!(Tx(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(contact.to_string())
                .bind(CHUNK_TICKETS)
                .fetch_all(db)
                .await?
        });
        rows.into_iter()
            .map(|(connection, ticket)| {
                Ok((connection_id("tickets", &connection)?, zendesk_id("tickets", ticket)?))
            })
            .collect()
    }

    async fn run_on_named(
        &mut self,
        (sqlite, postgres): (&'static str, &'static str),
        account: &AccountId,
        named: &str,
    ) -> Result<i64> {
        let sql = self.pick(sqlite, postgres);
        let count = on!(Tx(self), |db| {
            sqlx::query(sql).bind(account.as_str()).bind(named).execute(db).await?.rows_affected()
        });
        row_count(count)
    }

    async fn run_on_contact(
        &mut self,
        sql: &'static str,
        account: &AccountId,
        contact: ContactId,
    ) -> Result<i64> {
        let count = on!(Tx(self), |db| {
            sqlx::query(sql)
                .bind(account.as_str())
                .bind(contact.to_string())
                .execute(db)
                .await?
                .rows_affected()
        });
        row_count(count)
    }
}

fn row_count(count: u64) -> Result<i64> {
    i64::try_from(count).map_err(|problem| Error::corrupt("rows affected", &problem))
}
