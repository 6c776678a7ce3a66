//! Which database, and how it is opened.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use sqlx::{
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use url::Url;

/// How long a statement waits for a row that another transaction holds. A batch holds its accounts
/// for milliseconds; what waits longer stands behind a replica that has stopped.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(8);
/// How long `PostgreSQL` keeps a transaction whose client says nothing: a stopped replica must not
/// hold accounts.
pub(super) const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long `SQLite` waits for its write lock. There is one writer, so that only an outsider (a
/// backup, a person with the command line) can hold it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of WAL before a commit moves them into the database. The default of 1,000 makes every few
/// batches pay for it; this is 40 MiB at the most.
const WAL_AUTOCHECKPOINT_PAGES: u32 = 10_000;

/// How much of the database the writer keeps in memory, in KiB: the pages that the batches of some
/// hundred accounts touch. The default of 2 MiB makes a batch read most of its pages anew.
const WRITER_CACHE_KIB: u32 = 64 * 1024;

/// What is left of the WAL's file after a checkpoint that a slow reader had held up.
const MAX_WAL_BYTES: u64 = 64 * 1024 * 1024;

/// Where the data is: `sqlite:PATH` or `postgres://…`. Its `Display` and `Debug` hide the password.
#[derive(Clone)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>, Url),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains(['?', '\0']) || path == ":memory:" {
                return Err("sqlite: must be followed by the path of a file".into());
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err("must start with sqlite: or postgres://".into());
        }
        // The parser's own message may quote the password.
        let url = Url::parse(text).map_err(|_| "is no URL")?;
        let options = text.parse().map_err(|_| "is no PostgreSQL URL")?;
        Ok(Self::Postgres(Box::new(options), url))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_, url) => write!(
                f,
                "postgres://{}:{}{}",
                url.host_str().unwrap_or("localhost"),
                url.port().unwrap_or(5432),
                url.path()
            ),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// OK means durable.
    #[default]
    Full,
    /// A crash loses what was answered last. Only for showing that the tests would notice.
    Unsafe,
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub url: DatabaseUrl,
    /// How many connections queries may use, besides the writers'.
    pub pool_size: u32,
    pub durability: Durability,
    /// How long a query waits for a connection before the store counts as unavailable.
    pub acquire_timeout: Duration,
}

impl StoreOptions {
    /// The defaults for a database.
    #[must_use]
    pub const fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            pool_size: 10,
            durability: Durability::Full,
            acquire_timeout: Duration::from_secs(3),
        }
    }
}

/// Settings of a session that every statement of ours relies on.
pub(super) fn postgres(options: &PgConnectOptions, durability: Durability) -> PgConnectOptions {
    let synchronous_commit = match durability {
        Durability::Full => "on",
        Durability::Unsafe => "off",
    };
    options.clone().application_name("ticketsync").options([
        ("synchronous_commit", synchronous_commit.to_owned()),
        // The rollback of a connection that comes back to the pool would be warned of each time.
        ("client_min_messages", "error".to_owned()),
        ("lock_timeout", LOCK_TIMEOUT.as_millis().to_string()),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_TIMEOUT.as_millis().to_string(),
        ),
    ])
}

/// The same for a session that writes batches. Their statements find every row by its whole key, for
/// which index lookups are right however large a table is. Left alone, the planner reads whole tables
/// while they are new and it knows nothing of them, and plans every statement anew each time.
pub(super) fn postgres_lane(options: &PgConnectOptions) -> PgConnectOptions {
    options.clone().options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ])
}

pub(super) fn sqlite(path: &PathBuf, durability: Durability) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Unsafe => SqliteSynchronous::Off,
        })
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(false)
        .pragma("temp_store", "memory")
        .pragma("secure_delete", "on")
        .pragma("wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", MAX_WAL_BYTES.to_string())
}

/// The same for the connection that writes.
pub(super) fn sqlite_writer(options: &SqliteConnectOptions) -> SqliteConnectOptions {
    options.clone().pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
}
