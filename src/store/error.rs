//! What can go wrong at the database, sorted by what is to be done about it.

use std::time::Duration;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, is too slow, or refuses for now. Nothing was stored.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction stood in the way; the same transaction may pass when run again.
    #[error("the transaction collided with another: {0}")]
    Collided(#[source] sqlx::Error),
    /// The connection was lost after COMMIT had been sent: it may or may not have happened.
    #[error("the connection was lost during commit: {0}")]
    CommitUnknown(#[source] sqlx::Error),
    /// The database refuses the data: a constraint, a value it cannot hold, a defect in a statement.
    #[error("the database refused the data: {0}")]
    Refused(#[source] sqlx::Error),
    /// A row holds something this version cannot have written.
    #[error("a row of {table} is corrupt: {problem}")]
    Corrupt { table: &'static str, problem: String },
    /// The database is not one to serve from, and only an operator can change that.
    #[error("{0}")]
    Unfit(String),
}

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// When to suggest a retry after the database was unavailable: a failover takes seconds.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Error {
    /// Makes the error of a row that does not read.
    pub fn corrupt(table: &'static str, problem: &impl ToString) -> Self {
        Self::Corrupt { table, problem: problem.to_string() }
    }

    /// Makes the error of a database that did not answer in time.
    #[must_use]
    pub const fn timed_out() -> Self {
        Self::Unavailable(sqlx::Error::PoolTimedOut)
    }

    /// The same error, had it happened while COMMIT was under way.
    #[must_use]
    pub fn during_commit(self) -> Self {
        match self {
            // SQLite has found no room and rolled back.
            Self::Unavailable(error) if is_sqlite_full(&error) => Self::Unavailable(error),
            Self::Unavailable(error) => Self::CommitUnknown(error),
            other => other,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => match sort(database.as_ref()) {
                Sort::Unavailable => Self::Unavailable(error),
                Sort::Collided => Self::Collided(error),
                Sort::Refused => Self::Refused(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            // What a session turned out to be: a standby, or one that does not wait for its commits.
            | sqlx::Error::Configuration(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            _ => Self::Refused(error),
        }
    }
}

fn is_sqlite_full(error: &sqlx::Error) -> bool {
    const SQLITE_FULL: &str = "13";
    error.as_database_error().is_some_and(|error| {
        error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
            && error.code().as_deref() == Some(SQLITE_FULL)
    })
}

enum Sort {
    Unavailable,
    Collided,
    Refused,
}

/// Sorts by `SQLSTATE` (`PostgreSQL`, appendix A) or by result code (`SQLite`). `SQLite`'s extended
/// codes carry the primary one in their low byte.
fn sort(error: &dyn sqlx::error::DatabaseError) -> Sort {
    const SQLITE_BUSY: i32 = 5;
    const SQLITE_UNAVAILABLE: [i32; 5] = [
        10, // IOERR
        13, // FULL
        14, // CANTOPEN
        8,  // READONLY
        15, // PROTOCOL
    ];
    let code = error.code().unwrap_or_default();
    if let Ok(number) = code.parse::<i32>()
        && error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
    {
        return match number & 0xff {
            SQLITE_BUSY => Sort::Collided,
            primary if SQLITE_UNAVAILABLE.contains(&primary) => Sort::Unavailable,
            _ => Sort::Refused,
        };
    }
    match code.as_ref() {
        // serialization_failure, deadlock_detected, lock_not_available, query_canceled
        "40001" | "40P01" | "55P03" | "57014" => Sort::Collided,
        // idle_in_transaction_session_timeout, read_only_sql_transaction
        "25P03" | "25006" => Sort::Unavailable,
        // connection_exception, invalid_authorization, invalid_catalog_name, insufficient_resources,
        // operator_intervention, system_error: an operator can change them while we run
        code if ["08", "28", "3D", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            Sort::Unavailable
        }
        _ => Sort::Refused,
    }
}
