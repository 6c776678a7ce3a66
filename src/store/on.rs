//! One text, two engines.

use std::time::Duration;

use tokio::time::timeout;

use super::{Error, Result};

/// How long a statement outside of a transaction may take, its wait for a connection included: a read,
/// or the taking of a lease. They take milliseconds; this is a database that keeps its connections and
/// says nothing.
const STATEMENT_LIMIT: Duration = Duration::from_secs(5);

/// Runs one expression on whichever engine is open: `Read(store)` reads outside a transaction, within
/// the limit of reads, `Write(store)` runs one statement that is its own transaction within the same
/// limit, `Tx(tx)` works inside one. The expression is compiled once per engine.
macro_rules! on {
    (Read($store:expr), |$db:ident| $body:expr) => {
        $crate::store::on::in_time(async {
            Ok(match $store.engine() {
                $crate::store::database::Engine::Postgres { pool, .. } => {
                    let $db = pool;
                    $body
                }
                $crate::store::database::Engine::Sqlite { read, .. } => {
                    let $db = read;
                    $body
                }
            })
        })
        .await?
    };
    (Write($store:expr), |$db:ident| $body:expr) => {
        $crate::store::on::in_time(async {
            Ok(match $store.engine() {
                $crate::store::database::Engine::Postgres { pool, .. } => {
                    let $db = pool;
                    $body
                }
                $crate::store::database::Engine::Sqlite { write, .. } => {
                    let $db = write;
                    $body
                }
            })
        })
        .await?
    };
    (Tx($tx:expr), |$db:ident| $body:expr) => {
        match $tx {
            $crate::store::Tx::Postgres(tx) => {
                let $db = &mut **tx;
                $body
            }
            $crate::store::Tx::Sqlite(tx) => {
                let $db = &mut **tx;
                $body
            }
        }
    };
}

pub(super) use on;

/// Ends a statement whose time is up.
pub(super) async fn in_time<T>(statement: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(STATEMENT_LIMIT, statement).await.unwrap_or_else(|_| Err(Error::timed_out()))
}
