//! The trigger log, as it is read.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    Error, Result, Store,
    on::on,
    trigger_row::{Row, position, slice},
};
use crate::domain::{
    AccountId, ConnectionId, ContactId, LogEnds, Position, TicketId, Timestamp, TriggerContact,
    TriggerEvent, TriggerKind,
};

/// How long a read of the log may take. It is a few index look-ups: a database that needs longer
/// cannot be reached.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Where to read a log from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// After this position, wherever the log begins by now.
    After(Position),
    /// After this position, or after the log's nearest end where it lies outside.
    Nearest(Position),
}

impl ReadFrom {
    /// From the earliest event that the log holds.
    pub const EARLIEST: Self = Self::Nearest(Position::START);
    /// After the newest event.
    pub const LATEST: Self = Self::Nearest(Position::MAX);
}

/// Which events of a log to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TriggerFilter {
    pub kind: Option<TriggerKind>,
    pub contact: Option<ContactId>,
    pub ticket: Option<(ConnectionId, TicketId)>,
}

/// How far one read goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBounds {
    /// How many positions it looks at.
    pub positions: i64,
    /// How many events it answers.
    pub events: i64,
}

/// What one read of a log saw, all of it at the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSlice {
    pub ends: LogEnds,
    /// The position it read after, and the entropy of the event there if the log has one.
    pub after: Position,
    pub after_entropy: Option<i64>,
    /// The last position it looked at, unless it answers as many events as it may; likewise.
    pub reach: Position,
    pub reach_entropy: Option<i64>,
    pub events: Vec<LoggedTrigger>,
}

/// An event of the log with its contact as they are called now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedTrigger {
    pub event: TriggerEvent,
    /// None where the contact was erased since.
    pub contact: Option<TriggerContact>,
    /// How many bytes the event takes in a message, at most.
    pub bytes: usize,
}

impl Store {
    /// Reads on in a log: its ends, what identifies the place, and the events that follow there,
    /// in one statement, so that all of it is true together. A filter skips; the positions looked
    /// at are bounded all the same.
    ///
    /// # Errors
    /// When the database fails, or does not answer in time.
    pub async fn read_log(
        &self,
        account: &AccountId,
        from: ReadFrom,
        bounds: ReadBounds,
        filter: &TriggerFilter,
    ) -> Result<LogSlice> {
        const SQL: &str = "
              with start as
                   (select account_id, log_id, floor, head,
                           case when $3 = 1 and $2 < floor then floor
                                when $3 = 1 and $2 > head then head
                                else $2 end as after
                      from accounts
                     where account_id = $1),
                   span as
                   (select account_id, log_id, floor, head, after,
                           case when head - after < $4 then head
                                else after + $4 end as reach
                      from start)
            select span.log_id, span.floor, span.head, span.after, span.reach,
                   seen.entropy as after_entropy, reached.entropy as reach_entropy,
                   event.position, event.kind, event.entropy, event.connection_id,
                   event.ticket_id, event.event_id, event.contact_id, event.observed_at,
                   event.committed_at, event.previous_position, event.ticket, event.changes,
                   contacts.email, contacts.name
              from span
              left join triggers as seen
                on seen.account_id = span.account_id
               and seen.position = span.after
              left join triggers as reached
                on reached.account_id = span.account_id
               and reached.position = span.reach
              left join
                   (select position, kind, entropy, connection_id, ticket_id, event_id, contact_id,
                           observed_at, committed_at, previous_position, ticket, changes
                      from triggers
                     where account_id = $1
                       and position > (select after from span)
                       and position <= (select reach from span)
                       and ($6 = '' or kind = $6)
                       and ($7 = '' or contact_id = $7)
                       and ($8 = '' or (connection_id = $8 and ticket_id = $9))
                     order by position
                     limit $5) as event
                on true
              left join contacts
                on contacts.account_id = span.account_id
               and contacts.contact_id = event.contact_id
             order by event.position";
        let (after, nearest) = match from {
            ReadFrom::After(position) => (position, 0),
            ReadFrom::Nearest(position) => (position, 1),
        };
        let (connection, ticket) = filter
            .ticket
            .map_or((String::new(), 0), |(connection, id)| (connection.to_string(), id.get()));
        let read = async {
            let rows: Vec<Row> = on!(Read(self), |db| {
                sqlx::query_as(SQL)
                    .bind(account.as_str())
                    .bind(after.get())
                    .bind(nearest)
                    .bind(bounds.positions)
                    .bind(bounds.events)
                    .bind(filter.kind.map_or("", TriggerKind::as_str))
                    .bind(filter.contact.map_or_else(String::new, |contact| contact.to_string()))
                    .bind(connection)
                    .bind(ticket)
                    .fetch_all(db)
                    .await?
            });
            slice(account, from, rows)
        };
        timeout(READ_TIMEOUT, read).await.map_err(|_| Error::timed_out())?
    }

    /// The newest position committed before this time that the log holds, or its floor: what comes
    /// after it was committed at the time or later. Searches by halves, since commit times grow.
    pub async fn position_before(
        &self,
        account: &AccountId,
        time: Timestamp,
    ) -> Result<Option<Position>> {
        const SQL: &str = "
              with recursive search (low, high) as
                   (select floor, head + 1
                      from accounts
                     where account_id = $1
                     union all
                    select case when triggers.committed_at < $2 then triggers.position
                                else search.low end,
                           case when triggers.committed_at < $2 then search.high
                                else triggers.position end
                      from search
                      join triggers
                        on triggers.account_id = $1
                       and triggers.position = search.low + (search.high - search.low) / 2
                     where search.high - search.low > 1)
            select low
              from search
             where high - low <= 1";
        let low: Option<i64> = on!(Read(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(account.as_str())
                .bind(time.as_micros())
                .fetch_optional(db)
                .await?
        });
        low.map(|low| position("accounts", low)).transpose()
    }
}
