//! One connection, looked after by the process that holds its lease.

use std::time::Duration;

use tokio::{select, sync::Mutex, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{LEASE, Upkeep};
use crate::{
    domain::{
        Connection, ConnectionState, Secret, SyncProblem, Timestamp, Trouble, WebhookState, pause,
    },
    error::{Error, Result},
    service::{access::Purpose, writes::in_time},
    store::{self, Lease, LeaseHolding},
    zendesk,
};

/// How much of a lease has to be left after a call: for what is stored of its answer.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// A visit to a connection: what is to be done for it at Zendesk is done, and the rest left for later.
pub struct Visit {
    pub(super) upkeep: Upkeep,
    pub(super) connection: Connection,
    /// What was left by the visit before, and is left by this one.
    pub(super) left: store::Upkeep,
    /// What goes wrong and keeps nothing else from being done.
    pub(super) trouble: Option<Trouble>,
    pub(super) lease: Lease,
    begun: Instant,
    held_until: Mutex<Instant>,
    due_at: Option<Timestamp>,
    stopping: CancellationToken,
}

/// Why a visit did not come to its end.
#[derive(Debug)]
pub enum Setback {
    /// The service stops: another replica may go on at once.
    Stopping,
    /// Another replica has taken over.
    LeaseLost,
    Failed(Error),
}

impl Visit {
    /// Begins a visit with a lease that was just taken; none where the connection is gone.
    pub(super) async fn begin(
        upkeep: Upkeep,
        lease: Lease,
        left: store::Upkeep,
        stopping: CancellationToken,
    ) -> Result<Option<Self>> {
        let begun = Instant::now();
        // Counted from after the claim: what the claim itself took is covered by the margin, or is a
        // lease that will be renewed too late and found lost.
        let held_until = Mutex::new(begun + LEASE);
        let Some(connection) = upkeep.store.connection(&lease.key).await? else {
            let left = store::Upkeep { due_at: None, paused_until: Timestamp::EPOCH, ..left };
            upkeep.store.release_upkeep(&lease, &left).await?;
            return Ok(None);
        };
        let (trouble, due_at) = (None, None);
        let visit =
            Self { upkeep, connection, left, trouble, lease, begun, held_until, due_at, stopping };
        Ok(Some(visit))
    }

    /// This moment by the database's clock, which says what is due: by this process's own the same may
    /// not be due yet, and would be claimed again at once.
    pub(super) fn now(&self) -> Timestamp {
        self.lease.claimed_at.plus(self.begun.elapsed())
    }

    /// Does all there is to do for the connection, in this order.
    pub(super) async fn work(&mut self) -> Result<(), Setback> {
        if self.connection.webhook == WebhookState::Removing {
            // Whoever has just ended it waits for the lease, to tell what comes of it.
            if !in_time(self.is_as_claimed()).await? {
                return Ok(());
            }
            self.finish_removal().await?;
        }
        if self.connection.state == ConnectionState::NeedsReauthorization {
            return Err(Error::ConnectionNotAuthorized.into());
        }
        self.keep_webhook().await?;
        self.drain().await?;
        self.reconcile().await?;
        self.reread_requesters().await
    }

    async fn is_as_claimed(&self) -> Result<bool> {
        let mut tx = self.upkeep.store.begin().await?;
        Ok(tx.is_as_claimed(&self.lease).await?)
    }

    /// Has the connection looked after again at this time, or before.
    pub(super) fn due(&mut self, at: Timestamp) {
        self.due_at = Some(self.due_at.map_or(at, |due_at| due_at.min(at)));
    }

    /// Makes a call in the name of who agreed, with a token that is good, once it is its turn, while the
    /// lease is held for as long as the call may take. A token that is refused is refreshed once, and
    /// the call made again: that counts as another one. `call` asks Zendesk once.
    pub(super) async fn call<T, F>(
        &self,
        purpose: Purpose,
        limit: Duration,
        call: impl Fn(Secret) -> F,
    ) -> Result<T, Setback>
    where
        F: Future<Output = zendesk::Result<T>>,
    {
        let (access, key) = (&self.upkeep.access, &self.connection.key);
        self.keep_pace(purpose).await?;
        let token = self.unless_stopping(access.token(key, purpose, self.now())).await?;
        self.hold(limit).await?;
        match self.unless_stopping(call(token.clone())).await {
            Err(Setback::Failed(Error::Zendesk(error))) if error.is_unauthorized() => {}
            ended => return ended,
        }
        let renewed = access.renewed(key, purpose, &token, self.now());
        let renewed = self.unless_stopping(renewed).await?;
        self.keep_pace(purpose).await?;
        self.hold(limit).await?;
        match self.unless_stopping(call(renewed.clone())).await {
            Err(Setback::Failed(Error::Zendesk(error))) if error.is_unauthorized() => {
                access.give_up(key, &renewed).await?;
                Err(Error::ConnectionNotAuthorized.into())
            }
            ended => ended,
        }
    }

    pub(super) async fn unless_stopping<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Setback>
    where
        Error: From<E>,
    {
        select! {
            biased;
            () = self.stopping.cancelled() => Err(Setback::Stopping),
            done = work => done.map_err(|error| Setback::Failed(error.into())),
        }
    }

    /// Makes sure that the lease lasts for so long from now.
    pub(super) async fn hold(&self, duration: Duration) -> Result<(), Setback> {
        let mut held_until = self.held_until.lock().await;
        let now = Instant::now();
        if now + duration + LEASE_MARGIN <= *held_until {
            return Ok(());
        }
        match self.upkeep.store.renew_lease(&self.lease, LEASE).await? {
            LeaseHolding::Held => {}
            LeaseHolding::Lost => return Err(Setback::LeaseLost),
        }
        *held_until = now + LEASE;
        Ok(())
    }

    /// Lets the connection go, and leaves word of how the visit ended.
    pub(super) async fn release(mut self, end: Result<(), Setback>) {
        let now = self.now();
        self.left.paused_until = Timestamp::EPOCH;
        let mut trouble = self.trouble.take();
        match end {
            Ok(()) => self.left.failure_count = 0,
            Err(Setback::Stopping) => {
                self.due(now);
                trouble = self.left.trouble.clone();
            }
            Err(Setback::LeaseLost) => {
                debug!("another replica has taken over");
                return;
            }
            Err(Setback::Failed(error)) => {
                self.left.failure_count += 1;
                self.left.paused_until = now.plus(wait(&error, self.left.failure_count));
                // A database that was away is no trouble with Zendesk.
                trouble = trouble_of(&error, now).or(trouble).or(self.left.trouble.clone());
                if matches!(error, Error::ConnectionNotAuthorized) {
                    // Only a person can help.
                    self.left.paused_until = Timestamp::MAX;
                }
                self.due(self.left.paused_until);
                warn!(cause = %error, failures = self.left.failure_count, "could not go on at Zendesk");
            }
        }
        self.left.trouble = trouble.map(|trouble| trouble.after(self.left.trouble.as_ref()));
        self.left.due_at = self.due_at;
        let released = self.upkeep.store.release_upkeep(&self.lease, &self.left).await;
        if let Err(error) = released {
            warn!(cause = %error, "a connection was not let go: its lease runs out by itself");
        }
    }
}

/// How long to leave the connection alone.
fn wait(error: &Error, failure_count: i64) -> Duration {
    let asked = match error {
        Error::Zendesk(error) => error.retry_after(),
        _ => None,
    };
    pause(failure_count, rand::random()).max(asked.unwrap_or_default())
}

/// What people are told of a failure; none where it is not between them and Zendesk.
pub(super) fn trouble_of(error: &Error, now: Timestamp) -> Option<Trouble> {
    let problem = match error {
        Error::ConnectionNotAuthorized => SyncProblem::Unauthorized,
        Error::Zendesk(error) => match error {
            zendesk::Error::Unauthorized { .. } => SyncProblem::Unauthorized,
            zendesk::Error::Forbidden { .. } => SyncProblem::Forbidden,
            zendesk::Error::Limited { .. } => SyncProblem::RateLimited,
            zendesk::Error::CursorStuck => SyncProblem::ExportStuck,
            zendesk::Error::NotFound { .. }
            | zendesk::Error::Refused { .. }
            | zendesk::Error::StartTimeTooRecent
            | zendesk::Error::Unavailable { .. }
            | zendesk::Error::TooLarge { .. }
            | zendesk::Error::TooManyIds { .. } => SyncProblem::ZendeskUnavailable,
        },
        _ => return None,
    };
    Some(Trouble { problem, detail: error.to_string(), since: now })
}

impl<E> From<E> for Setback
where
    Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The time that a call had in all is over.
pub(super) fn out_of_time() -> zendesk::Error {
    zendesk::Error::Unavailable { cause: "no answer in time".into(), retry_after: None }
}
