//! Connections, as people see them.

use sqlx::{FromRow, postgres::PgRow, sqlite::SqliteRow};

use super::{Error, LockedAccount, Result, Store, Tx, on::on};
use crate::domain::{AccountId, Connection, ConnectionKey, Invalid, Subdomain, Timestamp};

#[derive(FromRow)]
struct Row {
    account_id: String,
    connection_id: String,
    subdomain: String,
    state: String,
    webhook_state: String,
    created_at: i64,
    authorized_at: Option<i64>,
    finished_at: Option<i64>,
    last_event_at: Option<i64>,
    mapped_at: Option<i64>,
}

/// The connections of an account of which this says which, and in what order.
macro_rules! connections {
    ($which:literal) => {
        concat!(
            "
            select account_id, connection_id, subdomain, state, webhook_state, created_at,
                   authorized_at, finished_at, last_event_at, mapped_at
              from connections
             where account_id = $1
               and ",
            $which
        )
    };
}

const BY_ID: &str = connections!("connection_id = $2");

impl Store {
    /// The row that a query finds by the two parts of a connection's key.
    pub(super) async fn row_of<R>(
        &self,
        key: &ConnectionKey,
        sql: &'static str,
    ) -> Result<Option<R>>
    where
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        Ok(on!(Read(self), |db| {
            sqlx::query_as(sql)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .fetch_optional(db)
                .await?
        }))
    }

    /// A connection by its id.
    pub async fn connection(&self, key: &ConnectionKey) -> Result<Option<Connection>> {
        let row = self.row_of(key, BY_ID).await?;
        self.with_mappings(row).await
    }

    async fn with_mappings(&self, row: Option<Row>) -> Result<Option<Connection>> {
        let Some(row) = row else { return Ok(None) };
        let mapped = row.mapped_at.is_some();
        let mut connection = Connection::try_from(row)?;
        if mapped {
            connection.field_mappings = self.field_mappings(&connection.key).await?;
        }
        Ok(Some(connection))
    }

    /// The account's connections after this subdomain, in the order of their subdomains, without
    /// their mappings.
    pub async fn connections(
        &self,
        account: &AccountId,
        after: Option<&Subdomain>,
        limit: i64,
    ) -> Result<Vec<Connection>> {
        const SQL: &str = connections!(
            "subdomain > $2
             order by subdomain
             limit $3"
        );
        let after = after.map_or("", Subdomain::as_str);
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL).bind(account.as_str()).bind(after).bind(limit).fetch_all(db).await?
        });
        rows.into_iter().map(Connection::try_from).collect()
    }
}

impl Tx<'_> {
    /// The row that a query finds by the two parts of a connection's key.
    pub(super) async fn row_of<R>(
        &mut self,
        key: &ConnectionKey,
        sql: &'static str,
    ) -> Result<Option<R>>
    where
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        Ok(on!(Tx(self), |db| {
            sqlx::query_as(sql)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .fetch_optional(db)
                .await?
        }))
    }

    /// A connection by its id.
    pub async fn connection(&mut self, key: &ConnectionKey) -> Result<Option<Connection>> {
        let row = self.row_of(key, BY_ID).await?;
        self.with_mappings(row).await
    }

    /// The account's connection with this subdomain.
    pub async fn connection_with_subdomain(
        &mut self,
        account: &AccountId,
        subdomain: &Subdomain,
    ) -> Result<Option<Connection>> {
        const SQL: &str = connections!("subdomain = $2");
        let row: Option<Row> = on!(Tx(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(subdomain.as_str())
                .fetch_optional(db)
                .await?
        });
        self.with_mappings(row).await
    }

    async fn with_mappings(&mut self, row: Option<Row>) -> Result<Option<Connection>> {
        let Some(row) = row else { return Ok(None) };
        let mapped = row.mapped_at.is_some();
        let mut connection = Connection::try_from(row)?;
        if mapped {
            connection.field_mappings = self.field_mappings(&connection.key).await?;
        }
        Ok(Some(connection))
    }

    /// Adds a connection to the account that is locked.
    pub async fn insert_connection(
        &mut self,
        account: &mut LockedAccount,
        connection: &Connection,
    ) -> Result<()> {
        const SQL: &str = "
            insert into connections (account_id, connection_id, subdomain, state, created_at,
                                     webhook_state)
                 values ($1, $2, $3, $4, $5, $6)";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(connection.key.account.as_str())
                .bind(connection.key.connection.to_string())
                .bind(connection.subdomain.as_str())
                .bind(connection.state.as_str())
                .bind(connection.created_at.as_micros())
                .bind(connection.webhook.as_str())
                .execute(db)
                .await
                .map(drop)
        })?;
        self.configuration_changed(account).await
    }

    /// Writes back where a connection of the locked account stands. Its mappings have a way of their own:
    /// [`Tx::replace_field_mappings`].
    pub async fn save_connection(
        &mut self,
        account: &mut LockedAccount,
        connection: &Connection,
    ) -> Result<()> {
        const SQL: &str = "
            update connections
               set state = $3, authorized_at = $4, finished_at = $5, webhook_state = $6
             where account_id = $1
               and connection_id = $2";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(connection.key.account.as_str())
                .bind(connection.key.connection.to_string())
                .bind(connection.state.as_str())
                .bind(connection.authorized_at.map(Timestamp::as_micros))
                .bind(connection.finished_at.map(Timestamp::as_micros))
                .bind(connection.webhook.as_str())
                .execute(db)
                .await
                .map(drop)
        })?;
        self.configuration_changed(account).await
    }

    /// Tells whoever keeps the account's configuration in memory that it is out of date.
    pub(super) async fn configuration_changed(
        &mut self,
        account: &mut LockedAccount,
    ) -> Result<()> {
        account.config_version += 1;
        self.save_account(account).await
    }
}

impl TryFrom<Row> for Connection {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("connections", &problem);
        let time = |micros: i64| Timestamp::from_micros(micros).map_err(corrupt);
        Ok(Self {
            key: ConnectionKey {
                account: row.account_id.try_into().map_err(corrupt)?,
                connection: row.connection_id.parse().map_err(corrupt)?,
            },
            subdomain: row.subdomain.parse().map_err(corrupt)?,
            state: row.state.parse().map_err(corrupt)?,
            webhook: row.webhook_state.parse().map_err(corrupt)?,
            created_at: time(row.created_at)?,
            authorized_at: row.authorized_at.map(time).transpose()?,
            finished_at: row.finished_at.map(time).transpose()?,
            last_event_at: row.last_event_at.map(time).transpose()?,
            field_mappings: Vec::new(),
        })
    }
}
