//! The tests that need a database or a socket, as one binary: one build, one throwaway server.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod cancelled_calls;
mod connecting;
mod contact;
mod convergence;
mod cut_at_commit;
mod endpoints;
mod erase;
mod failing_batch;
mod harness;
mod interleaving;
mod killed;
mod logs;
mod migrate;
mod migrations;
mod one_way;
mod outage;
mod parked;
mod pruner;
mod replica_hint;
mod replicas;
mod rules;
mod sandbox;
mod shutdown;
mod statements;
mod support;
mod ticket_field;
mod ticket_object;
mod tidy;
mod trigger;
mod trigger_end;
mod trigger_follow;
mod unrouted;
mod unsafe_durability;
mod zendesk_api;
