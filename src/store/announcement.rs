//! Word between the processes on one database that logs have grown. A hint: it may be lost.

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::{Error, Result, Store, database::Engine};
use crate::domain::AccountId;

/// The channel of `PostgreSQL` that the word goes over.
const CHANNEL: &str = "ticketsync_triggers";
/// Between the sender and the account in a payload; neither can hold it.
const SEPARATOR: char = ':';

/// What other processes say.
pub struct Announcements {
    listener: PgListener,
    sender: String,
}

impl Store {
    /// Tells the other processes that the logs of these accounts have grown, in a transaction of
    /// its own: inside the one that commits events it would cost them most of their throughput. On
    /// `SQLite` there is nobody to tell.
    pub async fn announce(&self, sender: &str, accounts: &[AccountId]) -> Result<()> {
        const SQL: &str = "
            select count(pg_notify($1, account))
              from unnest($2::text[]) as account";
        let Engine::Postgres { pool, .. } = self.engine() else { return Ok(()) };
        let payloads: Vec<String> =
            accounts.iter().map(|account| format!("{sender}{SEPARATOR}{account}")).collect();
        sqlx::query(SQL).bind(CHANNEL).bind(payloads).execute(pool).await?;
        Ok(())
    }

    /// Listens to the other processes, on a connection of its own. None on `SQLite`. What this
    /// sender says itself is passed over.
    pub async fn announcements(&self, sender: &str) -> Result<Option<Announcements>> {
        let Engine::Postgres { connect, .. } = self.engine() else { return Ok(None) };
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(connect.as_ref().clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Announcements { listener, sender: sender.to_owned() }))
    }
}

impl Announcements {
    /// Waits for the next account that another process names.
    ///
    /// # Errors
    /// When the connection is lost. What was said meanwhile never comes.
    pub async fn next(&mut self) -> Result<AccountId> {
        loop {
            let said = self.listener.try_recv().await?.ok_or_else(Error::timed_out)?;
            if let Some(account) = self.account(said.payload()) {
                return Ok(account);
            }
        }
    }

    /// The account of a payload, unless it is our own or none of ours.
    fn account(&self, payload: &str) -> Option<AccountId> {
        let (sender, account) = payload.split_once(SEPARATOR)?;
        if sender == self.sender { None } else { account.to_owned().try_into().ok() }
    }
}
