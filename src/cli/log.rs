//! How the program logs: to standard error, structured.

use std::{env, ffi::OsStr, io::IsTerminal as _};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How to log.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// How log lines look: text for people, json for machines.
    #[arg(long, global = true, env = "TICKETSYNC_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged, as for example `info` or `ticketsync=debug,info`. Without it info, and in the
    /// sandbox warn.
    #[arg(long, global = true, env = "TICKETSYNC_LOG", value_name = "FILTER")]
    log: Option<EnvFilter>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Starts to log, by `default` where the person has not said what.
pub fn init(args: &LogArgs, default: &str) {
    let filter = args.log.clone().unwrap_or_else(|| EnvFilter::new(default));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(
            is_coloured(std::io::stderr().is_terminal(), env::var_os("NO_COLOR").as_deref()),
        );
    match args.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Whether lines are coloured: on a terminal, unless `NO_COLOR` holds anything, see
/// <https://no-color.org>.
fn is_coloured(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_coloured_on_a_terminal_that_may_be() {
        let coloured = |no_color: Option<&str>| is_coloured(true, no_color.map(OsStr::new));
        assert_eq!([None, Some(""), Some("1")].map(coloured), [true, true, false]);
        assert!(!is_coloured(false, None));
    }
}
