//! The command line.

mod database;
mod discreet;
mod encryption;
mod keys;
mod log;
mod migrate;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::error;

use crate::error::Result;

/// One-way sync of Zendesk Support tickets into MailBlue, as a gRPC service.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: log::LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve gRPC, health and metrics until SIGTERM or Ctrl-C.
    Serve(Box<serve::ServeArgs>),
    /// Bring the schema of a database up to date, and exit. `serve` does so too.
    Migrate(migrate::MigrateArgs),
    /// Look after the keys that tokens are encrypted with.
    Keys(keys::KeysArgs),
}

/// Runs what the command line asks for.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    log::init(&cli.log);
    match dispatch(cli.command).await {
        Ok(code) => code,
        Err(failure) => {
            error!(cause = %failure, "failed");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(*args).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Keys(args) => keys::run(args).await,
    }
}
