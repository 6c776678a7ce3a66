//! `ticketsync sandbox`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use super::serve::told_to_stop;
use crate::{
    error::{Error, Result},
    sandbox::{self, Ending, Labels, SandboxOptions},
};

/// The arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Run the main job, compare every ticket object with the sandbox's Zendesk, and exit: 0 if all
    /// is equal, 1 if anything differs.
    #[arg(long)]
    once: bool,
    /// Keep the database and the sandbox's Zendesk in this directory. Without it they live in a
    /// temporary one and are gone afterwards.
    #[arg(long, env = "TICKETSYNC_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Where the service answers gRPC. Loopback only; port 0 takes a free one.
    #[arg(
        long,
        env = "TICKETSYNC_GRPC_LISTEN",
        default_value = "127.0.0.1:0",
        value_name = "ADDRESS",
        value_parser = loopback
    )]
    grpc_listen: SocketAddr,
    /// Where the service answers HTTP. Loopback only; port 0 takes a free one.
    #[arg(
        long,
        env = "TICKETSYNC_HTTP_LISTEN",
        default_value = "127.0.0.1:0",
        value_name = "ADDRESS",
        value_parser = loopback
    )]
    http_listen: SocketAddr,
    /// Where the sandbox's Zendesk answers. Loopback only; port 0 takes a free one.
    #[arg(
        long,
        env = "TICKETSYNC_ZENDESK_LISTEN",
        default_value = "127.0.0.1:0",
        value_name = "ADDRESS",
        value_parser = loopback
    )]
    zendesk_listen: SocketAddr,
    /// The language of the labels.
    #[arg(
        long,
        env = "TICKETSYNC_LANGUAGE",
        default_value = "nl",
        value_parser = PossibleValuesParser::new(Labels::WORDS).try_map(|word| word.parse::<Labels>())
    )]
    language: Labels,
    /// Change a ticket at the sandbox's Zendesk that no event tells of: the comparison has to fail.
    #[arg(long, hide = true)]
    tamper: bool,
}

/// Runs the sandbox until SIGTERM or Ctrl-C, or once.
pub async fn run(args: SandboxArgs) -> Result<ExitCode> {
    let options = SandboxOptions {
        once: args.once,
        data_dir: args.data_dir,
        grpc_listen: args.grpc_listen,
        http_listen: args.http_listen,
        zendesk_listen: args.zendesk_listen,
        labels: args.language,
        tamper: args.tamper,
    };
    let ending = sandbox::run(options, told_to_stop()?).await;
    match ending.map_err(|error| Error::Unfit(error.to_string()))? {
        Ending::Equal => Ok(ExitCode::SUCCESS),
        Ending::Different => Ok(ExitCode::FAILURE),
    }
}

/// An address on loopback: everything in a sandbox is open to whoever can reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "is no address: 127.0.0.1:PORT")?;
    if !address.ip().is_loopback() {
        return Err("is not on loopback, and a sandbox asks nobody who they are".into());
    }
    Ok(address)
}
