//! How the program logs: to standard error, structured.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How to log.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// How log lines look: text for people, json for machines.
    #[arg(long, global = true, env = "TICKETSYNC_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged, as for example `info` or `ticketsync=debug,info`.
    #[arg(
        long,
        global = true,
        env = "TICKETSYNC_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    log: EnvFilter,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Starts to log.
pub fn init(args: &LogArgs) {
    let log =
        tracing_subscriber::fmt().with_env_filter(args.log.clone()).with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
