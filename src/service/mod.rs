//! Where several of the floors below meet.

mod contacts;
pub mod keyring;
mod writes;

pub use self::{contacts::Contacts, keyring::Keyring, writes::Writes};
