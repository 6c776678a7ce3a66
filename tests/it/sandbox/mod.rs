//! The sandbox: its small Zendesk, and the main job run by the built program.

mod desk;
mod oauth;
mod program;
mod zendesk;
