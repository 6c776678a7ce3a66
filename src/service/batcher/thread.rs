//! The threads that lanes run on.

use std::{io, thread, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, sleep},
};
use tokio_util::task::TaskTracker;

use crate::error::{Error, Result};

/// How long a pool may take to have its connection back once a lane has ended: a sign of life from an
/// embedded database.
const RETURN_LIMIT: Duration = Duration::from_secs(1);
/// How often it is looked whether it has.
const POLL: Duration = Duration::from_millis(1);

/// Runs a lane on a thread of its own: while requests keep the others busy, each step of a batch would
/// wait for its turn behind them, and all whose events are in it would wait with it.
pub(super) fn spawn(
    at: usize,
    lane: impl Future<Output = ()> + Send + 'static,
    tasks: &TaskTracker,
) -> Result<()> {
    let failed = |error: io::Error| Error::Internal(format!("cannot start a lane: {error}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let running = tasks.token();
    let run = move || {
        runtime.block_on(async {
            lane.await;
            give_back(&runtime).await;
        });
        drop(runtime);
        // Only now may the store be closed.
        drop(running);
    };
    thread::Builder::new().name(format!("lane-{at}")).spawn(run).map_err(failed)?;
    Ok(())
}

/// Waits until a pool has its connection back: it is returned by a task, and one that is dropped
/// instead is closed by nobody who could be waited for.
async fn give_back(runtime: &Runtime) {
    let begun = Instant::now();
    while runtime.metrics().num_alive_tasks() > 0 && begun.elapsed() < RETURN_LIMIT {
        sleep(POLL).await;
    }
}
