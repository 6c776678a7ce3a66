//! Where everything is kept: the only place with SQL, one file per group of tables.

mod account;
mod authorization;
mod connection;
mod contact;
mod database;
mod disconnection;
mod erasure;
mod error;
mod on;
mod options;
mod sealed_secret;
mod ticket;

pub use self::{
    account::LockedAccount,
    connection::SealedTokens,
    database::{Store, Tx},
    disconnection::DeletedTickets,
    erasure::Erased,
    error::{Error, RETRY_AFTER, Result},
    options::{DatabaseUrl, Durability, StoreOptions},
    sealed_secret::{Resealed, SealedSecret},
};
