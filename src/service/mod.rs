//! Where several of the floors below meet.

mod authorizing;
mod connecting;
mod contacts;
mod disconnecting;
pub mod keyring;
mod writes;

pub use self::{
    authorizing::Decision,
    connecting::{Connecting, Started},
    contacts::Contacts,
    disconnecting::{Disconnected, Revocation, SyncedTickets},
    keyring::Keyring,
    writes::Writes,
};
