//! The command line.

mod database;
mod discreet;
mod encryption;
mod keys;
mod log;
mod migrate;
mod sandbox;
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
    /// Run the main job on this machine, from a Zendesk of its own to the trigger log, and show it.
    Sandbox(sandbox::SandboxArgs),
}

impl Command {
    /// What is logged unless the person says otherwise. The sandbox tells its story on the same
    /// terminal, and only trouble may break into it.
    const fn log_filter(&self) -> &'static str {
        match self {
            Self::Serve(_) | Self::Migrate(_) | Self::Keys(_) => "info",
            Self::Sandbox(_) => "warn",
        }
    }
}

/// Runs what the command line asks for.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    log::init(&cli.log, cli.command.log_filter());
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
        Command::Sandbox(args) => sandbox::run(args).await,
    }
}
