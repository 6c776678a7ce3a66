//! One text, two engines.

/// Runs one expression on whichever engine is open: `Read(store)` reads outside a transaction,
/// `Tx(tx)` works inside one. The expression is compiled once per engine.
macro_rules! on {
    (Read($store:expr), |$db:ident| $body:expr) => {
        match $store.engine() {
            $crate::store::database::Engine::Postgres { pool, .. } => {
                let $db = pool;
                $body
            }
            $crate::store::database::Engine::Sqlite { read, .. } => {
                let $db = read;
                $body
            }
        }
    };
    (Tx($tx:expr), |$db:ident| $body:expr) => {
        match $tx {
            $crate::store::database::Tx::Postgres(tx) => {
                let $db = &mut **tx;
                $body
            }
            $crate::store::database::Tx::Sqlite(tx) => {
                let $db = &mut **tx;
                $body
            }
        }
    };
}

pub(super) use on;
