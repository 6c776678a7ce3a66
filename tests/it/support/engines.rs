//! One test, two engines, two names.

/// Writes each `async fn name(db: Database)` down as the tests `name::sqlite` and `name::postgres`,
/// each with a fresh, migrated database of its own.
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: Database) $body:block)*) => {$(
        $(#[$attribute])*
        async fn $name($db: $crate::support::Database) $body

        mod $name {
            use $crate::support::Database;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Database::postgres()).await;
            }
        }
    )*};
}

pub(crate) use on_both_engines;
