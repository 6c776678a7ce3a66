//! Staged statements that go to the database together.

use std::sync::OnceLock;

use metrics::counter;
use serde::de::DeserializeOwned;
use sqlx::{FromRow, Row as _, postgres::PgRow};

use super::{
    rows::{STATEMENTS, Stage},
    statement::Staged,
};
use crate::store::{Error, Result, Tx};

/// Queries or writes that do not need each other's outcome. For `SQLite` they are one text and one
/// hand-over to its thread; so are writes for `PostgreSQL`, where they see one snapshot, and so no two
/// of them may touch the same row. Lives in a `static`, so that its texts are built once.
pub struct Bundle<const N: usize> {
    statements: [&'static Staged; N],
    postgres: OnceLock<String>,
    sqlite: OnceLock<String>,
}

/// The answer to one query of a bundle.
pub enum Answer {
    Postgres(Vec<PgRow>),
    /// A JSON array of rows.
    Sqlite(String),
}

impl<const N: usize> Bundle<N> {
    pub const fn new(statements: [&'static Staged; N]) -> Self {
        Self { statements, postgres: OnceLock::new(), sqlite: OnceLock::new() }
    }

    /// Runs writes, those without rows among them, unless none has any. `stages` are those of the
    /// statements, in order.
    pub async fn execute(&'static self, tx: &mut Tx<'_>, stages: [Stage<'_>; N]) -> Result<()> {
        if stages.iter().all(Stage::is_empty) {
            return Ok(());
        }
        counter!(STATEMENTS).increment(1);
        match tx {
            Tx::Postgres(tx) => {
                let query = sqlx::query(self.postgres_writes());
                let query =
                    stages.into_iter().fold(query, |query, stage| stage.bind_postgres(query));
                query.execute(&mut **tx).await?;
            }
            Tx::Sqlite(tx) => {
                let mut query = sqlx::query(self.sqlite(|texts| texts.join(";\n")));
                for stage in stages {
                    query = stage.bind_sqlite(query)?;
                }
                query.execute(&mut **tx).await?;
            }
        }
        Ok(())
    }

    /// Runs queries, for `PostgreSQL` one after the other; those without rows are not sent there.
    pub async fn fetch(
        &'static self,
        tx: &mut Tx<'_>,
        stages: [Stage<'_>; N],
    ) -> Result<[Answer; N]> {
        let mut answers = [const { Answer::Postgres(Vec::new()) }; N];
        match tx {
            Tx::Postgres(tx) => {
                for (answer, stage) in answers.iter_mut().zip(stages) {
                    if stage.is_empty() {
                        continue;
                    }
                    counter!(STATEMENTS).increment(1);
                    *answer = Answer::Postgres(stage.postgres().fetch_all(&mut **tx).await?);
                }
            }
            Tx::Sqlite(tx) => {
                counter!(STATEMENTS).increment(1);
                let together = |texts: Vec<String>| format!("select ({})", texts.join("), ("));
                let mut query = sqlx::query(self.sqlite(together));
                for stage in stages {
                    query = stage.bind_sqlite(query)?;
                }
                let row = query.fetch_one(&mut **tx).await?;
                for (at, answer) in answers.iter_mut().enumerate() {
                    *answer = Answer::Sqlite(row.try_get(at)?);
                }
            }
        }
        Ok(answers)
    }

    fn postgres_writes(&'static self) -> &'static str {
        self.postgres.get_or_init(|| {
            let mut first = 1;
            let writes = self.statements.iter().enumerate().map(|(at, statement)| {
                let text = statement.postgres_from(first);
                first += statement.columns.len();
                format!("write_{at} as ({text})")
            });
            format!("with {} select 1", writes.collect::<Vec<_>>().join(",\n"))
        })
    }

    fn sqlite(&'static self, together: impl Fn(Vec<String>) -> String) -> &'static str {
        self.sqlite.get_or_init(|| {
            let mut first = 1;
            let texts = self.statements.iter().map(|statement| {
                let text = statement.sqlite_from(first);
                first += statement.sqlite_parameters();
                text
            });
            together(texts.collect())
        })
    }
}

impl Answer {
    /// Reads the rows.
    pub fn read<R>(self) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, PgRow> + DeserializeOwned,
    {
        match self {
            Self::Postgres(rows) => Ok(rows.iter().map(R::from_row).collect::<Result<_, _>>()?),
            Self::Sqlite(rows) => serde_json::from_str(&rows)
                .map_err(|problem| Error::corrupt("a batch's rows", &problem)),
        }
    }
}
