//! The gRPC services: the only place where the contract's messages and the domain meet.

pub mod connection;
pub mod contact;
pub mod contact_field;
pub mod event;
pub mod field_mapping;
mod hint;
pub mod ingest;
pub mod limits;
pub mod page;
pub mod preview;
pub mod reason;
pub mod request;
pub mod sync_status;
pub mod ticket;
pub mod ticket_field;
pub mod ticket_object;
pub mod time;
pub mod trigger;
