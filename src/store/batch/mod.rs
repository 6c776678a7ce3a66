//! One batch of events against the database: lock the accounts, load what is known, save what has
//! changed. The number of statements does not depend on the number of events.

mod load;
mod row;
mod save;

pub use self::load::BatchKeys;
pub(super) use self::row::{corrupt, read_effect};
