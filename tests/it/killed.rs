//! SIGKILL under load: what was answered is kept, and nothing is doubled.

use crate::support::{
    Connected, Database, Disk, Ledger, Load, PostgresServer, Replica, eventually, on_both_engines,
    send_all,
};

/// How often each of them is killed.
const ROUNDS: i64 = 10;
/// How many requests have no answer, at least, when it happens.
const UNANSWERED: usize = 100;
/// How many are under way when the kill is decided on: one whole batch may still be answered.
const UNDER_WAY: usize = 700;

on_both_engines! {
    async fn a_killed_service_keeps_what_it_answered(db: Database) {
        let to = db.active_connection("acme").await;
        let mut ledger = Ledger::default();
        for round in 0..ROUNDS {
            let mut service = Replica::start(db.url()).await;
            let load = Load::start(&service.channel().await, &to, round);
            load.until(answers_before_kill(round), UNDER_WAY).await;
            service.kill();
            let killed = load.ended().await;
            assert!(killed.unanswered().len() >= UNANSWERED, "too few were under way");
            ledger.absorb(killed);
            assert_kept(&ledger, &db, &to).await;
        }
        let service = Replica::start(db.url()).await;
        repeat_unanswered(&service, &to, &mut ledger).await;
        assert_kept(&ledger, &db, &to).await;
        let log = service.clients().await.log(&to.account_id).await;
        assert_eq!(log.len(), ledger.sent.len(), "each event stands in the log once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_server_loses_nothing_that_was_answered() {
    let mut server = PostgresServer::start(Disk::Synced, &[]);
    let db = Database::on(&server);
    let to = db.active_connection("acme").await;
    let service = Replica::start(db.url()).await;
    let mut ledger = Ledger::default();
    for round in 0..ROUNDS {
        let load = Load::start(&service.channel().await, &to, round);
        load.until(answers_before_kill(round), UNDER_WAY).await;
        server.kill();
        assert!(load.in_flight() >= UNANSWERED, "too few were under way");
        server.resume();
        ledger.absorb(load.finish().await);
        assert_kept(&ledger, &db, &to).await;
        repeat_unanswered(&service, &to, &mut ledger).await;
    }
    assert_kept(&ledger, &db, &to).await;
    let mut session = db.session().await;
    let stored = session.integers("select count(*) from events").await;
    assert_eq!(stored, [i64::try_from(ledger.sent.len()).unwrap()], "each event is stored once");
    session.close().await;
}

/// Another moment in every round.
fn answers_before_kill(round: i64) -> usize {
    usize::try_from(100 + round * 37 % 100).unwrap()
}

async fn assert_kept(ledger: &Ledger, db: &Database, to: &Connected) {
    let mut session = db.session().await;
    let broken = ledger.broken_promises(&mut session, to).await;
    assert!(broken.is_empty(), "{} broken, the first: {:?}", broken.len(), &broken[..1]);
    session.close().await;
}

/// Does what the contract tells producers to do: sends again what was not answered, until it is.
async fn repeat_unanswered(service: &Replica, to: &Connected, ledger: &mut Ledger) {
    let channel = service.channel().await;
    while !ledger.unanswered().is_empty() {
        let left = ledger.unanswered().len();
        eventually("an answer", async || {
            let repeated = send_all(&channel, to, ledger.unanswered()).await;
            ledger.absorb(repeated);
            (ledger.unanswered().len() < left).then_some(())
        })
        .await;
    }
}
