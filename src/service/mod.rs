//! Where several of the floors below meet.

pub mod keyring;
mod writes;

pub use self::{keyring::Keyring, writes::Writes};
