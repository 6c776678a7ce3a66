//! The fastest way to the same rows: hand-written set-based SQL that has nothing to decide.

use std::{fmt, time::Duration};

use futures::future::join_all;
use sqlx::{Connection as _, PgTransaction, SqliteTransaction};
use tokio::time::Instant;

use super::{
    database::{Database, Session},
    input::Sent,
    rows::{Batch, Decider},
    statement::{Cell, Statement},
};

/// How the rows are cut into transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub batch: usize,
    pub order: Order,
    pub connections: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Arrival,
    Account,
}

impl Limit {
    /// Every way that is tried.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for batch in [256, 500] {
            for order in [Order::Arrival, Order::Account] {
                let cut = |connections: &usize| Self { batch, order, connections: *connections };
                all.extend([1, 2, 4].iter().map(cut));
            }
        }
        all
    }

    /// Writes what the events come to, and tells how long it took.
    pub async fn run(self, database: &Database<'_>, events: &[Sent]) -> Duration {
        let parts = (0..self.connections)
            .map(async |part| (database.session().await, self.batches(events, part)));
        let parts: Vec<(Session, Vec<Batch>)> = join_all(parts).await;
        let start = Instant::now();
        let sessions = join_all(parts.into_iter().map(async |(mut session, batches)| {
            for batch in &batches {
                write(&mut session, batch).await;
            }
            session
        }))
        .await;
        let elapsed = start.elapsed();
        for session in sessions {
            session.close().await;
        }
        elapsed
    }

    fn batches(self, events: &[Sent], part: usize) -> Vec<Batch> {
        let mut events: Vec<Sent> =
            events.iter().filter(|sent| sent.account % self.connections == part).cloned().collect();
        if self.order == Order::Account {
            events.sort_by_key(|sent| sent.account);
        }
        let mut decider = Decider::new();
        events.chunks(self.batch).map(|events| decider.batch(events)).collect()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            Order::Arrival => "as they come",
            Order::Account => "by account",
        };
        write!(f, "{} {order}, {} connections", self.batch, self.connections)
    }
}

async fn write(session: &mut Session, batch: &Batch) {
    match session {
        Session::Sqlite(session) => {
            let mut tx = session.begin_with("begin immediate").await.unwrap();
            write_json(&mut tx, batch).await;
            tx.commit().await.unwrap();
        }
        Session::Postgres(session) => {
            let mut tx = session.begin().await.unwrap();
            write_arrays(&mut tx, batch).await;
            tx.commit().await.unwrap();
        }
    }
}

async fn write_json(tx: &mut SqliteTransaction<'_>, batch: &Batch) {
    for (statement, rows) in Statement::ALL.iter().zip(&batch.rows) {
        if rows.is_empty() {
            continue;
        }
        let json = serde_json::to_string(rows).unwrap();
        let query = sqlx::query(statement.texts().sqlite.as_str()).bind(json);
        let done = query.execute(&mut **tx).await.unwrap();
        assert_eq!(done.rows_affected(), rows.len() as u64, "{statement:?}");
    }
}

async fn write_arrays(tx: &mut PgTransaction<'_>, batch: &Batch) {
    for (statement, rows) in Statement::ALL.iter().zip(&batch.rows) {
        if rows.is_empty() {
            continue;
        }
        let texts = statement.texts();
        let mut query = sqlx::query(texts.postgres.as_str());
        for (at, int) in texts.ints.iter().enumerate() {
            query = if *int {
                query.bind(rows.iter().map(|row| number(&row[at])).collect::<Vec<_>>())
            } else {
                query.bind(rows.iter().map(|row| text(&row[at])).collect::<Vec<_>>())
            };
        }
        let done = query.execute(&mut **tx).await.unwrap();
        assert_eq!(done.rows_affected(), rows.len() as u64, "{statement:?}");
    }
}

const fn number(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Int(number) => Some(*number),
        Cell::Text(_) | Cell::Null => None,
    }
}

fn text(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text),
        Cell::Int(_) | Cell::Null => None,
    }
}
