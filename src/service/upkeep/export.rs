//! Reconciliation: what Zendesk says has changed becomes hints, so that a webhook that never came heals.

use std::{collections::BTreeMap, time::Duration};

use tracing::{info, warn};

use super::{
    jittered,
    visit::{Setback, Visit, trouble_of},
};
use crate::{
    domain::{
        ConnectionState, ExportCursor, Hint, Invalid, Secret, SyncProblem, TicketId, Timestamp,
    },
    error::{Error, Result},
    service::access::Purpose,
    zendesk::{self, ExportEnd, ExportFrom, ExportPage},
};

/// How far before the moment that it goes on from an export begins: clocks differ, and Zendesk takes
/// note of a change a little after it.
const OVERLAP: Duration = Duration::from_mins(5);
/// How long to wait where Zendesk finds the beginning too recent: it wants a minute.
const TOO_RECENT_WAIT: Duration = Duration::from_mins(1);
/// How many hints are handed in at once, so that others get a place in the queue.
const HINTS_AT_ONCE: usize = 100;

impl Visit {
    /// Reads a page of the export where that is due. An export that Zendesk does not let us read, or
    /// that does not move, keeps nothing else from being done.
    pub(super) async fn reconcile(&mut self) -> Result<(), Setback> {
        if self.connection.state != ConnectionState::Active {
            return Ok(());
        }
        let now = self.now();
        if let Some(due_at) = self.left.export_due_at.filter(|due_at| *due_at > now) {
            // Only the next page shows that it moves again.
            let before = self.left.trouble.clone();
            let stuck = before.filter(|trouble| trouble.problem == SyncProblem::ExportStuck);
            self.trouble = self.trouble.take().or(stuck);
            self.due(due_at);
            return Ok(());
        }
        let read = self.read_page(now).await;
        // Also where it failed, so that it is not called more often than Zendesk allows.
        self.left.export_due_at = Some(self.next_page_at());
        let next = match read {
            Ok(next) => next,
            Err(Setback::Failed(Error::Zendesk(error))) => self.after_refusal(error, now)?,
            Err(setback) => return Err(setback),
        };
        self.left.export_due_at = Some(next);
        self.due(next);
        Ok(())
    }

    /// Reads the next page and stores its hints; only then does the cursor move. Answers when to go on.
    async fn read_page(&mut self, now: Timestamp) -> Result<Timestamp, Setback> {
        let finished_at = self.connection.finished_at.unwrap_or(self.connection.created_at);
        let from = match self.cursor() {
            Some(cursor) => ExportFrom::Cursor(cursor),
            None => ExportFrom::Time(self.left.exported_at.unwrap_or(finished_at).minus(OVERLAP)),
        };
        let page = self.export(&from).await?;
        self.heed(page.rate);
        let hints = self.missed(&page, finished_at).await?;
        for hints in hints.chunks(HINTS_AT_ONCE) {
            let (key, hints) = (&self.connection.key, hints.to_vec());
            let stored = self.upkeep.batcher.store_hints(key, hints, self.now());
            self.unless_stopping(stored).await?;
        }
        if !hints.is_empty() {
            info!(tickets = page.tickets.len(), missed = hints.len(), "the export shows changes");
        }
        if let Some(after) = page.after_cursor {
            self.left.export_cursor = Some(after.as_str().to_owned());
        }
        Ok(match page.end {
            ExportEnd::Ahead => self.next_page_at(),
            ExportEnd::Reached => {
                self.left.exported_at = Some(now);
                now.plus(jittered(self.upkeep.options.reconcile_interval))
            }
        })
    }

    /// When the next page may be asked for: counted from the answer to the last one, since a call may have
    /// waited for its turn.
    fn next_page_at(&self) -> Timestamp {
        self.now().plus(self.upkeep.options.export_pause)
    }

    async fn export(&self, from: &ExportFrom) -> Result<ExportPage, Setback> {
        let (zendesk, subdomain) = (&self.upkeep.zendesk, &self.connection.subdomain);
        let export = |token: Secret| async move { zendesk.export(subdomain, &token, from).await };
        self.call(Purpose::Sync, zendesk.bulk_timeout(), export).await
    }

    /// The hints of what is newer at Zendesk than here.
    async fn missed(&self, page: &ExportPage, finished_at: Timestamp) -> Result<Vec<Hint>> {
        let ids: Vec<TicketId> = page.tickets.iter().map(|ticket| ticket.ticket_id).collect();
        let known = self.upkeep.store.known_tickets(&self.connection.key, &ids).await?;
        // A page may name a ticket more than once: the last is the newest.
        let newest: BTreeMap<TicketId, _> =
            page.tickets.iter().map(|ticket| (ticket.ticket_id, ticket)).collect();
        let hints = newest.into_values().map(|ticket| {
            let known = known.get(&ticket.ticket_id);
            ticket.hint(known, finished_at)
        });
        let hints: Result<Vec<Option<Hint>>, Invalid> = hints.collect();
        Ok(hints
            .map_err(|problem| Error::Internal(problem.to_string()))?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The cursor as it was stored. One that does not read is like none.
    fn cursor(&self) -> Option<ExportCursor> {
        self.left.export_cursor.clone().and_then(|cursor| cursor.try_into().ok())
    }

    /// When to go on after a refusal that concerns the export alone.
    fn after_refusal(
        &mut self,
        error: zendesk::Error,
        now: Timestamp,
    ) -> Result<Timestamp, Setback> {
        match error {
            zendesk::Error::StartTimeTooRecent => return Ok(now.plus(TOO_RECENT_WAIT)),
            // Begins again at a time: that leads past whatever holds the cursor.
            zendesk::Error::CursorStuck => self.left.export_cursor = None,
            // A cursor that Zendesk no longer takes, such as one that is too old.
            zendesk::Error::Refused { .. } | zendesk::Error::NotFound { .. }
                if self.left.export_cursor.is_some() =>
            {
                self.left.export_cursor = None;
            }
            zendesk::Error::Forbidden { .. } => {}
            error => return Err(Setback::Failed(error.into())),
        }
        warn!(cause = %error, "the export does not go on");
        self.trouble = trouble_of(&Error::Zendesk(error), now);
        Ok(now.plus(jittered(self.upkeep.options.reconcile_interval)))
    }
}
