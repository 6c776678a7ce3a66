//! The rows of one execution of a staged statement.

use metrics::counter;
use serde::de::DeserializeOwned;
use sqlx::{
    FromRow, Postgres, Row as _, Sqlite,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::SqliteArguments,
};

use super::{
    bundle::Answer,
    cell::Cell,
    parameters::{Column, Slices, columns},
    statement::Staged,
};
use crate::store::{Result, Tx};

/// How many staged statements, or bundles of them, were sent: two with which each lane begins, those of
/// batches, and a few of writes besides batches. Where only events come in, divided by the batches it
/// says what a batch costs.
pub(super) const STATEMENTS: &str = "ticketsync_batch_statements_total";

/// The rows of one execution of a [`Staged`] statement.
pub struct Stage<'a> {
    statement: &'static Staged,
    rows: Vec<Vec<Cell<'a>>>,
}

impl<'a> Stage<'a> {
    pub(super) const fn new(statement: &'static Staged) -> Self {
        Self { statement, rows: Vec::new() }
    }

    /// Adds a row: a cell for each column of the statement, in order.
    pub fn push<const N: usize>(&mut self, row: [Cell<'a>; N]) {
        debug_assert_eq!(N, self.statement.columns.len(), "a cell for each column");
        self.rows.push(row.into());
    }

    /// Whether no row was added.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Runs the statement and tells how many rows it touched; an empty stage is not sent.
    pub async fn execute(self, tx: &mut Tx<'_>) -> Result<u64> {
        if self.is_empty() {
            return Ok(0);
        }
        counter!(STATEMENTS).increment(1);
        Ok(match tx {
            Tx::Postgres(tx) => self.postgres().execute(&mut **tx).await?.rows_affected(),
            Tx::Sqlite(tx) => self.sqlite()?.execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs the query; an empty stage is not sent.
    pub async fn fetch<R>(self, tx: &mut Tx<'_>) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, PgRow> + DeserializeOwned,
    {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        counter!(STATEMENTS).increment(1);
        match tx {
            Tx::Postgres(tx) => {
                let rows = self.postgres().fetch_all(&mut **tx).await?;
                Ok(rows.iter().map(R::from_row).collect::<Result<_, _>>()?)
            }
            Tx::Sqlite(tx) => {
                let row = self.sqlite()?.fetch_one(&mut **tx).await?;
                Answer::new(row.try_get(0)?).read()
            }
        }
    }

    fn postgres(self) -> Query<'a, Postgres, PgArguments> {
        let query = sqlx::query(self.statement.postgres());
        self.bind_postgres(query)
    }

    fn sqlite(self) -> Result<Query<'a, Sqlite, SqliteArguments>> {
        let query = sqlx::query(self.statement.sqlite());
        self.bind_sqlite(query)
    }

    /// Adds the parameters of these rows to a query.
    pub(super) fn bind_postgres(
        self,
        query: Query<'a, Postgres, PgArguments>,
    ) -> Query<'a, Postgres, PgArguments> {
        let statement = self.statement;
        columns(statement, self.sorted()).into_iter().fold(query, |query, column| match column {
            Column::Text(values) => query.bind(values),
            Column::Int(values) => query.bind(values),
        })
    }

    /// Adds the parameters of these rows to a query.
    pub(super) fn bind_sqlite(
        self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Query<'_, Sqlite, SqliteArguments>> {
        let statement = self.statement;
        let Slices { json, blob } = Slices::of(statement, self.sorted())?;
        let query = query.bind(json);
        Ok(if statement.sqlite_parameters() == 1 { query } else { query.bind(blob) })
    }

    /// The rows in the order of their keys, which come first: neighbours in a tree are written
    /// together, and two writers take rows in one order.
    fn sorted(mut self) -> Vec<Vec<Cell<'a>>> {
        self.rows.sort_unstable();
        self.rows
    }
}
