//! What keeps a connection's sync from going on.

use super::{Timestamp, word::words};

/// Why the sync of a connection does not go on. The contract's `SyncProblem` says when each applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncProblem {
    ZendeskUnavailable,
    RateLimited,
    Unauthorized,
    Forbidden,
    ExportStuck,
}

words! { SyncProblem, "sync problem",
    ZendeskUnavailable => "zendesk_unavailable",
    RateLimited => "rate_limited",
    Unauthorized => "unauthorized",
    Forbidden => "forbidden",
    ExportStuck => "export_stuck",
}

/// A problem that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub problem: SyncProblem,
    /// The same for people; never holds a secret.
    pub detail: String,
    pub since: Timestamp,
}
