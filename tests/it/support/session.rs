//! A session of the test's own with the database, beside the service's.

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use uuid::Uuid;

use super::Connected;

/// A session of the test's own with the database, beside the service's.
pub enum Session {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Session {
    /// Makes an ACTIVE connection of an account without going through Zendesk.
    pub async fn active_connection(&mut self, account: &str) -> Connected {
        let connection = Uuid::new_v4();
        let log = Uuid::new_v4();
        self.execute(&format!(
            "insert into accounts (account_id, log_id, head, floor, last_commit_at, parked_count,
                                   config_version, created_at)
                  values ('{account}', '{log}', 0, 0, 0, 0, 0, 0)
             on conflict (account_id) do nothing"
        ))
        .await;
        self.execute(&format!(
            "insert into connections (account_id, connection_id, subdomain, state, created_at,
                                      authorized_at, finished_at)
                  values ('{account}', '{connection}', 'acme-{}', 'active', 0, 0, 0)",
            connection.simple()
        ))
        .await;
        Connected { account_id: account.to_owned(), connection_id: connection.to_string() }
    }

    /// Opens a session with the database of this URL.
    pub async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                let options = SqliteConnectOptions::new().filename(path);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            None => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// Runs statements.
    pub async fn execute(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(session) => session.execute(sqlx::raw_sql(sql)).await.map(drop),
            Self::Postgres(session) => session.execute(sqlx::raw_sql(sql)).await.map(drop),
        }
        .unwrap();
    }

    /// Answers the one column of whole numbers that a query selects.
    pub async fn integers(&mut self, sql: &str) -> Vec<i64> {
        let query = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(session) => sqlx::query_scalar(query).fetch_all(session).await,
            Self::Postgres(session) => sqlx::query_scalar(query).fetch_all(session).await,
        }
        .unwrap()
    }

    /// Answers the one column of texts that a query selects.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(session) => sqlx::query_scalar(query).fetch_all(session).await,
            Self::Postgres(session) => sqlx::query_scalar(query).fetch_all(session).await,
        }
        .unwrap()
    }

    /// Ends the session.
    pub async fn close(self) {
        match self {
            Self::Sqlite(session) => session.close().await,
            Self::Postgres(session) => session.close().await,
        }
        .unwrap();
    }
}
