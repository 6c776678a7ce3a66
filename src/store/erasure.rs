//! Erasing: contents go, tombstones stay.

use super::{
    Error, Result, Tx,
    on::on,
    stage::{Int, Kind, Staged, Text},
    ticket::{connection_id, zendesk_id},
};
use crate::domain::{AccountId, ConnectionKey, ContactId, TicketId};

/// The most tickets of a contact that are erased by one set of statements: what one parameter
/// carries in well below a mebibyte.
const CHUNK_TICKETS: i64 = 10_000;

/// What names a ticket.
const KEY: &[(&str, Kind)] = &[("account_id", Text), ("connection_id", Text), ("ticket_id", Int)];

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

impl Tx<'_> {
    /// Erases the contents of these tickets wherever they are kept; what was never seen is passed
    /// over, but may have parked events. Comes under the locks of their accounts. The number of
    /// statements depends neither on the number of tickets nor on that of their accounts.
    pub async fn erase_tickets(&mut self, tickets: &[(ConnectionKey, TicketId)]) -> Result<Erased> {
        // The log first: the chains begin in the tickets' rows. Where the log was pruned they end.
        // `cross join` has SQLite begin with the stage.
        static TRIGGERS: Staged = Staged::new(
            KEY,
            ", chain (account_id, position) as
                  (select tickets.account_id, tickets.last_position
                     from stage
                    cross join tickets
                    where tickets.account_id = stage.account_id
                      and tickets.connection_id = stage.connection_id
                      and tickets.ticket_id = stage.ticket_id
                      and tickets.last_position is not null
                    union
                   select triggers.account_id, triggers.previous_position
                     from chain
                    cross join triggers
                    where triggers.account_id = chain.account_id
                      and triggers.position = chain.position
                      and triggers.previous_position is not null)
             update triggers
                set ticket = null, changes = null
              where (account_id, position) in (select account_id, position from chain)
                and ticket is not null",
        );
        static TICKETS: Staged = Staged::new(
            KEY,
            "update tickets
                set state = 'erased', requester_id = null, created_at = null, content = null
               from stage
              where tickets.account_id = stage.account_id
                and tickets.connection_id = stage.connection_id
                and tickets.ticket_id = stage.ticket_id
                and tickets.state <> 'erased'",
        );
        // SQLite uses a whole key only where the types are cast.
        static PARKED_EVENTS: Staged = Staged::new(
            KEY,
            "delete from parked_events
              where (account_id, ticket_id, connection_id) in
                    (select cast(account_id as text), cast(ticket_id as bigint),
                            cast(connection_id as text)
                       from stage)",
        );
        // Reads all events of the accounts that are not pruned yet: an index that only this would
        // use costs every event more than an erasure costs here. In a `case` the tickets are looked
        // up for each event; as a join they could come first, and each would read all events.
        static EVENTS: Staged = Staged::new(
            KEY,
            "update events
                set outcome = 'erased', contact_id = null, content_hash = null
              where account_id in (select account_id from stage)
                and case
                    when (account_id, connection_id, ticket_id) in
                         (select account_id, connection_id, ticket_id from stage)
                    then true
                    end",
        );
        // What waits is fetched all the same, and answers that the ticket is erased. An inbox holds
        // only what waits: it is not worth an index.
        static INBOX: Staged = Staged::new(
            KEY,
            "update inbox
                set detail = null
              where detail is not null
                and (account_id, connection_id, ticket_id) in
                    (select account_id, connection_id, ticket_id from stage)",
        );
        let trigger_count = self.run_on_tickets(&TRIGGERS, tickets).await?;
        let ticket_count = self.run_on_tickets(&TICKETS, tickets).await?;
        let parked_count = self.run_on_tickets(&PARKED_EVENTS, tickets).await?;
        self.run_on_tickets(&EVENTS, tickets).await?;
        self.run_on_tickets(&INBOX, tickets).await?;
        Ok(Erased { ticket_count, trigger_count, parked_count })
    }

    /// Takes away what these tickets have written last to contact fields. Comes under the locks of
    /// their accounts.
    pub(super) async fn erase_values(
        &mut self,
        tickets: impl IntoIterator<Item = &(ConnectionKey, TicketId)>,
    ) -> Result<()> {
        static VALUES: Staged = Staged::new(
            KEY,
            "delete from contact_values
              where (account_id, ticket_id, connection_id) in
                    (select cast(account_id as text), cast(ticket_id as bigint),
                            cast(connection_id as text)
                       from stage)",
        );
        self.run_on_tickets(&VALUES, tickets).await.map(drop)
    }

    /// Erases a contact: the row with its values, what ties requesters to it, the tickets of its
    /// object, and what the log, parked events and other contacts' values hold of it. Comes under the account's lock. None if the account
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
        const VALUES: &str = "
            delete from contact_values
             where account_id = $1
               and contact_id = $2";
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
            erased.add(self.erase_tickets(&tickets).await?);
            self.erase_values(&tickets).await?;
        }
        erased.add(Erased {
            trigger_count: self.run_on_contact(TRIGGERS, account, contact).await?,
            parked_count: self.run_on_contact(PARKED_EVENTS, account, contact).await?,
            ticket_count: 0,
        });
        self.run_on_contact(VALUES, account, contact).await?;
        self.run_on_contact(REQUESTERS, account, contact).await?;
        Ok(Some(erased))
    }

    /// A chunk of the contact's tickets. Erased ones have no requester any more.
    async fn tickets_to_erase(
        &mut self,
        account: &AccountId,
        contact: ContactId,
    ) -> Result<Vec<(ConnectionKey, TicketId)>> {
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
                let connection = connection_id("tickets", &connection)?;
                let key = ConnectionKey { account: account.clone(), connection };
                Ok((key, zendesk_id("tickets", ticket)?))
            })
            .collect()
    }

    async fn run_on_tickets(
        &mut self,
        statement: &'static Staged,
        tickets: impl IntoIterator<Item = &(ConnectionKey, TicketId)>,
    ) -> Result<i64> {
        let mut stage = statement.stage();
        for (key, ticket) in tickets {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), ticket.get().into()]);
        }
        row_count(stage.execute(self).await?)
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
