//! Where several of the floors below meet.

mod authorizing;
mod batcher;
mod connecting;
mod contacts;
mod disconnecting;
pub mod keyring;
mod parked;
mod writes;

pub use self::{
    authorizing::Decision,
    batcher::{Accepted, Batcher, OnCommit},
    connecting::{Connecting, Started},
    contacts::Contacts,
    disconnecting::{Disconnected, Revocation, SyncedTickets},
    keyring::Keyring,
    parked::Parked,
    writes::Writes,
};
