//! What is known of tickets that Zendesk names.

use std::collections::BTreeMap;

use super::{Result, Store, batch::corrupt, on::on};
use crate::domain::{ConnectionKey, Invalid, KnownTicket, Presence, TicketId, Timestamp};

/// What is known of the tickets whose ids this query reads out of a JSON array.
macro_rules! known {
    ($asked:literal) => {
        concat!(
            "
              with asked as
                   (",
            $asked,
            ")
            select ticket_id, state, updated_at, observed_at, created_logged
              from tickets
             where account_id = $1
               and connection_id = $2
               and ticket_id in (select id from asked)
             union all
            select ticket_id, 'live', updated_at, observed_at,
                   case when kind = 'created' then 1 else 0 end
              from parked_events
             where account_id = $1
               and connection_id = $2
               and ticket_id in (select id from asked)"
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    ticket_id: i64,
    state: String,
    updated_at: i64,
    observed_at: i64,
    created_logged: i64,
}

impl Row {
    fn read(self) -> Result<(TicketId, KnownTicket), Invalid> {
        let presence = match self.state.as_str() {
            "live" | "held" => Some(Presence::Present),
            "deleted" => Some(Presence::Deleted),
            "erased" => None,
            state => return Err(Invalid::new(format!("state {state}"))),
        };
        let known = KnownTicket {
            updated_at: Timestamp::from_micros(self.updated_at)?,
            observed_at: Timestamp::from_micros(self.observed_at)?,
            presence,
            created_logged: self.created_logged != 0,
        };
        Ok((self.ticket_id.try_into()?, known))
    }
}

impl Store {
    /// What is known of these tickets, what waits for an address included. One that was never seen is
    /// not among them.
    pub async fn known_tickets(
        &self,
        key: &ConnectionKey,
        ids: &[TicketId],
    ) -> Result<BTreeMap<TicketId, KnownTicket>> {
        const SQLITE: &str = known!("select value as id from json_each($3)");
        const POSTGRES: &str = known!(
            "select value::bigint as id from json_array_elements_text($3::json) as ids (value)"
        );
        let sql = self.pick(SQLITE, POSTGRES);
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let ids = format!("[{}]", ids.join(","));
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(sql)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(&ids)
                .fetch_all(db)
                .await?
        });
        let mut known = BTreeMap::new();
        for row in rows {
            let (id, seen) = row.read().map_err(corrupt("tickets"))?;
            known
                .entry(id)
                .and_modify(|known: &mut KnownTicket| *known = known.with(seen))
                .or_insert(seen);
        }
        Ok(known)
    }
}
