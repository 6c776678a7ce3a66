//! What the tests stand on: fresh databases on both engines, servers, events, bounded waiting.

mod balancer;
mod clients;
mod database;
mod engines;
mod event;
mod full_disk;
mod hook;
mod installed;
mod keeper;
mod ledger;
mod load;
mod postgres;
mod power;
mod proxy;
mod replica;
mod script;
mod services;
mod session;
mod source;
mod status;
mod wait;
mod zendesk;

pub use self::{
    balancer::Balancer,
    clients::Clients,
    database::{Connected, Database},
    event::{Event, created, deleted, permanently_deleted, time, undeleted, updated},
    full_disk::FullDisk,
    hook::{Hook, SIGNING_SECRET, store_secrets, timestamp, zendesk_event},
    ledger::Ledger,
    load::{Load, send_all},
    postgres::{Disk, PostgresServer, blocking},
    power::PowerWatch,
    proxy::{Forward, Proxy},
    replica::{ENCRYPTION_KEYS, Replica},
    script::{Asked, Reply, ReplyEnd, Script},
    services::{Services, connecting, follow, tail},
    session::Session,
    source::Source,
    status::{field, metadata, reason},
    wait::{PATIENCE, eventually, within},
    zendesk::{
        Agreed, Answer, CLIENT_ID, CLIENT_SECRET, REDIRECT_URL, TOKEN_LIFETIME_SECONDS, Zendesk,
    },
};
pub(crate) use engines::on_both_engines;
