//! What the server is told, parsed and checked.

use std::{net::SocketAddr, time::Duration};

use crate::{
    service::{FeedOptions, Keyring, PrunerOptions, UpkeepOptions},
    store::StoreOptions,
    zendesk,
};

/// How many batch writers `PostgreSQL` gets. Two keep one busy while the other waits for its fsync;
/// more hold smaller batches.
pub const DEFAULT_LANES: usize = 2;

/// Everything the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub grpc_listen: SocketAddr,
    pub http_listen: SocketAddr,
    pub store: StoreOptions,
    pub keyring: Keyring,
    pub zendesk: zendesk::ClientOptions,
    pub feed: FeedOptions,
    pub pruner: PrunerOptions,
    pub upkeep: UpkeepOptions,
    /// How many batch writers `PostgreSQL` gets; `SQLite` has one.
    pub lanes: usize,
    /// How long a shutdown may take.
    pub shutdown_grace: Duration,
}
