//! Requesters without an e-mail address: whether they have one by now.

use std::{collections::BTreeMap, time::Duration};

use super::{
    jittered,
    visit::{Setback, Visit},
};
use crate::{
    domain::{
        ConnectionState, EventId, EventSource, Hint, HintKind, Invalid, Requester, Secret,
        TicketId, Timestamp, ZendeskId,
    },
    error::{Error, Result},
    service::access::Purpose,
    zendesk::MAX_IDS,
};

/// How often it is looked whether they have one: nobody tells when an address is added.
const INTERVAL: Duration = Duration::from_hours(24);

impl Visit {
    /// Asks for the requesters whose tickets wait, where that is due. The tickets of those who have an
    /// address now are fetched again, which releases what waits.
    pub(super) async fn reread_requesters(&mut self) -> Result<(), Setback> {
        if self.connection.state != ConnectionState::Active {
            return Ok(());
        }
        let now = self.now();
        if let Some(due_at) = self.left.requesters_due_at.filter(|due_at| *due_at > now) {
            self.due(due_at);
            return Ok(());
        }
        let (store, key) = (self.upkeep.store.clone(), self.connection.key.clone());
        let mut after = None;
        loop {
            let waiting = store.waiting_requesters(&key, after, MAX_IDS).await?;
            let Some(last) = waiting.last() else { break };
            after = Some(*last);
            let mut ids: Vec<ZendeskId> = waiting.iter().map(|(requester, _)| *requester).collect();
            ids.dedup();
            let users = self.show_users(&ids).await?;
            let reachable =
                |requester| users.get(requester).is_some_and(|user| user.email.is_some());
            let hints = waiting.iter().filter(|(requester, _)| reachable(requester));
            let hints: Result<Vec<Hint>, Invalid> =
                hints.map(|(_, ticket)| hint(*ticket, now)).collect();
            let hints = hints.map_err(|problem| Error::Internal(problem.to_string()))?;
            let stored = self.upkeep.batcher.store_hints(&key, hints, now);
            self.unless_stopping(stored).await?;
            // Whoever waits for news of a ticket does not wait for all of these.
            self.drain().await?;
        }
        let later = now.plus(jittered(INTERVAL));
        self.left.requesters_due_at = Some(later);
        self.due(later);
        Ok(())
    }

    /// Asks for users. Who does not exist, or no longer, is not among them.
    pub(super) async fn show_users(
        &self,
        ids: &[ZendeskId],
    ) -> Result<BTreeMap<ZendeskId, Requester>, Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let show = |token: Secret| async move { zendesk.show_users(subdomain, &token, ids).await };
        let users = self.call(Purpose::Sync, zendesk.bulk_timeout(), show).await?;
        self.heed(users.rate);
        Ok(users.requesters)
    }
}

fn hint(ticket_id: TicketId, now: Timestamp) -> Result<Hint, Invalid> {
    let name = format!("requester-{ticket_id}-{}", now.as_micros());
    Ok(Hint {
        id: EventId::of(EventSource::Service, name)?,
        ticket_id,
        kind: HintKind::Changed,
        occurred_at: Some(now),
        updated_at: None,
        detail: None,
    })
}
