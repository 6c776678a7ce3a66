//! What a connection leaves behind, taken away in chunks. Comes under the account's lock.

use super::{LockedAccount, Result, Tx, on::on};
use crate::domain::ConnectionKey;

/// Tickets that were looked at in one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedTickets {
    /// The highest id among them.
    pub last_id: i64,
    /// How many of them stood in a ticket object.
    pub live_count: i64,
}

#[derive(sqlx::FromRow)]
struct ChunkRow {
    last_id: Option<i64>,
    live_count: i64,
}

impl Tx<'_> {
    /// Takes the contents of the connection's next tickets after this id, and them out of their
    /// ticket objects; none if there are no more. What stays is what the rules need of a ticket that
    /// was seen: its version, whether `TICKET_CREATED` was logged, where its log begins.
    pub async fn delete_tickets(
        &mut self,
        key: &ConnectionKey,
        after: i64,
        limit: i64,
    ) -> Result<Option<DeletedTickets>> {
        const CHUNK: &str = "
            select max(ticket_id) as last_id,
                   coalesce(sum(case when state = 'live' then 1 else 0 end), 0) as live_count
              from (select ticket_id, state
                      from tickets
                     where account_id = $1
                       and connection_id = $2
                       and ticket_id > $3
                     order by ticket_id
                     limit $4) as chunk";
        const DELETE: &str = "
            update tickets
               set state = 'deleted', content = null
             where account_id = $1
               and connection_id = $2
               and ticket_id > $3
               and ticket_id <= $4
               and state <> 'erased'
               and (state <> 'deleted' or content is not null)";
        let chunk: ChunkRow = on!(Tx(self), |db| {
            sqlx::query_as(CHUNK)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(after)
                .bind(limit)
                .fetch_one(db)
                .await?
        });
        let Some(last_id) = chunk.last_id else { return Ok(None) };
        on!(Tx(self), |db| {
            sqlx::query(DELETE)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(after)
                .bind(last_id)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(Some(DeletedTickets { last_id, live_count: chunk.live_count }))
    }

    /// Deletes the connection's first parked events, and frees their ids: sent again they are new.
    /// Answers how many there were.
    pub async fn delete_parked_events(
        &mut self,
        account: &mut LockedAccount,
        key: &ConnectionKey,
        limit: i64,
    ) -> Result<i64> {
        const IDS: &str = "
            delete from events
             where account_id = $1
               and connection_id = $2
               and event_id in (select event_id
                                  from parked_events
                                 where account_id = $1
                                   and connection_id = $2
                                 order by event_id
                                 limit $3)";
        const EVENTS: &str = "
            delete from parked_events
             where account_id = $1
               and connection_id = $2
               and event_id in (select event_id
                                  from parked_events
                                 where account_id = $1
                                   and connection_id = $2
                                 order by event_id
                                 limit $3)";
        let mut deleted = 0;
        for sql in [IDS, EVENTS] {
            deleted = on!(Tx(self), |db| {
                sqlx::query(sql)
                    .bind(key.account.as_str())
                    .bind(key.connection.to_string())
                    .bind(limit)
                    .execute(db)
                    .await?
                    .rows_affected()
            });
        }
        // Never more than the limit, which is an i64.
        let deleted = deleted.cast_signed();
        account.parked_count -= deleted;
        self.save_account(account).await?;
        Ok(deleted)
    }
}
