//! `ticketsync migrate`.

use std::process::ExitCode;

use clap::Args;
use tracing::info;

use super::database::DatabaseArgs;
use crate::{error::Result, store::Store};

/// The arguments of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Opens the database, which migrates it.
pub async fn run(args: MigrateArgs) -> Result<ExitCode> {
    let store = Store::open(&args.database.options()).await?;
    info!(database = %args.database.database_url, "the schema is up to date");
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
