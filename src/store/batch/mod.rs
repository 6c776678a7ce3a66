//! One batch of events against the database: lock the accounts, load what is known, save what has
//! changed. The number of statements does not depend on the number of events.

mod load;
mod row;
mod save;

pub use self::load::BatchKeys;
pub(super) use self::row::{corrupt, read_effect};
use crate::store::{Result, Tx};

impl Tx<'_> {
    /// Runs what loads and saves most batches over no rows: a connection that has planned it before
    /// answers its first events as soon as all others.
    pub(super) async fn rehearse_batch(&mut self) -> Result<()> {
        load::rehearse(self).await?;
        save::rehearse(self).await
    }
}
