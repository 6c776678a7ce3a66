//! The tests that need a database or a socket, as one binary: one build, one throwaway server.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod harness;
mod migrations;
mod sandbox;
mod support;
mod tidy;
mod trigger;
mod trigger_end;
