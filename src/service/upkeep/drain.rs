//! The inbox, drained: tickets that were hinted at are fetched, and what they show is applied.

use std::{collections::BTreeMap, time::Duration};

use metrics::counter;
use tracing::warn;

use super::visit::{Setback, Visit};
use crate::{
    domain::{
        Delay, Doubt, KnownTicket, Postponed, Requester, Secret, Settled, Shown, TicketEvent,
        TicketFetch, TicketId, Timestamp, WaitingHint,
    },
    error::Error,
    service::{access::Purpose, writes::in_time},
    zendesk::{self, Fetched, MAX_IDS},
};

/// How many calls one visit makes for hints before it looks at what else there is to do.
const MAX_ROUNDS: usize = 20;
/// How long a hint waits whose event the store refuses: a defect of ours, which only another version
/// of the service puts right. Nothing else waits for it.
const DEFECT_PAUSE: Duration = Duration::from_hours(1);

/// The hints of the tickets of one fetch.
type Hinted = BTreeMap<TicketId, Vec<WaitingHint>>;

impl Visit {
    /// Fetches and applies what is due, and goes on until nothing is, or others want their turn.
    pub(super) async fn drain(&mut self) -> Result<(), Setback> {
        let (store, key) = (self.upkeep.store.clone(), self.connection.key.clone());
        for _ in 0..MAX_ROUNDS {
            let hints = store.due_hints(&key, self.now(), MAX_IDS).await?;
            if hints.is_empty() {
                break;
            }
            let mut hinted = Hinted::new();
            for waiting in hints {
                hinted.entry(waiting.hint.ticket_id).or_default().push(waiting);
            }
            self.fetch(hinted).await?;
        }
        if let Some(due_at) = store.next_hint_at(&key).await? {
            self.due(due_at);
        }
        Ok(())
    }

    /// Fetches tickets, in several calls where one answer is too large, and settles their hints.
    async fn fetch(&mut self, hinted: Hinted) -> Result<(), Setback> {
        let mut parts = vec![hinted];
        while let Some(mut part) = parts.pop() {
            let ids: Vec<TicketId> = part.keys().copied().collect();
            // Before the call: what is seen later is newer.
            let known = self.upkeep.store.known_tickets(&self.connection.key, &ids).await?;
            let (started_at, fetched) = match self.show(&ids).await {
                Ok((started_at, fetched)) => (started_at, Some(fetched)),
                Err(Setback::Failed(Error::Zendesk(zendesk::Error::TooLarge { .. }))) => {
                    (self.now(), None)
                }
                Err(setback) => return Err(setback),
            };
            match (fetched, ids.get(ids.len() / 2)) {
                (None, Some(middle)) if ids.len() > 1 => {
                    let second = part.split_off(middle);
                    parts.extend([second, part]);
                }
                (fetched, _) => self.settle(part, &known, started_at, fetched).await?,
            }
        }
        Ok(())
    }

    /// Fetches tickets, and their requesters where they do not come along. Answers when the call for the
    /// tickets was sent, too.
    async fn show(&mut self, ids: &[TicketId]) -> Result<(Timestamp, Fetched), Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let this = &*self;
        let show = |token: Secret| async move {
            // Not before it was its turn, nor before a token was good.
            let started_at = this.now();
            Ok((started_at, zendesk.show_tickets(subdomain, &token, ids).await?))
        };
        let (started_at, mut fetched) =
            self.call(Purpose::Sync, zendesk.bulk_timeout(), show).await?;
        self.heed(fetched.rate);
        let missing = fetched.missing_requesters();
        if !missing.is_empty() {
            fetched.requesters.extend(self.show_users(&missing).await?);
        }
        self.left.fetched_at = Some(self.now());
        Ok((started_at, fetched))
    }

    /// Settles hints by what was fetched; without that, their ticket is too large to be read.
    async fn settle(
        &mut self,
        hinted: Hinted,
        known: &BTreeMap<TicketId, KnownTicket>,
        started_at: Timestamp,
        fetched: Option<Fetched>,
    ) -> Result<(), Setback> {
        let mut fetched = fetched;
        let (mut events, mut back) = (Vec::new(), Vec::new());
        for (ticket_id, hints) in hinted {
            let fetch = TicketFetch {
                connection: &self.connection.key,
                ticket_id,
                started_at,
                shown: fetched
                    .as_mut()
                    .map_or(Shown::Unreadable, |fetched| shown(fetched, ticket_id)),
                known: known.get(&ticket_id).map(|known| known.updated_at),
            };
            for settled in fetch.settle(hints) {
                measure(&settled);
                match settled {
                    Settled::Apply { event, .. } => events.push(event),
                    Settled::Again { id, at, because } => {
                        back.push(Postponed { id, until: at, delay: because.into() });
                    }
                }
            }
        }
        let applied = self.apply(events, &mut back).await;
        in_time(self.put_back(&back)).await?;
        applied
    }

    /// Applies events. What the store refuses for its own sake is put back; any other failure leaves
    /// the hints where they are.
    async fn apply(
        &self,
        events: Vec<TicketEvent>,
        back: &mut Vec<Postponed>,
    ) -> Result<(), Setback> {
        let mut accepted = Vec::with_capacity(events.len());
        for event in events {
            let id = event.id().clone();
            accepted.push((id, self.unless_stopping(self.upkeep.batcher.submit(event)).await?));
        }
        let mut failure = None;
        for (id, accepted) in accepted {
            match accepted.answer().await {
                Ok(_) => {}
                Err(error @ Error::InternalLogged) => {
                    warn!(event = %id, cause = %error, "a fetched ticket could not be applied");
                    let until = self.now().plus(DEFECT_PAUSE);
                    back.push(Postponed { id, until, delay: Delay::NotApplied });
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn put_back(&self, hints: &[Postponed]) -> Result<(), Setback> {
        if hints.is_empty() {
            return Ok(());
        }
        let key = &self.connection.key;
        let mut tx = self.upkeep.store.begin().await?;
        tx.lock_account(&key.account).await?;
        tx.put_back(key, hints).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What was fetched of a ticket. A requester whom Zendesk does not know has no address.
fn shown(fetched: &mut Fetched, id: TicketId) -> Shown {
    match fetched.tickets.remove(&id) {
        None => Shown::Absent,
        Some(Err(unreadable)) => {
            warn!(ticket = %id, cause = %unreadable, "a ticket does not read");
            Shown::Unreadable
        }
        Some(Ok(ticket)) => {
            let id = ticket.requester_id;
            let known = fetched.requesters.get(&id).cloned();
            let requester =
                known.unwrap_or_else(|| Requester { id, email: None, name: String::new() });
            Shown::Ticket { ticket: ticket.into(), requester }
        }
    }
}

/// Counts what became of a hint, and what spoke against it.
fn measure(settled: &Settled) {
    let (became, doubt) = match settled {
        Settled::Apply { despite, .. } => ("applied", *despite),
        Settled::Again { because, .. } => ("again", Some(*because)),
    };
    let doubt = doubt.map_or("none", Doubt::as_str);
    counter!("ticketsync_fetched_hints_total", "became" => became, "doubt" => doubt).increment(1);
}
