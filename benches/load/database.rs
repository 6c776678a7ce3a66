//! Fresh databases, and sessions with them that are as durable as the service's.

use std::{fmt, path::PathBuf, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tempfile::TempDir;
use ticketsync::store::{Store, StoreOptions};

use super::{
    input,
    postgres::{Disk, PostgresServer},
};

/// How long a writer waits for `SQLite`'s one write lock: longer than any run.
const BUSY_TIMEOUT: Duration = Duration::from_mins(1);
/// So that no checkpoint falls into one run and not into the other.
const POSTGRES_SETTINGS: [&str; 2] = ["max_wal_size=8GB", "checkpoint_timeout=1h"];
const TEMPLATE: &str = "bench_template";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// Where the databases of one engine are made.
pub enum Ground {
    Sqlite,
    Postgres(PostgresServer),
}

/// A migrated database with the accounts and connections of the input and nothing else.
pub struct Database<'a> {
    pub url: String,
    ground: &'a Ground,
    _dir: Option<TempDir>,
}

/// A session with a database.
pub enum Session {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Ground {
    pub async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite,
            Engine::Postgres => {
                let server = PostgresServer::start(Disk::Synced, &POSTGRES_SETTINGS);
                let ground = Self::Postgres(server);
                ground.administer(&format!("create database {TEMPLATE}")).await;
                prepare(&ground.url(TEMPLATE)).await;
                ground
            }
        }
    }

    /// Makes a database.
    pub async fn database(&self) -> Database<'_> {
        match self {
            Self::Sqlite => {
                // Beside what is built, not in /tmp, which may be no disk.
                let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                let url = format!("sqlite:{}", dir.path().join("bench.db").display());
                prepare(&url).await;
                Database { url, ground: self, _dir: Some(dir) }
            }
            Self::Postgres(_) => {
                self.administer("drop database if exists bench with (force)").await;
                self.administer(&format!("create database bench template {TEMPLATE}")).await;
                self.administer("checkpoint").await;
                Database { url: self.url("bench"), ground: self, _dir: None }
            }
        }
    }

    fn url(&self, database: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres(server) => server.url(database),
        }
    }

    async fn administer(&self, sql: &str) {
        let mut session = Session::open(&self.url("postgres")).await;
        session.execute(sql).await;
        session.close().await;
    }
}

impl Database<'_> {
    /// Opens a session that commits as durably as the service does.
    pub async fn session(&self) -> Session {
        Session::open(&self.url).await
    }

    /// What a session of ours says of its durability.
    pub async fn durability(&self) -> String {
        let mut session = self.session().await;
        let said =
            match self.ground {
                Ground::Sqlite => session
                    .texts(
                        "select 'journal_mode=' || journal_mode || ' synchronous=' || synchronous
                           from pragma_journal_mode, pragma_synchronous",
                    )
                    .await,
                Ground::Postgres(_) => {
                    session
                        .texts(
                            "select 'fsync=' || current_setting('fsync')
                                || ' synchronous_commit=' || current_setting('synchronous_commit')",
                        )
                        .await
                }
            };
        session.close().await;
        said.concat()
    }
}

impl Session {
    pub async fn open(url: &str) -> Self {
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Self::Postgres(PgConnection::connect(url).await.unwrap());
        };
        let options = SqliteConnectOptions::new()
            .filename(PathBuf::from(path))
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(false)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-65536")
            .pragma("secure_delete", "on")
            .pragma("wal_autocheckpoint", "10000");
        Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
    }

    pub async fn execute(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(session) => session.execute(sqlx::raw_sql(sql)).await.map(drop),
            Self::Postgres(session) => session.execute(sqlx::raw_sql(sql)).await.map(drop),
        }
        .unwrap();
    }

    /// The one column of texts that a query selects.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(session) => sqlx::query_scalar(query).fetch_all(session).await,
            Self::Postgres(session) => sqlx::query_scalar(query).fetch_all(session).await,
        }
        .unwrap()
    }

    pub async fn close(self) {
        match self {
            Self::Sqlite(session) => session.close().await,
            Self::Postgres(session) => session.close().await,
        }
        .unwrap();
    }
}

async fn prepare(url: &str) {
    Store::open(&StoreOptions::new(url.parse().unwrap())).await.unwrap().close().await;
    let rows = |row: &dyn Fn(&str, &str) -> String| {
        let accounts = input::accounts();
        accounts.iter().map(|(id, connection)| row(id, connection)).collect::<Vec<_>>().join(",")
    };
    let accounts = rows(&|id, connection| format!("('{id}', '{connection}', 0, 0, 0, 0, 0, 0)"));
    let connections =
        rows(&|id, connection| format!("('{id}', '{connection}', '{id}', 'active', 0, 0, 0)"));
    let mut session = Session::open(url).await;
    session
        .execute(&format!(
            "insert into accounts (account_id, log_id, head, floor, last_commit_at, parked_count,
                                   config_version, created_at)
                  values {accounts};
             insert into connections (account_id, connection_id, subdomain, state, created_at,
                                      authorized_at, finished_at)
                  values {connections};"
        ))
        .await;
    session.close().await;
}
