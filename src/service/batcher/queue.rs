//! What waits in a lane, and which of it makes the next batch.

use std::collections::{HashMap, VecDeque};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    domain::{AccountId, EventBody, Incoming, Receipt, Ticket},
    error::Result,
};

/// The most events of a batch. Past this the work per event no longer falls, and the answer to the
/// first waits for the last.
pub(super) const MAX_BATCH_EVENTS: usize = 500;
/// The most bytes of a batch, counted in the events' texts. An event's own maximum is smaller.
pub(super) const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// The most events a lane holds: enough to fill a batch from few accounts, few enough that the
/// oldest is at most a few commits away.
pub(super) const MAX_WAITING: usize = 4 * MAX_BATCH_EVENTS;
/// What an event costs besides its texts: ids, times and the row's own overhead.
const EVENT_OVERHEAD_BYTES: usize = 512;

/// An event or a hint, and where its answer goes.
pub(super) struct Job {
    pub incoming: Incoming,
    /// Since when its caller waits.
    pub since: Instant,
    pub answer: oneshot::Sender<Result<Receipt>>,
}

/// The events of a lane by account, each account's in order of arrival.
#[derive(Default)]
pub(super) struct Waiting {
    accounts: HashMap<AccountId, VecDeque<(u64, Job)>>,
    arrivals: u64,
    len: usize,
}

impl Waiting {
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn is_full(&self) -> bool {
        self.len >= MAX_WAITING
    }

    pub(super) fn push(&mut self, job: Job) {
        self.arrivals += 1;
        self.len += 1;
        let account = job.incoming.connection().account.clone();
        self.accounts.entry(account).or_default().push_back((self.arrivals, job));
    }

    /// Takes the next batch. It starts with the account that has waited longest, so that none
    /// starves, and goes on with those that have most, so that it holds as few as fill it: each
    /// account costs a row lock and a head.
    pub(super) fn take_batch(&mut self) -> Vec<Job> {
        let mut order: Vec<(AccountId, u64, usize)> = self
            .accounts
            .iter()
            .filter_map(|(account, jobs)| Some((account.clone(), jobs.front()?.0, jobs.len())))
            .collect();
        order.sort_unstable_by_key(|(_, arrival, len)| (usize::MAX - len, *arrival));
        if let Some(oldest) = (0..order.len()).min_by_key(|at| order[*at].1) {
            order[..=oldest].rotate_right(1);
        }

        let mut batch = Vec::with_capacity(self.len.min(MAX_BATCH_EVENTS));
        let mut bytes = 0;
        'full: for (account, ..) in order {
            let Some(jobs) = self.accounts.get_mut(&account) else { continue };
            while let Some((_, job)) = jobs.front() {
                bytes += size(&job.incoming);
                if !batch.is_empty() && (batch.len() == MAX_BATCH_EVENTS || bytes > MAX_BATCH_BYTES)
                {
                    break 'full;
                }
                batch.extend(jobs.pop_front().map(|(_, job)| job));
            }
            self.accounts.remove(&account);
        }
        self.len -= batch.len();
        batch
    }

    /// Takes those whose callers have waited since this moment or longer, of each account the first ones.
    pub(super) fn take_waiting_since(&mut self, moment: Instant) -> Vec<Job> {
        let mut taken = Vec::new();
        for jobs in self.accounts.values_mut() {
            let late = jobs.partition_point(|(_, job)| job.since <= moment);
            taken.extend(jobs.drain(..late).map(|(_, job)| job));
        }
        self.accounts.retain(|_, jobs| !jobs.is_empty());
        self.len -= taken.len();
        taken
    }
}

fn size(incoming: &Incoming) -> usize {
    let texts = match incoming {
        Incoming::Event(event) => size_of_body(&event.body),
        Incoming::Hint(_, hint) => hint.detail.as_ref().map_or(0, |detail| {
            detail.description.as_ref().map_or(0, String::len)
                + detail.subject.as_ref().map_or(0, String::len)
        }),
    };
    texts + EVENT_OVERHEAD_BYTES
}

fn size_of_body(body: &EventBody) -> usize {
    match body {
        EventBody::Snapshot(snapshot) => {
            texts(&snapshot.ticket) + snapshot.created_as.as_deref().map_or(0, texts)
        }
        EventBody::Deleted { .. } | EventBody::Absent | EventBody::PermanentlyDeleted => 0,
    }
}

fn texts(ticket: &Ticket) -> usize {
    ticket.description.len()
        + ticket.subject.len()
        + ticket.raw_subject.len()
        + ticket.url.len()
        + ticket.external_id.as_ref().map_or(0, String::len)
        + ticket.recipient.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests;
