//! Where everything is kept: the only place with SQL, one file per group of tables.

mod database;
mod error;
mod on;
mod options;

pub use self::{
    database::{Store, Tx},
    error::{Error, RETRY_AFTER, Result},
    options::{DatabaseUrl, Durability, StoreOptions},
};
