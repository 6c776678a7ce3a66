//! A small Zendesk to develop against, and the main job run through public sockets only.

pub mod apps_page;

pub mod browser;
mod chapters;
pub mod clients;
mod commands;
pub mod compare;
mod connecting;
mod error;
mod follower;
mod news;
mod options;
mod people;
mod producer;
mod run;
mod screen;
mod service;
mod show;
mod snapshot;
mod story;
mod tail;
mod until;
mod value;
pub mod zendesk;

pub use self::{
    error::{Error, Result},
    options::{Labels, SandboxOptions},
    run::{Ending, run},
    until::PATIENCE,
};
