//! Two replicas on one `PostgreSQL`: one write is held before its commit.

use ticketsync::proto::v1::TriggerEvent;
use tokio::task::JoinSet;
use tonic::Code;

use super::{
    account::{Account, Ending, View},
    write::Write,
    writer::{Writer, keys},
};
use crate::support::{Database, Proxy, Replica, Session, Zendesk, eventually};

/// Two replicas, and what a test looks through.
struct Setting {
    proxy: Proxy,
    /// Its commits can be held back.
    one: Writer,
    two: Writer,
    view: View,
    _services: [Replica; 2],
    _db: Database,
}

impl Setting {
    async fn new() -> Self {
        let (db, zendesk) = (Database::postgres(), Zendesk::start().await);
        let (proxy, url) = Proxy::before(db.url()).await;
        let keys = ["--encryption-keys", &keys()];
        let services = [
            Replica::start_beside(&zendesk, &url, &keys).await,
            Replica::start_beside(&zendesk, db.url(), &keys).await,
        ];
        let one = writer(&services[0], &url).await;
        let two = writer(&services[1], db.url()).await;
        let view = View { session: db.session().await, zendesk, reader: two.clone() };
        Self { proxy, one, two, view, _services: services, _db: db }
    }

    /// The first held before one of its commits, the second tried meanwhile.
    async fn interleaved(&mut self, writes: [Write; 2], commit: usize, name: &str) -> Ending {
        let account = self.view.account(name, writes).await;
        let [first, second] = writes;
        let mut seen = self.seen(&account).await;
        let log = seen.1.clone();
        let mut held = self.proxy.hold_commit_after(commit);
        let mut calls = JoinSet::new();
        let held_call = calls.spawn(numbered(0, first, self.one.clone(), account.clone())).id();
        tokio::select! {
            () = held.reached() => {}
            refused = calls.join_next() => {
                // It had nothing to commit, so that there is nothing to hold.
                let (_, code) = refused.unwrap().unwrap();
                assert_ne!(code, Code::Ok, "{first:?} did not come to commit {commit}");
                self.proxy.forget_plans();
                let codes = [code, second.run(self.two.clone(), account.clone()).await];
                return self.view.end(codes, &account).await;
            }
        }
        if commit > 0 {
            // What it has committed before may show.
            seen = self.seen(&account).await;
        }
        calls.spawn(numbered(1, second, self.two.clone(), account.clone()));
        // Either it waits for the first, or it had nothing to write and has answered.
        let session = &mut self.view.session;
        let early = eventually("the second to wait or to answer", async || {
            match calls.try_join_next_with_id() {
                Some(answer) => Some(Some(answer.unwrap())),
                None => (waiting(session).await > 0).then_some(None),
            }
        })
        .await;
        assert_eq!(seen, self.seen(&account).await, "{first:?} shows before its commit");
        let mut codes = [Code::Unknown; 2];
        if let Some((id, (number, code))) = early {
            assert_ne!(id, held_call, "{first:?} answered before its commit");
            codes[number] = code;
        }
        held.release();
        for (number, code) in calls.join_all().await {
            codes[number] = code;
        }
        assert_still_there(&log, &self.view.log(&account).await);
        self.view.end(codes, &account).await
    }

    /// What can be seen of an account: its rows, and its log.
    async fn seen(&mut self, account: &Account) -> (Vec<String>, Vec<TriggerEvent>) {
        (self.view.state(account).await, self.view.log(account).await)
    }
}

async fn writer(service: &Replica, database_url: &str) -> Writer {
    let store = Database::store_at(database_url).await;
    Writer { clients: service.clients().await, store }
}

async fn numbered(number: usize, write: Write, by: Writer, account: Account) -> (usize, Code) {
    (number, write.run(by, account).await)
}

/// How many sessions of the database wait for a lock.
async fn waiting(session: &mut Session) -> i64 {
    const SQL: &str = "
        select count(*)
          from pg_stat_activity
         where datname = current_database()
           and wait_event_type = 'Lock'";
    session.integers(SQL).await[0]
}

/// What was in the log before still is, at its place; only contents may have gone, and its beginning
/// where it is past its time.
fn assert_still_there(before: &[TriggerEvent], after: &[TriggerEvent]) {
    let first = after[0].position;
    assert!((1..=2).contains(&first), "more is pruned than is past its time");
    assert!(after.iter().map(|event| event.position).eq((first..).take(after.len())));
    let kept: Vec<_> = before.iter().filter(|event| event.position >= first).collect();
    let name = |event: &TriggerEvent| (event.position, event.event_id.clone(), event.commit_time);
    let names = kept.iter().map(|event| name(event));
    assert!(names.eq(after.iter().take(kept.len()).map(name)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_writes_makes_what_one_after_the_other_makes() {
    let mut setting = Setting::new().await;
    let in_turn = setting.view.every_pair_in_turn([&setting.one, &setting.two]).await;
    for (number, first) in Write::ALL.into_iter().enumerate() {
        for (other, second) in Write::ALL.into_iter().enumerate() {
            for commit in 0..first.commits() {
                let name = format!("held-{number}-{commit}-{other}");
                let held = setting.interleaved([first, second], commit, &name).await;
                let expected = &in_turn[&[first, second]];
                // Between two commits of one write there is room for another.
                if commit + 1 < first.commits() && held != *expected {
                    let swapped = in_turn[&[second, first]].clone().swapped();
                    assert_eq!(held, swapped, "{first:?} held at {commit}, then {second:?}");
                } else {
                    assert_eq!(held, *expected, "{first:?} held at {commit}, then {second:?}");
                }
            }
        }
    }
}
