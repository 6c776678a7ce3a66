//! The check of what survives a kill is worth something: it fails where a commit does not wait for
//! the disk.

use crate::support::{
    Connected, Database, Disk, Ledger, Load, PostgresServer, PowerWatch, Replica,
};

/// What is under way, at least, when the power fails.
const UNDER_WAY: usize = 100;
/// What was answered by then, at least.
const ANSWERED: usize = 300;
/// The option under which the service answers before the disk has it.
const UNSAFE: &[&str] = &["--unsafe-no-sync"];

/// Keeps what was committed without waiting out of the log's file for as long as a test takes.
const LAZY_WAL: [&str; 3] =
    ["wal_writer_delay=10s", "wal_writer_flush_after=1GB", "wal_buffers=64MB"];

/// Kills the server under load, and answers the promises that broke.
async fn kill_postgres(arguments: &[&str]) -> Vec<String> {
    let mut server = PostgresServer::start(Disk::Synced, &LAZY_WAL);
    let db = Database::on(&server);
    let to = db.active_connection("acme").await;
    let service = Replica::start_with(db.url(), arguments).await;
    let load = Load::start(&service.channel().await, &to, 0);
    load.until(ANSWERED, UNDER_WAY).await;
    server.kill();
    server.resume();
    let ledger = load.finish().await;
    broken_promises(&db, &to, &ledger).await
}

/// Kills the service under load together with its machine's power, and answers the promises that
/// broke.
async fn cut_the_power_of_sqlite(arguments: &[&str]) -> Vec<String> {
    let db = Database::sqlite();
    let to = db.active_connection("acme").await;
    let (watch, mut watched) = PowerWatch::over(Replica::PROGRAM);
    let mut service = Replica::run(Replica::serve(&mut watched, db.url()).args(arguments)).await;
    let load = Load::start(&service.channel().await, &to, 0);
    load.until(ANSWERED, UNDER_WAY).await;
    service.kill();
    let ledger = load.ended().await;
    watch.cut(db.dir()).await;
    broken_promises(&db, &to, &ledger).await
}

async fn broken_promises(db: &Database, to: &Connected, ledger: &Ledger) -> Vec<String> {
    let mut session = db.session().await;
    let broken = ledger.broken_promises(&mut session, to).await;
    session.close().await;
    broken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_synchronous_commit_a_killed_postgres_server_loses_what_was_answered() {
    assert!(kill_postgres(&[]).await.is_empty());
    let broken = kill_postgres(UNSAFE).await;
    assert!(broken.iter().any(|promise| promise.ends_with("is lost")), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_syncs_sqlite_loses_what_was_answered_when_the_power_fails() {
    let broken = cut_the_power_of_sqlite(&[]).await;
    assert!(broken.is_empty(), "{broken:?}");
    let broken = cut_the_power_of_sqlite(UNSAFE).await;
    assert!(broken.iter().any(|promise| promise.ends_with("is lost")), "{broken:?}");
}
