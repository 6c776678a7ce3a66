//! Bringing an empty database up to date: several at once, twice, and never a second process on a
//! file.

use std::process::{Command, Output};

use futures::future::join_all;

use crate::support::{Database, Replica, created};

const REPLICAS: usize = 3;

fn migrate(db: &Database) -> Output {
    let mut program = Command::new(Replica::PROGRAM);
    program.env_clear().args(["migrate", "--database-url", db.url()]).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// `migrate` makes the tables, and made again, changes nothing.
async fn assert_migrates_twice(db: &Database) {
    for time in ["first", "second"] {
        let output = migrate(db);
        assert!(output.status.success(), "the {time} time: {}", said(&output));
    }
    let to = db.active_connection("acme").await;
    let output = migrate(db);
    assert!(output.status.success(), "{}", said(&output));
    let mut session = db.session().await;
    let kept = session.texts("select connection_id from connections").await;
    assert_eq!(kept, [to.connection_id]);
    session.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_that_start_at_once_on_an_empty_database_all_serve() {
    let db = Database::empty_postgres();
    let mut session = db.session().await;
    let tables = "select count(*) from information_schema.tables where table_schema = 'public'";
    assert_eq!(session.integers(tables).await, [0], "the database is not empty");
    let replicas = join_all((0..REPLICAS).map(|_| Replica::start(db.url()))).await;
    let to = session.active_connection("acme").await;
    for (ticket, replica) in (1..).zip(&replicas) {
        let clients = replica.clients().await;
        clients.send(&to, created(&format!("e{ticket}"), ticket)).await.unwrap();
    }
    for replica in &replicas {
        assert_eq!(replica.clients().await.log("acme").await.len(), REPLICAS);
    }
    session.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_twice_is_migrating_once_on_postgres() {
    assert_migrates_twice(&Database::empty_postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_twice_is_migrating_once_on_sqlite() {
    assert_migrates_twice(&Database::empty_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_an_open_file_is_refused_and_told_why() {
    let db = Database::empty_sqlite();
    let first = Replica::start(db.url()).await;
    let mut second = Command::new(Replica::PROGRAM);
    let served = Replica::serve(&mut second, db.url()).output().unwrap();
    for refused in [served, migrate(&db)] {
        assert!(!refused.status.success());
        let said = said(&refused);
        assert!(said.contains("test.db: another process has this database open"), "{said}");
    }
    // The first one does not notice.
    let to = db.active_connection("acme").await;
    first.clients().await.send(&to, created("e1", 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_another_encoding_is_refused_and_told_why() {
    let output = migrate(&Database::latin_postgres());
    assert!(!output.status.success());
    assert!(said(&output).contains("the database's encoding is not UTF8"), "{}", said(&output));
}
