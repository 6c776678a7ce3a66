//! Two replicas on one `PostgreSQL`: one write is held before its commit.

use ticketsync::proto::v1::TriggerEvent;
use tokio::task::JoinSet;
use tonic::Code;

use super::{
    account::{account, state},
    write::Write,
};
use crate::support::{Clients, Connected, Database, Proxy, Replica, Session, eventually};

/// How many sessions of the database wait for a lock.
async fn waiting(session: &mut Session) -> i64 {
    const SQL: &str = "
        select count(*)
          from pg_stat_activity
         where datname = current_database()
           and wait_event_type = 'Lock'";
    session.integers(SQL).await[0]
}

/// The two replicas and the session through which a test looks.
struct Setting {
    db: Database,
    proxy: Proxy,
    /// Its commits can be held back.
    one: Clients,
    two: Clients,
    session: Session,
    _services: [Replica; 2],
}

impl Setting {
    async fn new() -> Self {
        let db = Database::postgres();
        let (proxy, url) = Proxy::before(db.url()).await;
        let services = [Replica::start(&url).await, Replica::start(db.url()).await];
        let (one, two) = (services[0].clients().await, services[1].clients().await);
        let session = db.session().await;
        Self { db, proxy, one, two, session, _services: services }
    }

    /// Both writes, one after the other: what has to come out.
    async fn in_turn(
        &mut self,
        first: Write,
        second: Write,
        name: &str,
    ) -> ([Code; 2], Vec<String>) {
        let to = self.account(name, first, second).await;
        let codes = [
            first.run(self.one.clone(), to.clone()).await,
            second.run(self.two.clone(), to.clone()).await,
        ];
        (codes, state(&mut self.session, &to).await)
    }

    async fn account(&mut self, name: &str, first: Write, second: Write) -> Connected {
        let to = account(&self.db, &self.one, name).await;
        if [first, second].contains(&Write::FinishConnection) {
            let sql = "update connections set state = 'awaiting_mapping' where account_id = ";
            self.session.execute(&format!("{sql} '{name}'")).await;
        }
        to
    }

    /// The first held before its commit, the second tried meanwhile.
    async fn interleaved(
        &mut self,
        first: Write,
        second: Write,
        name: &str,
    ) -> ([Code; 2], Vec<String>) {
        let to = self.account(name, first, second).await;
        let (before, log) = (state(&mut self.session, &to).await, self.two.log(name).await);
        let mut held = self.proxy.hold_next_commit();
        let mut calls = JoinSet::new();
        let one = self.one.clone();
        let held_call = calls.spawn(numbered(0, first, one, to.clone())).id();
        tokio::select! {
            () = held.reached() => {}
            refused = calls.join_next() => {
                // It had nothing to commit, so that there is nothing to hold.
                let (_, code) = refused.unwrap().unwrap();
                assert_ne!(code, Code::Ok, "{first:?} was answered OK without a commit");
                self.proxy.forget_plans();
                let codes = [code, second.run(self.two.clone(), to.clone()).await];
                return (codes, state(&mut self.session, &to).await);
            }
        }
        calls.spawn(numbered(1, second, self.two.clone(), to.clone()));
        // Either it waits for the first, or it had nothing to write and has answered.
        let session = &mut self.session;
        let early = eventually("the second to wait or to answer", async || {
            match calls.try_join_next_with_id() {
                Some(answer) => Some(Some(answer.unwrap())),
                None => (waiting(session).await > 0).then_some(None),
            }
        })
        .await;
        let (after, log_after) = (state(&mut self.session, &to).await, self.two.log(name).await);
        assert_eq!((&before, &log), (&after, &log_after), "{first:?} shows before its commit");
        held.release();
        let mut codes = [Code::Unknown; 2];
        if let Some((id, (number, code))) = early {
            assert_ne!(id, held_call, "{first:?} answered before its commit");
            codes[number] = code;
        }
        for (number, code) in calls.join_all().await {
            codes[number] = code;
        }
        self.assert_prefix(&log, name).await;
        (codes, state(&mut self.session, &to).await)
    }

    /// What was in the log before still is, at its place; only contents may have gone.
    async fn assert_prefix(&self, before: &[TriggerEvent], name: &str) {
        let after = self.two.log(name).await;
        assert!(
            after.iter().map(|event| event.position).eq(1..=i64::try_from(after.len()).unwrap())
        );
        let names =
            |event: &TriggerEvent| (event.position, event.event_id.clone(), event.commit_time);
        assert!(before.iter().map(names).eq(after.iter().take(before.len()).map(names)));
    }
}

async fn numbered(number: usize, write: Write, clients: Clients, to: Connected) -> (usize, Code) {
    (number, write.run(clients, to).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_writes_makes_what_one_after_the_other_makes() {
    let mut setting = Setting::new().await;
    for (number, first) in Write::ALL.into_iter().enumerate() {
        for (other, second) in Write::ALL.into_iter().enumerate() {
            let in_turn = setting.in_turn(first, second, &format!("turn-{number}-{other}")).await;
            let held = setting.interleaved(first, second, &format!("held-{number}-{other}")).await;
            assert_eq!(held, in_turn, "{first:?} held, then {second:?}");
        }
    }
}
