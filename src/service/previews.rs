//! A ticket of a connection that is not finished yet, to show what the ticket object will hold.

use std::{cmp::Reverse, time::Duration};

use super::{Connecting, access::Purpose};
use crate::{
    clock,
    domain::{ConnectionKey, Presence, Secret, Subdomain, Ticket, TicketId, Timestamp},
    error::{Error, Result},
    zendesk::{self, ExportFrom},
};

/// How far back a ticket counts as one of the newest: long enough for a quiet help desk.
const RECENT: Duration = Duration::from_hours(30 * 24);
/// How many tickets are asked for, since some may be gone or not read.
const CANDIDATES: usize = 10;

impl Connecting {
    /// One of the newest tickets at Zendesk; none where it has none that reads. Stores nothing.
    ///
    /// # Errors
    /// [`Error::ConnectionNotFound`], [`Error::ConnectionNotAuthorized`], [`Error::Zendesk`].
    pub async fn sample_ticket(
        &self,
        key: &ConnectionKey,
        now: Timestamp,
    ) -> Result<Option<Ticket>> {
        let subdomain = self.get(key).await?.subdomain;
        for from in [now.minus(RECENT), Timestamp::EPOCH] {
            let candidates = self.newest(key, &subdomain, ExportFrom::Time(from)).await?;
            let (zendesk, subdomain, ids) = (&self.zendesk, &subdomain, candidates.as_slice());
            let show =
                |token: Secret| async move { zendesk.show_tickets(subdomain, &token, ids).await };
            let fetched = self.call(key, show).await?;
            let readable = fetched.tickets.into_values().filter_map(Result::ok);
            if let Some(newest) = readable.max_by_key(|ticket| ticket.created_at) {
                return Ok(Some(newest));
            }
        }
        Ok(None)
    }

    /// The newest tickets on the first page of an export.
    async fn newest(
        &self,
        key: &ConnectionKey,
        subdomain: &Subdomain,
        from: ExportFrom,
    ) -> Result<Vec<TicketId>> {
        let (zendesk, from) = (&self.zendesk, &from);
        let export = |token: Secret| async move { zendesk.export(subdomain, &token, from).await };
        let mut tickets = self.call(key, export).await?.tickets;
        tickets.retain(|ticket| ticket.presence == Presence::Present);
        tickets.sort_by_key(|ticket| Reverse(ticket.created_at));
        tickets.dedup_by_key(|ticket| ticket.ticket_id);
        Ok(tickets.into_iter().take(CANDIDATES).map(|ticket| ticket.ticket_id).collect())
    }

    /// Makes a call in the name of who agreed. A token that is refused is refreshed once.
    async fn call<T, F>(&self, key: &ConnectionKey, call: impl Fn(Secret) -> F) -> Result<T>
    where
        F: Future<Output = zendesk::Result<T>>,
    {
        let token = self.access.access_token(key, clock::now()).await?;
        match call(token.clone()).await {
            Err(error) if error.is_unauthorized() => {}
            ended => return Ok(ended?),
        }
        let renewed = self.access.renewed(key, Purpose::Sync, &token, clock::now()).await?;
        match call(renewed.clone()).await {
            Err(error) if error.is_unauthorized() => {
                self.access.give_up(key, &renewed).await?;
                Err(Error::ConnectionNotAuthorized)
            }
            ended => Ok(ended?),
        }
    }
}
