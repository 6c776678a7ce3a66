//! A writer with a connection of its own, so that a batch waits for no query and a lost connection
//! is simply dropped.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{Result, Store, Tx, database::Engine, database::assert_fit, options};

/// A batch writer's way to the database.
pub struct Lane {
    store: Store,
    connection: Option<PgConnection>,
}

impl Lane {
    /// A lane that connects when it is first used.
    pub const fn new(store: Store) -> Self {
        Self { store, connection: None }
    }

    /// Connects, and has the statements of a batch planned.
    pub async fn warm_up(&mut self) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.rehearse_batch().await?;
        tx.rollback().await
    }

    /// Begins a transaction. On `SQLite` it is the one writer's, on `PostgreSQL` the lane's own.
    pub async fn begin(&mut self) -> Result<Tx<'_>> {
        let Engine::Postgres { connect, durability, .. } = self.store.engine() else {
            return self.store.begin().await;
        };
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open(connect, *durability).await?,
        };
        Ok(Tx::Postgres(self.connection.insert(connection).begin().await?))
    }

    /// Drops the connection: nobody knows what state it is in.
    pub fn discard(&mut self) {
        self.connection = None;
    }
}

async fn open(connect: &PgConnectOptions, durability: super::Durability) -> Result<PgConnection> {
    let mut connection = PgConnection::connect_with(&options::postgres_lane(connect)).await?;
    assert_fit(&mut connection, durability).await?;
    Ok(connection)
}
