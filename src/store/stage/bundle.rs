//! Staged statements that go to the database together.

use std::sync::OnceLock;

use metrics::counter;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use super::{
    rows::{STATEMENTS, Stage},
    statement::Staged,
};
use crate::store::{Error, Result, Tx};

/// What is named where an answer does not read.
const ROWS: &str = "a batch's rows";

/// Queries, or writes, that do not need each other's outcome and go as one text: a round trip, or a
/// hand-over to `SQLite`'s thread, takes longer than most of them. On `PostgreSQL` they see one
/// snapshot, and so no two writes may touch the same row. Lives in a `static`, so that its texts are
/// built once.
pub struct Bundle<const N: usize> {
    statements: [&'static Staged; N],
    postgres: OnceLock<String>,
    sqlite: OnceLock<String>,
}

/// The answer to one query of a bundle: a JSON array of rows, and the texts beside them.
pub struct Answer(String);

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
        self.run(tx, stages).await
    }

    /// Runs the writes with no rows, for their plans.
    pub async fn rehearse(&'static self, tx: &mut Tx<'_>) -> Result<()> {
        self.run(tx, self.statements.map(Staged::stage)).await
    }

    async fn run(&'static self, tx: &mut Tx<'_>, stages: [Stage<'_>; N]) -> Result<()> {
        counter!(STATEMENTS).increment(1);
        match tx {
            Tx::Postgres(tx) => {
                let text = self.postgres(Staged::postgres_from, |texts| {
                    let writes = texts.iter().enumerate();
                    let writes = writes.map(|(at, text)| format!("write_{at} as ({text})"));
                    format!("with {} select 1", writes.collect::<Vec<_>>().join(",\n"))
                });
                let query = sqlx::query(text);
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

    /// Runs queries, those without rows among them.
    pub async fn fetch(
        &'static self,
        tx: &mut Tx<'_>,
        stages: [Stage<'_>; N],
    ) -> Result<[Answer; N]> {
        counter!(STATEMENTS).increment(1);
        let mut answers = [const { Answer(String::new()) }; N];
        match tx {
            Tx::Postgres(tx) => {
                let query = sqlx::query(self.postgres(Staged::postgres_json_from, side_by_side));
                let query =
                    stages.into_iter().fold(query, |query, stage| stage.bind_postgres(query));
                let row = query.fetch_one(&mut **tx).await?;
                for (at, answer) in answers.iter_mut().enumerate() {
                    *answer = Answer(row.try_get(at)?);
                }
            }
            Tx::Sqlite(tx) => {
                let mut query = sqlx::query(self.sqlite(side_by_side));
                for stage in stages {
                    query = stage.bind_sqlite(query)?;
                }
                let row = query.fetch_one(&mut **tx).await?;
                for (at, answer) in answers.iter_mut().enumerate() {
                    *answer = Answer(row.try_get(at)?);
                }
            }
        }
        Ok(answers)
    }

    fn postgres(
        &'static self,
        write: impl Fn(&Staged, usize) -> String,
        together: impl Fn(&[String]) -> String,
    ) -> &'static str {
        self.postgres.get_or_init(|| {
            let mut first = 1;
            let texts = self.statements.map(|statement| {
                let text = write(statement, first);
                first += statement.columns.len();
                text
            });
            together(&texts)
        })
    }

    fn sqlite(&'static self, together: impl Fn(&[String]) -> String) -> &'static str {
        self.sqlite.get_or_init(|| {
            let mut first = 1;
            let texts = self.statements.map(|statement| {
                let text = statement.sqlite_from(first);
                first += statement.sqlite_parameters();
                text
            });
            together(&texts)
        })
    }
}

/// One query whose columns are the answers of others.
fn side_by_side(queries: &[String]) -> String {
    format!("select ({})", queries.join("),\n("))
}

impl Answer {
    pub(super) const fn new(rows: String) -> Self {
        Self(rows)
    }

    /// Reads the rows.
    pub fn read<R: DeserializeOwned>(&self) -> Result<Vec<R>> {
        serde_json::from_str(&self.0).map_err(|problem| Error::corrupt(ROWS, &problem))
    }

    /// Reads the rows, and answers the texts beside them, end to end.
    pub fn read_beside<R: DeserializeOwned>(&self) -> Result<(Vec<R>, &str)> {
        let mut values = serde_json::Deserializer::from_str(&self.0).into_iter();
        let rows = values.next().transpose().map_err(|problem| Error::corrupt(ROWS, &problem))?;
        let texts = self.0.get(values.byte_offset()..);
        Ok((rows.unwrap_or_default(), texts.unwrap_or_default()))
    }
}
