//! Where everything is kept: the only place with SQL, one file per group of tables.

mod account;
mod database;
mod error;
mod on;
mod options;

pub use self::{
    account::LockedAccount,
    database::{Store, Tx},
    error::{Error, RETRY_AFTER, Result},
    options::{DatabaseUrl, Durability, StoreOptions},
};
