//! What the tests stand on: fresh databases on both engines, servers, events, bounded waiting.

mod database;
mod engines;
mod event;
mod installed;
mod postgres;
mod services;
mod source;
mod status;
mod wait;
mod zendesk;

pub use self::{
    database::{Connected, Database, Session},
    event::{created, deleted, permanently_deleted, time, undeleted, updated},
    postgres::{Disk, PostgresServer, blocking},
    services::{Services, follow, tail},
    source::Source,
    status::{field, metadata, reason},
    wait::{PATIENCE, eventually},
    zendesk::{
        Agreed, Answer, CLIENT_ID, CLIENT_SECRET, REDIRECT_URL, TOKEN_LIFETIME_SECONDS, Zendesk,
    },
};
pub(crate) use engines::on_both_engines;
