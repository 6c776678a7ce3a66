//! Where everything is kept: the only place with SQL, one file per group of tables.

mod account;
mod contact;
mod database;
mod erasure;
mod error;
mod on;
mod options;
mod ticket;

pub use self::{
    account::LockedAccount,
    database::{Store, Tx},
    erasure::Erased,
    error::{Error, RETRY_AFTER, Result},
    options::{DatabaseUrl, Durability, StoreOptions},
};
