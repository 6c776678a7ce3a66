//! The open database: pools, migrations, whether it is fit.

use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection as _, Executor as _, PgPool, SqlitePool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::time::timeout;

use super::{
    Error, Result, Tx,
    on::on,
    options::{self, DatabaseUrl, Durability, StoreOptions},
};

static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a connection that comes back to the pool has to answer before it is given up.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// The database, open. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
}

/// The pools of one engine. `SQLite` has one writer, and readers that do not wait for it.
pub(super) enum Engine {
    Postgres { pool: PgPool, connect: Box<PgConnectOptions>, durability: Durability },
    Sqlite { read: SqlitePool, write: SqlitePool, _lock: File },
}

impl Store {
    /// Opens the database and brings its schema up to date. Several processes may do so at once.
    ///
    /// # Errors
    /// When it cannot be reached, is not fit to serve from, or was migrated by a newer version.
    pub async fn open(options: &StoreOptions) -> Result<Self> {
        let engine = match &options.url {
            DatabaseUrl::Postgres(url, _) => {
                let connect = options::postgres(url, options.durability);
                let pool = postgres_pool(options, connect.clone()).await?;
                migrate(POSTGRES_MIGRATIONS.run(&pool).await)?;
                let durability = options.durability;
                Engine::Postgres { pool, connect: Box::new(connect), durability }
            }
            DatabaseUrl::Sqlite(path) => {
                let lock = lock(path)?;
                let connect = options::sqlite(path, options.durability);
                let write = sqlite_writer(options::sqlite_writer(&connect)).await?;
                migrate(SQLITE_MIGRATIONS.run(&write).await)?;
                let read = SqlitePoolOptions::new()
                    .max_connections(options.pool_size)
                    .acquire_timeout(options.acquire_timeout)
                    .connect_with(connect.pragma("query_only", "on"))
                    .await?;
                Engine::Sqlite { read, write, _lock: lock }
            }
        };
        Ok(Self { engine: Arc::new(engine) })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Chooses between two whole statements, as [`Tx::pick`] does.
    pub(super) fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.engine() {
            Engine::Postgres { .. } => postgres,
            Engine::Sqlite { .. } => sqlite,
        }
    }

    /// Whether all writers share one connection.
    pub fn has_one_writer(&self) -> bool {
        matches!(self.engine(), Engine::Sqlite { .. })
    }

    /// Begins a transaction that will write. Must be awaited to its end by a task that nobody
    /// cancels: a future dropped inside `begin` can leave a pooled connection in an open transaction.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self) -> Result<Tx<'static>> {
        Ok(match self.engine() {
            Engine::Postgres { pool, .. } => Tx::Postgres(pool.begin().await?),
            Engine::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("begin immediate").await?),
        })
    }

    /// What the database itself says of how durably its writers commit.
    ///
    /// # Errors
    /// When it says nothing.
    pub async fn durability(&self) -> Result<String> {
        const SQLITE: &str = "
            select 'journal_mode=' || journal_mode || ' synchronous=' || synchronous
              from pragma_journal_mode, pragma_synchronous";
        const POSTGRES: &str = "
            select 'fsync=' || current_setting('fsync')
                   || ' synchronous_commit=' || current_setting('synchronous_commit')";
        Ok(match self.engine() {
            Engine::Postgres { pool, .. } => sqlx::query_scalar(POSTGRES).fetch_one(pool).await?,
            // A setting of the connection: the readers' own says nothing.
            Engine::Sqlite { write, .. } => sqlx::query_scalar(SQLITE).fetch_one(write).await?,
        })
    }

    /// Asks the database for a sign of life, and whether it takes writes.
    ///
    /// # Errors
    /// When there is none, or it has become a standby.
    pub async fn ping(&self) -> Result<()> {
        const SQLITE: &str = "select 1 = 0";
        const POSTGRES: &str = "select pg_is_in_recovery()";
        let sql = self.pick(SQLITE, POSTGRES);
        let standby: bool = on!(Read(self), |db| sqlx::query_scalar(sql).fetch_one(db).await?);
        if standby {
            return Err(standby_error().into());
        }
        Ok(())
    }

    /// Closes all connections, and with `SQLite` the file.
    pub async fn close(&self) {
        match self.engine() {
            Engine::Postgres { pool, .. } => pool.close().await,
            Engine::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

async fn sqlite_writer(connect: SqliteConnectOptions) -> Result<SqlitePool> {
    Ok(SqlitePoolOptions::new()
        .max_connections(1)
        // It lives in this process: there is no peer that may have gone.
        .test_before_acquire(false)
        // A commit that fails for want of space is rolled back by SQLite itself, which the driver does
        // not notice: on that connection no transaction can begin any more.
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(connect)
        .await?)
}

async fn postgres_pool(options: &StoreOptions, connect: PgConnectOptions) -> Result<PgPool> {
    let durability = options.durability;
    Ok(PgPoolOptions::new()
        .max_connections(options.pool_size)
        .acquire_timeout(options.acquire_timeout)
        .after_connect(move |connection, _| {
            Box::pin(async move { assert_fit(connection, durability).await })
        })
        // A future dropped inside begin() leaves an open transaction behind (transact-rs/sqlx #4385):
        // later writes on the connection would answer OK and vanish.
        .after_release(|connection, _| {
            Box::pin(async move {
                let rollback = timeout(RELEASE_TIMEOUT, connection.execute("rollback"));
                Ok(rollback.await.is_ok_and(|outcome| outcome.is_ok()))
            })
        })
        .connect_with(connect)
        .await?)
}

/// Refuses a session that would lose answered events: a standby, or one that does not wait for its
/// commits. A pooler or a role's settings may have overruled what was asked for.
pub(super) async fn assert_fit(
    connection: &mut sqlx::PgConnection,
    durability: Durability,
) -> std::result::Result<(), sqlx::Error> {
    const SQL: &str = "
        select pg_is_in_recovery(), current_setting('synchronous_commit'),
               current_setting('server_encoding')";
    let (standby, synchronous_commit, encoding): (bool, String, String) =
        sqlx::query_as(SQL).fetch_one(connection).await?;
    if standby {
        return Err(standby_error());
    }
    if durability == Durability::Full && matches!(synchronous_commit.as_str(), "off" | "local") {
        return Err(sqlx::Error::Configuration("synchronous_commit is off".into()));
    }
    // In another one most texts could not be stored, and the lengths of the others would differ.
    if encoding != "UTF8" {
        return Err(sqlx::Error::Configuration("the database's encoding is not UTF8".into()));
    }
    Ok(())
}

fn standby_error() -> sqlx::Error {
    sqlx::Error::Configuration("the server is a standby".into())
}

/// Takes the lock file beside the database, so that a second process cannot open it.
fn lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let unfit = |problem: String| Error::Unfit(format!("{}: {problem}", path.display()));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| unfit(error.to_string()))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => unfit("another process has this database open".into()),
        TryLockError::Error(error) => unfit(error.to_string()),
    })?;
    Ok(file)
}

fn migrate(outcome: std::result::Result<(), MigrateError>) -> Result<()> {
    outcome.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => Error::Unfit(other.to_string()),
    })
}
