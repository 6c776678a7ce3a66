//! Loading the tickets.

use super::keys::by_id;
use crate::{
    domain::{ConnectionKey, Kept, TicketId, WorkingSet},
    store::{
        Error, Result,
        batch::row::TicketRecord,
        stage::{Answer, Int, Stage, Staged, Text},
    },
};

pub(super) static TICKETS: Staged = Staged::query(
    &[("account_id", Text), ("connection_id", Text), ("ticket_id", Int)],
    "t.account_id, t.connection_id, t.ticket_id, t.state, t.updated_at, t.observed_at,
     t.observed_event_id, t.created_logged, t.last_position",
    "from stage s
       join tickets t
         on t.account_id = s.account_id
        and t.connection_id = s.connection_id
        and t.ticket_id = s.ticket_id",
)
.beside("t.content");

pub(super) fn tickets<'a>(
    keys: impl IntoIterator<Item = &'a (ConnectionKey, TicketId)>,
) -> Stage<'a> {
    by_id(&TICKETS, keys)
}

pub(super) fn keep_tickets(set: &mut WorkingSet, answer: &Answer) -> Result<()> {
    let (records, mut contents) = answer.read_beside::<TicketRecord>()?;
    for record in records {
        let content = match record.content_bytes {
            None => None,
            Some(bytes) => {
                let (own, others) = contents
                    .split_at_checked(bytes)
                    .ok_or_else(|| Error::corrupt("tickets", &"a content that is cut off"))?;
                contents = others;
                Some(own)
            }
        };
        let (key, row) = record.read(content)?;
        set.tickets.insert(key, Kept::stored(row));
    }
    Ok(())
}
