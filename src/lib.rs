//! One-way sync of Zendesk Support tickets into `MailBlue`, as a gRPC service.
//!
//! The modules are the floors of the building, in reading order: each knows only those before it.

pub mod proto;

pub mod domain;

pub mod clock;

pub mod store;

pub mod zendesk;

pub mod error;

pub mod service;

pub mod rpc;

pub mod http;

pub mod config;

pub mod server;

pub mod sandbox;

pub mod cli;
