//! One process on `SQLite`, beside an outsider who holds the write lock.

use ticketsync::store::{Durability, Store, StoreOptions};
use tokio::task::JoinSet;
use tonic::Code;

use super::{
    account::{Ending, View},
    write::Write,
    writer::{Writer, keyring},
};
use crate::support::{Database, Services, Session, Zendesk};

/// Both writes begun while nobody can write, in this order.
async fn together(
    view: &mut View,
    outsider: &mut Session,
    writes: [Write; 2],
    name: &str,
) -> Ending {
    let account = view.account(name, writes).await;
    let (state, log) = (view.state(&account).await, view.log(&account).await);
    outsider.execute("begin immediate").await;
    let mut calls = JoinSet::new();
    for (number, write) in writes.into_iter().enumerate() {
        let (by, account) = (view.reader.clone(), account.clone());
        calls.spawn(async move { (number, write.run(by, account).await) });
    }
    assert_eq!(view.log(&account).await, log, "readers wait for no writer");
    assert_eq!(view.state(&account).await, state, "{writes:?}");
    assert!(calls.try_join_next().is_none(), "one of {writes:?} did not wait");
    outsider.execute("rollback").await;
    let mut codes = [Code::Unknown; 2];
    for (number, code) in calls.join_all().await {
        codes[number] = code;
    }
    view.end(codes, &account).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_two_writes_at_once_wait_for_a_third_and_make_what_one_after_the_other_makes() {
    let (db, zendesk) = (Database::sqlite(), Zendesk::start().await);
    // What is shown here is the order; that OK is durable is shown elsewhere.
    let options = StoreOptions { durability: Durability::Unsafe, ..db.store_options() };
    let store = Store::open(&options).await.unwrap();
    let services = Services::start_beside(&zendesk, store.clone(), keyring()).await;
    let writer = Writer { clients: services.clients(), store };
    let mut view = View { session: db.session().await, zendesk, reader: writer.clone() };
    let mut outsider = db.session().await;
    let in_turn = view.every_pair_in_turn([&writer; 2]).await;
    for (number, first) in Write::ALL.into_iter().enumerate() {
        for (other, second) in Write::ALL.into_iter().enumerate() {
            let (pair, name) = ([first, second], format!("both-{number}-{other}"));
            let both = together(&mut view, &mut outsider, pair, &name).await;
            if both != in_turn[&pair] {
                assert_eq!(both, in_turn[&[second, first]].clone().swapped(), "{pair:?}");
            }
        }
    }
    outsider.close().await;
    view.session.close().await;
    drop((writer, view.reader));
    services.stop().await;
}
