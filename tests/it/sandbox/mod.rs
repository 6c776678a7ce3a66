//! The sandbox: its small Zendesk, and the main job run by the built program.

mod beside;
mod delivery;
pub mod desk;
mod events;
mod in_sync;
mod limits;
mod misbehaviour;
mod neighbours;
mod oauth;
mod program;
pub mod receiver;
mod request_log;
mod tickets;
mod volume;
mod webhooks;
mod zendesk;
