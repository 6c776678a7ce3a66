//! A transaction.

use sqlx::{Postgres, Sqlite, Transaction};

use super::{Error, Result};

/// A transaction on either engine. Dropped without [`Tx::commit`] it is rolled back.
pub enum Tx<'c> {
    Postgres(Transaction<'c, Postgres>),
    Sqlite(Transaction<'c, Sqlite>),
}

impl Tx<'_> {
    /// Chooses between two whole statements, where the dialects truly differ. Both take the same
    /// parameters in the same order.
    pub(super) const fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Postgres(_) => postgres,
            Self::Sqlite(_) => sqlite,
        }
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// [`Error::CommitUnknown`] when the connection was lost meanwhile.
    pub async fn commit(self) -> Result<()> {
        let outcome = match self {
            Self::Postgres(tx) => tx.commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        };
        outcome.map_err(|error| Error::from(error).during_commit())
    }

    /// Ends the transaction without a trace.
    ///
    /// # Errors
    /// When the connection was lost, which ends it too.
    pub(super) async fn rollback(self) -> Result<()> {
        match self {
            Self::Postgres(tx) => tx.rollback().await?,
            Self::Sqlite(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}
