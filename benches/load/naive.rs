//! The plain way to the same rows: one transaction for each event, row by row.

use std::{fmt, time::Duration};

use futures::future::join_all;
use sqlx::Connection as _;
use tokio::time::Instant;

use super::{
    database::{Database, Session},
    input::Sent,
    rows::{Batch, Decider},
    statement::{Cell, Statement},
};

/// How many connections the events are spread over, by account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naive {
    pub connections: usize,
}

/// As every other writer, it locks the account and looks whether the event is there already.
const LOCK: &str = "select head from accounts where account_id = $1 for no key update";
const FIND: &str = "
    select outcome
      from events
     where account_id = $1
       and connection_id = $2
       and event_id = $3";

impl Naive {
    /// Every way that is tried.
    pub const ALL: [Self; 5] = [
        Self { connections: 1 },
        Self { connections: 2 },
        Self { connections: 4 },
        Self { connections: 8 },
        Self { connections: 16 },
    ];

    /// Writes what the events come to, and tells how long it took.
    pub async fn run(self, database: &Database<'_>, events: &[Sent]) -> Duration {
        let parts = (0..self.connections).map(async |part| {
            let mut decider = Decider::new();
            let events = events.iter().filter(|sent| sent.account % self.connections == part);
            let each = events.map(|event| decider.batch(std::slice::from_ref(event))).collect();
            (database.session().await, each)
        });
        let parts: Vec<(Session, Vec<Batch>)> = join_all(parts).await;
        let start = Instant::now();
        let sessions = join_all(parts.into_iter().map(async |(mut session, each)| {
            for event in &each {
                write(&mut session, event).await;
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
}

impl fmt::Display for Naive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections", self.connections)
    }
}

macro_rules! bound {
    ($sql:expr, $cells:expr) => {
        $cells.iter().fold(sqlx::query($sql), |query, cell| match cell {
            Cell::Text(text) => query.bind(&**text),
            Cell::Int(number) => query.bind(*number),
            // Only numbers are ever missing in this input.
            Cell::Null => query.bind(None::<i64>),
        })
    };
}

macro_rules! write_rows {
    ($tx:expr, $event:expr) => {
        bound!(FIND, $event.first).fetch_optional(&mut *$tx).await.unwrap();
        for (statement, rows) in Statement::ALL.iter().zip(&$event.rows) {
            for row in rows {
                let done = bound!(&*statement.texts().single, row).execute(&mut *$tx).await;
                assert_eq!(done.unwrap().rows_affected(), 1, "{statement:?}");
            }
        }
    };
}

async fn write(session: &mut Session, event: &Batch) {
    match session {
        Session::Sqlite(session) => {
            let mut tx = session.begin_with("begin immediate").await.unwrap();
            write_rows!(tx, event);
            tx.commit().await.unwrap();
        }
        Session::Postgres(session) => {
            let mut tx = session.begin().await.unwrap();
            bound!(LOCK, event.first[..1]).fetch_one(&mut *tx).await.unwrap();
            write_rows!(tx, event);
            tx.commit().await.unwrap();
        }
    }
}
