//! A batch of rows as parameters whose number does not depend on the batch's size.
//!
//! `PostgreSQL` takes one array a column and unnests them, `SQLite` one JSON array of rows. Either
//! way the rows become the table expression `stage`, and what reads from it is one text.

use std::{borrow::Cow, sync::OnceLock};

use metrics::counter;
use serde::Serialize;
use sqlx::{
    FromRow, Postgres, Sqlite,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{Result, Tx};

/// How many staged statements were sent. Divided by the batches it says what a batch costs.
const STATEMENTS: &str = "ticketsync_batch_statements_total";

/// The type of a staged column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Int,
}

/// A statement over staged rows. Lives in a `static`, so that its two texts are built once.
pub(super) struct Staged {
    columns: &'static [(&'static str, Kind)],
    postgres_body: &'static str,
    sqlite_body: &'static str,
    postgres: OnceLock<String>,
    sqlite: OnceLock<String>,
}

impl Staged {
    /// A statement whose text is the same on both engines.
    pub(super) const fn new(columns: &'static [(&'static str, Kind)], body: &'static str) -> Self {
        Self::two(columns, body, body)
    }

    /// A statement for which the dialects differ.
    pub(super) const fn two(
        columns: &'static [(&'static str, Kind)],
        postgres_body: &'static str,
        sqlite_body: &'static str,
    ) -> Self {
        Self {
            columns,
            postgres_body,
            sqlite_body,
            postgres: OnceLock::new(),
            sqlite: OnceLock::new(),
        }
    }

    /// An empty stage for the engine of this transaction.
    pub(super) fn stage<'a>(&'static self, tx: &Tx<'_>) -> Stage<'a> {
        let rows = match tx {
            Tx::Postgres(_) => Rows::Columns(
                self.columns
                    .iter()
                    .map(|(_, kind)| match kind {
                        Kind::Text => Column::Text(Vec::new()),
                        Kind::Int => Column::Int(Vec::new()),
                    })
                    .collect(),
            ),
            Tx::Sqlite(_) => Rows::Cells(Vec::new()),
        };
        Stage { statement: self, rows }
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn postgres(&'static self) -> &'static str {
        self.postgres.get_or_init(|| {
            let arrays: Vec<String> = self
                .columns
                .iter()
                .zip(1..)
                .map(|((_, kind), at)| match kind {
                    Kind::Text => format!("${at}::text[]"),
                    Kind::Int => format!("${at}::bigint[]"),
                })
                .collect();
            format!(
                "with recursive stage({}) as (select * from unnest({}))\n{}",
                self.names(),
                arrays.join(", "),
                self.postgres_body
            )
        })
    }

    fn sqlite(&'static self) -> &'static str {
        self.sqlite.get_or_init(|| {
            let values: Vec<String> =
                (0..self.columns.len()).map(|at| format!("value ->> {at}")).collect();
            format!(
                "with recursive stage({}) as (select {} from json_each($1))\n{}",
                self.names(),
                values.join(", "),
                self.sqlite_body
            )
        })
    }
}

/// One staged value.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Cell<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Null,
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The rows of one execution of a [`Staged`] statement.
pub(super) struct Stage<'a> {
    statement: &'static Staged,
    rows: Rows<'a>,
}

enum Rows<'a> {
    Columns(Vec<Column<'a>>),
    Cells(Vec<Cell<'a>>),
}

enum Column<'a> {
    Text(Vec<Option<Cow<'a, str>>>),
    Int(Vec<Option<i64>>),
}

impl<'a> Stage<'a> {
    /// Adds a row: a cell for each column of the statement, in order.
    pub(super) fn push<const N: usize>(&mut self, row: [Cell<'a>; N]) {
        debug_assert_eq!(N, self.statement.columns.len(), "a cell for each column");
        match &mut self.rows {
            Rows::Columns(columns) => {
                for (column, cell) in columns.iter_mut().zip(row) {
                    column.push(cell);
                }
            }
            Rows::Cells(cells) => cells.extend(row),
        }
    }

    /// Whether no row was added.
    pub(super) fn is_empty(&self) -> bool {
        match &self.rows {
            Rows::Columns(columns) => columns.first().is_none_or(Column::is_empty),
            Rows::Cells(cells) => cells.is_empty(),
        }
    }

    /// Runs the statement and tells how many rows it touched; an empty stage is not sent.
    pub(super) async fn execute(self, tx: &mut Tx<'_>) -> Result<u64> {
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
    pub(super) async fn fetch<R>(self, tx: &mut Tx<'_>) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        counter!(STATEMENTS).increment(1);
        let read = |error| super::Error::from(error);
        match tx {
            Tx::Postgres(tx) => {
                let rows = self.postgres().fetch_all(&mut **tx).await?;
                rows.iter().map(R::from_row).collect::<Result<_, _>>().map_err(read)
            }
            Tx::Sqlite(tx) => {
                let rows = self.sqlite()?.fetch_all(&mut **tx).await?;
                rows.iter().map(R::from_row).collect::<Result<_, _>>().map_err(read)
            }
        }
    }

    fn postgres(self) -> Query<'a, Postgres, PgArguments> {
        let mut query = sqlx::query(self.statement.postgres());
        if let Rows::Columns(columns) = self.rows {
            for column in columns {
                query = match column {
                    Column::Text(values) => query.bind(values),
                    Column::Int(values) => query.bind(values),
                };
            }
        }
        query
    }

    fn sqlite(self) -> Result<Query<'a, Sqlite, SqliteArguments>> {
        let query = sqlx::query(self.statement.sqlite());
        match self.rows {
            Rows::Cells(cells) => {
                let rows: Vec<&[Cell<'_>]> = cells.chunks(self.statement.columns.len()).collect();
                let json = serde_json::to_string(&rows)
                    .map_err(|error| sqlx::Error::Encode(error.into()))?;
                Ok(query.bind(json))
            }
            Rows::Columns(_) => Ok(query),
        }
    }
}

impl<'a> Column<'a> {
    fn push(&mut self, cell: Cell<'a>) {
        match self {
            Self::Text(values) => values.push(match cell {
                Cell::Text(text) => Some(text),
                Cell::Int(_) | Cell::Null => None,
            }),
            Self::Int(values) => values.push(match cell {
                Cell::Int(number) => Some(number),
                Cell::Text(_) | Cell::Null => None,
            }),
        }
    }

    const fn is_empty(&self) -> bool {
        match self {
            Self::Text(values) => values.is_empty(),
            Self::Int(values) => values.is_empty(),
        }
    }
}
