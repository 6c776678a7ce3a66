//! Where several of the floors below meet.

mod authorizing;
mod connecting;
mod batcher;
mod contacts;
mod disconnecting;
pub mod keyring;
mod parked;
mod writes;

pub use self::{
    authorizing::Decision,
    connecting::{Connecting, Started},
    contacts::Contacts,
    disconnecting::{Disconnected, Revocation, SyncedTickets},
    keyring::Keyring,
    batcher::{Accepted, Batcher, OnCommit},
    contacts::Contacts,
    keyring::Keyring,
    parked::Parked,
    writes::Writes,
};
