//! One process on `SQLite`, beside an outsider who holds the write lock.

use tokio::task::JoinSet;
use tonic::Code;

use super::{
    account::{account, state},
    write::Write,
};
use crate::support::{Database, Replica};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_write_waits_for_another_and_readers_wait_for_none() {
    let db = Database::sqlite();
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    let mut outsider = db.session().await;
    for (number, write) in Write::ALL.into_iter().enumerate() {
        let name = format!("held-{number}");
        let to = account(&db, &clients, &name).await;
        let log = clients.log(&name).await;
        let mut session = db.session().await;
        let before = state(&mut session, &to).await;
        outsider.execute("begin immediate").await;
        let mut calls = JoinSet::new();
        calls.spawn(write.run(clients.clone(), to.clone()));
        assert_eq!(clients.log(&name).await, log);
        assert_eq!(state(&mut session, &to).await, before);
        outsider.execute("rollback").await;
        assert_eq!(calls.join_all().await, [Code::Ok], "{write:?}");
        session.close().await;
    }
}
