//! A fresh, migrated database per test.

use std::{
    env,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use ticketsync::{
    domain::ConnectionKey,
    store::{Store, StoreOptions},
};

use super::{
    postgres::{Disk, PostgresServer, blocking},
    session::Session,
};

/// A database that only this test knows. Dropped, it is gone.
pub struct Database {
    url: String,
    place: Place,
}

enum Place {
    File { dir: TempDir },
    SharedServer { name: String },
    OwnServer,
}

/// A connection of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    pub account_id: String,
    pub connection_id: String,
}

impl Database {
    /// A database in a file.
    pub fn sqlite() -> Self {
        let database = Self::empty_sqlite();
        blocking(migrate(&database.url));
        database
    }

    /// A file that is not there yet.
    pub fn empty_sqlite() -> Self {
        let dir = TempDir::with_prefix("ticketsync-").unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        Self { url, place: Place::File { dir } }
    }

    /// A database on the server that the tests share.
    pub fn postgres() -> Self {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let name = database_name();
            blocking(async {
                execute(&server_url("postgres"), &format!("create database {name}")).await;
                migrate(&server_url(&name)).await;
            });
            name
        });
        Self::on_the_shared_server(&format!("template {template}"))
    }

    /// A database without any table, on the server that the tests share.
    pub fn empty_postgres() -> Self {
        Self::on_the_shared_server("")
    }

    /// One whose texts are in another encoding than the service's.
    pub fn latin_postgres() -> Self {
        Self::on_the_shared_server(
            "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0",
        )
    }

    fn on_the_shared_server(how: &str) -> Self {
        let name = database_name();
        let create = format!("create database {name} {how}");
        blocking(execute(&server_url("postgres"), &create));
        Self { url: server_url(&name), place: Place::SharedServer { name } }
    }

    /// A database on a server of the test's own. Goes with the server.
    pub fn on(server: &PostgresServer) -> Self {
        let name = database_name();
        let url = server.url(&name);
        blocking(async {
            execute(&server.url("postgres"), &format!("create database {name}")).await;
            migrate(&url).await;
        });
        Self { url, place: Place::OwnServer }
    }

    /// The URL as `--database-url` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The directory of a database in a file.
    pub fn dir(&self) -> &Path {
        match &self.place {
            Place::File { dir } => dir.path(),
            Place::SharedServer { .. } | Place::OwnServer => panic!("a server has the files"),
        }
    }

    /// Opens the database as the service does.
    pub async fn store(&self) -> Store {
        Self::store_at(&self.url).await
    }

    /// Opens the database of this URL as the service does.
    pub async fn store_at(url: &str) -> Store {
        Store::open(&StoreOptions::new(url.parse().unwrap())).await.unwrap()
    }

    /// How the service opens the database.
    pub fn store_options(&self) -> StoreOptions {
        StoreOptions::new(self.url.parse().unwrap())
    }

    /// Opens a session of the test's own.
    pub async fn session(&self) -> Session {
        Session::open(&self.url).await
    }

    /// Keeps everybody else from writing to an account, until the session ends.
    pub async fn hold(&self, account: &str) -> Session {
        let mut session = self.session().await;
        match session {
            Session::Sqlite(_) => session.execute("begin immediate").await,
            Session::Postgres(_) => {
                let lock = "select from accounts where account_id =";
                session.execute(&format!("begin; {lock} '{account}' for update")).await;
            }
        }
        session
    }

    /// Sets the clock of the database ahead of the service's, for sessions that begin from now on. A
    /// database in a file has no clock of its own.
    pub async fn set_clock_ahead(&self, by: Duration) {
        let mut session = self.session().await;
        if let Session::Postgres(_) = session {
            let micros = by.as_micros();
            // Found before the real one, which comes first unless its schema is named.
            let sql = format!(
                "create function public.clock_timestamp() returns timestamptz language sql volatile
                     as $$ select pg_catalog.clock_timestamp() + interval '{micros} microseconds' $$;
                 do $$ begin
                     execute format('alter database %I set search_path = public, pg_catalog',
                                    current_database());
                 end $$"
            );
            session.execute(&sql).await;
        }
        session.close().await;
    }

    /// Makes an ACTIVE connection of an account without going through Zendesk.
    pub async fn active_connection(&self, account: &str) -> Connected {
        let mut session = self.session().await;
        let connected = session.active_connection(account).await;
        session.close().await;
        connected
    }
}

impl Connected {
    /// The connection as the domain names it.
    pub fn key(&self) -> ConnectionKey {
        ConnectionKey {
            account: self.account_id.clone().try_into().unwrap(),
            connection: self.connection_id.parse().unwrap(),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::SharedServer { name } = &self.place {
            let drop = format!("drop database {name} with (force)");
            blocking(execute(&server_url("postgres"), &drop));
        }
    }
}

async fn migrate(url: &str) {
    Database::store_at(url).await.close().await;
}

async fn execute(url: &str, sql: &str) {
    let mut session = Session::open(url).await;
    session.execute(sql).await;
    session.close().await;
}

fn database_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // The process's id keeps two runs on one server of TEST_POSTGRES_URL apart.
    format!("ticketsync_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of a database on the server that all tests share: `TEST_POSTGRES_URL`, or our own.
fn server_url(database: &str) -> String {
    static OWN: OnceLock<PostgresServer> = OnceLock::new();
    match env::var("TEST_POSTGRES_URL") {
        Ok(url) => {
            let mut url = url::Url::parse(&url).expect("TEST_POSTGRES_URL is a URL");
            if database != "postgres" {
                url.set_path(database);
            }
            url.into()
        }
        Err(_) => OWN.get_or_init(|| PostgresServer::start(Disk::Unsynced, &[])).url(database),
    }
}
