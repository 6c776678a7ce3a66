//! The tests that need a database or a socket, as one binary: one build, one throwaway server.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod connecting;
mod contact;
mod erase;
mod harness;
mod migrations;
mod pruner;
mod replica_hint;
mod sandbox;
mod support;
mod ticket_object;
mod tidy;
mod trigger;
mod trigger_end;
