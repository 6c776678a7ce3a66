//! Load on a real server, beside what bounds it: `make bench`, or `make bench QUICK=1`.
//!
//! The service is compared with an echo (the same messages, nothing stored), a limit (the same rows
//! by set-based SQL, nothing received or decided) and a naive writer (one transaction an event).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that fails is void")]

mod database;
mod digest;
mod echo;
mod input;
mod limit;
mod load;
mod measure;
mod naive;
mod process;
mod report;
mod rows;
mod statement;
mod webhook;

// The tests' own throwaway server.
#[path = "../../tests/it/support/installed.rs"]
mod installed;
#[path = "../../tests/it/support/keeper.rs"]
#[expect(dead_code, reason = "only the tests keep more than a database server")]
mod keeper;
#[path = "../../tests/it/support/postgres.rs"]
#[expect(dead_code, reason = "only the tests kill and resume the server")]
mod postgres;
#[path = "../../tests/it/support/wait.rs"]
#[expect(dead_code, reason = "only the tests wait so")]
mod wait;

use self::{database::Engine, measure::Plan};

/// Within 90 seconds.
const QUICK: Plan = Plan {
    rounds: 3,
    stream_blocks: 5,
    unary_blocks: 1,
    trial_events: 2_000,
    posts: 6_000,
    paced_posts: 900,
};
/// For numbers to rely on.
const WHOLE: Plan = Plan {
    rounds: 9,
    stream_blocks: 10,
    unary_blocks: 2,
    trial_events: 10_000,
    posts: 20_000,
    paced_posts: 3_000,
};

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if std::env::args().nth(1).as_deref() == Some(echo::ARGUMENT) {
        return runtime.block_on(echo::serve());
    }
    let quick = std::env::var("QUICK").is_ok_and(|quick| quick != "0");
    let plan = if quick { QUICK } else { WHOLE };
    let only = std::env::var("ENGINE").ok();
    let mut reports = Vec::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if only.as_ref().is_none_or(|only| *only == engine.to_string()) {
            reports.push(runtime.block_on(measure::measure(engine, plan)));
        }
    }
    report::print(&reports);
    println!("{}", report::write(&reports).display());
}
