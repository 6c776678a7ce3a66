//! What the tests stand on: fresh databases on both engines, servers, events, bounded waiting.

mod database;
mod engines;
mod event;
mod installed;
mod postgres;
mod source;
mod wait;

pub use self::{
    database::{Connected, Database, Session},
    event::{created, deleted, permanently_deleted, time, undeleted, updated},
    postgres::{Disk, PostgresServer, blocking},
    source::Source,
    wait::eventually,
};
pub(crate) use engines::on_both_engines;
