//! Staged rows in the form in which an engine takes them.

use std::borrow::Cow;

use super::{
    cell::{Cell, Kind},
    statement::Staged,
};
use crate::store::{Error, Result};

/// A column as one array, for `PostgreSQL`.
pub(super) enum Column<'a> {
    Text(Vec<Option<Cow<'a, str>>>),
    Int(Vec<Option<i64>>),
}

/// The rows turned into columns.
pub(super) fn columns<'a>(statement: &Staged, rows: Vec<Vec<Cell<'a>>>) -> Vec<Column<'a>> {
    let mut columns: Vec<Column<'a>> =
        statement.kinds().map(|kind| Column::with_capacity(kind, rows.len())).collect();
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(cell);
        }
    }
    columns
}

impl<'a> Column<'a> {
    fn with_capacity(kind: Kind, capacity: usize) -> Self {
        match kind {
            Kind::Text | Kind::Long => Self::Text(Vec::with_capacity(capacity)),
            Kind::Int => Self::Int(Vec::with_capacity(capacity)),
        }
    }

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
}

/// The rows as JSON, and the blob that their long texts are slices of, for `SQLite`.
pub(super) struct Slices {
    pub json: String,
    pub blob: Vec<u8>,
}

impl Slices {
    pub(super) fn of(statement: &Staged, rows: Vec<Vec<Cell<'_>>>) -> Result<Self> {
        let mut blob = Vec::new();
        let rows: Vec<Vec<Cell<'_>>> = rows
            .into_iter()
            .map(|row| {
                statement
                    .kinds()
                    .zip(row)
                    .flat_map(|(kind, cell)| match (kind, cell) {
                        (Kind::Long, Cell::Text(text)) => slice(&mut blob, &text).map(Some),
                        (Kind::Long, _) => [Some(Cell::Null), Some(Cell::Null)],
                        (Kind::Text | Kind::Int, cell) => [Some(cell), None],
                    })
                    .flatten()
                    .collect()
            })
            .collect();
        let json = serde_json::to_string(&rows)
            .map_err(|error| Error::Refused(sqlx::Error::Encode(error.into())))?;
        Ok(Self { json, blob })
    }
}

/// Adds a text to the blob, and answers where it begins, counted from 1, and how long it is.
fn slice(blob: &mut Vec<u8>, text: &str) -> [Cell<'static>; 2] {
    let begin = blob.len() + 1;
    blob.extend_from_slice(text.as_bytes());
    // A batch is a mebibyte or so.
    [begin, text.len()].map(|number| Cell::Int(i64::try_from(number).unwrap_or(i64::MAX)))
}
