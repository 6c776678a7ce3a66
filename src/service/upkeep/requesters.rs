//! Requesters without an e-mail address: whether they have one by now.

use std::{collections::BTreeMap, time::Duration};

use tracing::warn;

use super::{
    jittered,
    visit::{Setback, Visit, trouble_of},
};
use crate::{
    domain::{
        ConnectionState, EventId, EventSource, Hint, HintKind, Invalid, Requester, Secret,
        TicketId, Timestamp, ZendeskId,
    },
    error::Error,
    service::access::Purpose,
    zendesk::{self, MAX_IDS},
};

/// How often it is looked whether they have one: nobody tells when an address is added.
const INTERVAL: Duration = Duration::from_hours(24);

/// When it is tried again where Zendesk refuses to tell, about: somebody may have been given the right.
const RETRY: Duration = Duration::from_hours(1);

impl Visit {
    /// Asks for some of the requesters whose tickets wait, where that is due. A round goes through all of
    /// them, one page in each visit, so that others have their turn; it goes on where it stopped.
    pub(super) async fn reread_requesters(&mut self) -> Result<(), Setback> {
        if self.connection.state != ConnectionState::Active {
            return Ok(());
        }
        let now = self.now();
        if let Some(due_at) = self.left.requesters_due_at.filter(|due_at| *due_at > now) {
            self.due(due_at);
            return Ok(());
        }
        let (store, key, after) =
            (&self.upkeep.store, &self.connection.key, self.left.requesters_after);
        let waiting = store.waiting_requesters(key, after, MAX_IDS).await?;
        if waiting.is_empty() {
            let later = now.plus(jittered(INTERVAL));
            self.left.requesters_due_at = Some(later);
            self.left.requesters_after = None;
            self.due(later);
            return Ok(());
        }
        match self.reread_some(&waiting).await {
            Ok(done) => {
                self.left.requesters_after = done.last().copied();
                self.due(now);
                Ok(())
            }
            // It would be the same again, and must keep nothing else from being done.
            Err(Setback::Failed(Error::Zendesk(error))) if is_refusal(&error) => {
                warn!(cause = %error, "requesters without an address are not asked for");
                let later = now.plus(jittered(RETRY));
                self.trouble = self.trouble.take().or(trouble_of(&error.into(), now));
                self.left.requesters_due_at = Some(later);
                self.due(later);
                Ok(())
            }
            Err(setback) => Err(setback),
        }
    }

    /// Asks for the first of these requesters: for all of them, unless the answer is too large; then for
    /// half as many, and so on. Answers who is done with. One who is too large even alone is passed
    /// over, so that the others are asked for.
    async fn reread_some<'w>(
        &self,
        waiting: &'w [(ZendeskId, TicketId)],
    ) -> Result<&'w [(ZendeskId, TicketId)], Setback> {
        let mut some = waiting;
        loop {
            match self.reread(some).await {
                Ok(()) => return Ok(some),
                Err(Setback::Failed(Error::Zendesk(error @ zendesk::Error::TooLarge { .. }))) => {
                    if some.chunk_by(|one, next| one.0 == next.0).count() < 2 {
                        let requester = some.first().map(|(requester, _)| requester.get());
                        warn!(cause = %error, requester, "a requester without an address is passed over");
                        return Ok(some);
                    }
                    (some, _) = some.split_at(some.len() / 2);
                }
                Err(setback) => return Err(setback),
            }
        }
    }

    /// Asks for these requesters. The tickets of those who have an address now are hinted at: fetched
    /// again, they release what waits.
    async fn reread(&self, waiting: &[(ZendeskId, TicketId)]) -> Result<(), Setback> {
        let mut ids: Vec<ZendeskId> = waiting.iter().map(|(requester, _)| *requester).collect();
        ids.dedup();
        let users = self.show_users(&ids).await?;
        let reachable = |requester| users.get(requester).is_some_and(|user| user.email.is_some());
        let hints = waiting.iter().filter(|(requester, _)| reachable(requester));
        let hints: Result<Vec<Hint>, Invalid> = hints.map(|waiting| self.hint(waiting)).collect();
        let hints = hints.map_err(|problem| Error::Internal(problem.to_string()))?;
        let stored = self.upkeep.batcher.store_hints(&self.connection.key, hints, self.now());
        self.unless_stopping(stored).await?;
        Ok(())
    }

    /// Once in each round, whose name is when it was due: one that was cut off and asks for the same
    /// again hints at nothing twice.
    fn hint(&self, (requester, ticket): &(ZendeskId, TicketId)) -> Result<Hint, Invalid> {
        let round = self.left.requesters_due_at.unwrap_or(Timestamp::EPOCH).as_micros();
        let name = format!("requester-{requester}-{ticket}-{round}");
        Ok(Hint {
            id: EventId::of(EventSource::Service, name)?,
            ticket_id: *ticket,
            kind: HintKind::Changed,
            occurred_at: Some(self.now()),
            updated_at: None,
            detail: None,
        })
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

/// Whether a call that is made again would end in the same way.
const fn is_refusal(error: &zendesk::Error) -> bool {
    matches!(
        error,
        zendesk::Error::Forbidden { .. }
            | zendesk::Error::NotFound { .. }
            | zendesk::Error::Refused { .. }
    )
}
