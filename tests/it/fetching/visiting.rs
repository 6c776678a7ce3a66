//! Visits to a connection that only the test looks after, one at a time.

use std::time::Duration;

use ticketsync::store::{Lease, LeaseOwner, Upkeep};
use tokio_util::sync::CancellationToken;

use super::Synced;

const LEASE: Duration = Duration::from_mins(1);

impl Synced {
    /// Nobody looks after the connection any more, unless the test does.
    pub async fn leave_alone(&mut self) {
        self.looking.cancel();
        (&mut self.looker).await.unwrap();
    }

    /// Takes the connection's lease, whatever it waits for.
    pub async fn claim(&mut self) -> (Lease, Upkeep) {
        self.session.execute("update upkeep set due_at = 0, paused_until = 0").await;
        let claimed = self.store.claim_upkeep(&LeaseOwner::random(), LEASE, 1).await.unwrap();
        claimed.into_iter().next().unwrap()
    }

    /// Does what is due, and answers what is left.
    pub async fn visit(&self, (lease, upkeep): (Lease, Upkeep)) -> Upkeep {
        self.upkeep.clone().visit(lease, upkeep, CancellationToken::new()).await;
        self.store.upkeep(&self.key).await.unwrap().unwrap()
    }
}
