//! The `ticketsync` program.

use std::{process::ExitCode, time::Duration};

use tokio::runtime::Builder;

/// How long what still runs may hold the process after everything was waited for.
const LEFTOVERS: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ticketsync: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(ticketsync::cli::run());
    // A connection whose peer never speaks would hold a plain drop of the runtime for ever.
    runtime.shutdown_timeout(LEFTOVERS);
    code
}
