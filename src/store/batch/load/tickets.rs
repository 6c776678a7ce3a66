//! Loading the tickets.

use super::BatchKeys;
use crate::{
    domain::{Kept, Standing, WorkingSet},
    store::{
        Result, Tx,
        batch::row::TicketRecord,
        stage::{Int, Staged, Text},
    },
};

impl Tx<'_> {
    pub(super) async fn load_tickets(
        &mut self,
        set: &mut WorkingSet,
        keys: &mut BatchKeys,
    ) -> Result<()> {
        static LOAD: Staged = Staged::query(
            &[("account_id", Text), ("connection_id", Text), ("ticket_id", Int)],
            "t.account_id, t.connection_id, t.ticket_id, t.state, t.updated_at, t.observed_at,
             t.observed_event_id, t.created_logged, t.last_position, t.content",
            "from stage s
               join tickets t
                 on t.account_id = s.account_id
                and t.connection_id = s.connection_id
                and t.ticket_id = s.ticket_id",
        );
        let mut stage = LOAD.stage();
        for (key, id) in &keys.tickets {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), id.get().into()]);
        }
        for record in stage.fetch::<TicketRecord>(self).await? {
            let ((connection, id), row) = record.read()?;
            if let Standing::Live(ticket) | Standing::Deleted(Some(ticket)) = &row.standing {
                keys.requesters.insert((connection.clone(), ticket.requester_id));
            }
            set.tickets.insert((connection, id), Kept::stored(row));
        }
        Ok(())
    }
}
