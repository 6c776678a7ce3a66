//! Where several of the floors below meet.

mod writes;

pub use self::writes::Writes;
