//! Which database a command works on.

use clap::Args;

use super::discreet::Discreet;
use crate::store::{DatabaseUrl, Durability, StoreOptions};

/// The database.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// Where the data is: `sqlite:PATH`, embedded, or `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(
        long,
        env = "TICKETSYNC_DATABASE_URL",
        default_value = "sqlite:ticketsync.db",
        value_name = "URL",
        hide_env_values = true,
        value_parser = Discreet::<DatabaseUrl>::new()
    )]
    pub database_url: DatabaseUrl,
    /// Answer before the disk has it: a crash loses answered events. For tests that must fail.
    #[arg(long, hide = true)]
    pub unsafe_no_sync: bool,
}

impl DatabaseArgs {
    /// How to open it.
    pub fn options(&self) -> StoreOptions {
        let durability = if self.unsafe_no_sync { Durability::Unsafe } else { Durability::Full };
        StoreOptions { durability, ..StoreOptions::new(self.database_url.clone()) }
    }
}
