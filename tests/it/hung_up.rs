//! Callers that hang up at each moment in which they wait, one after the other: what chance hits in
//! thousands of cancelled calls.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use ticketsync::{
    domain::Contact,
    error::{Error, Result},
    service::{Contacts, Writes},
    store::{Store, StoreOptions},
};

use crate::support::{Database, PATIENCE, Proxy, eventually, on_both_engines};

/// How often callers hang up: where a call waits just then is for two threads to settle.
const TIMES: usize = 50;
/// The most polls that a caller makes before that: more than there are waits.
const POLLS: usize = 5;
/// How long a write may take that stands still: long enough for one that does not.
const LIMIT: Duration = Duration::from_secs(2);

/// Polls a call so often, and drops it if it is not done by then; what it has answered.
async fn hang_up_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn create(contacts: &Contacts, email: &str) -> Result<Contact> {
    let account = "acme".to_owned().try_into().unwrap();
    contacts.create(account, email.to_owned().try_into().unwrap(), String::new()).await
}

on_both_engines! {
    async fn a_write_is_brought_to_its_end_whenever_its_caller_hangs_up(db: Database) {
        let store = db.store().await;
        let contacts = Contacts::new(store.clone(), Writes::default());
        let mut session = db.session().await;
        let mut hung_up = 0;
        for time in 0..TIMES {
            let email = format!("ann{time}@example.com");
            let answer = hang_up_after(1 + time % POLLS, create(&contacts, &email)).await;
            let sql = format!("select email from contacts where email = '{email}'");
            eventually("the contact", async || session.texts(&sql).await.pop()).await;
            match answer {
                Some(answer) => drop(answer.unwrap()),
                None => hung_up += 1,
            }
        }
        assert!(hung_up > 0, "nobody has hung up");
        session.close().await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_that_is_given_up_leaves_no_transaction_open_on_postgres() {
    const OPEN: &str = "
        select count(*)
          from pg_stat_activity
         where datname = current_database()
           and state like 'idle in transaction%'";
    let db = Database::postgres();
    let options = StoreOptions { pool_size: 1, ..db.store_options() };
    let store = Store::open(&options).await.unwrap();
    let mut session = db.session().await;
    let mut hung_up = 0;
    for time in 0..TIMES {
        let polls = 1 + time % POLLS;
        match hang_up_after(polls, store.begin()).await {
            Some(begun) => drop(begun.unwrap()),
            None => hung_up += 1,
        }
        // There is one connection: it is back when it answers this.
        store.ping().await.unwrap();
        assert_eq!(session.integers(OPEN).await, [0], "after {polls} polls");
    }
    assert!(hung_up > 0, "nobody has hung up");
    session.close().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_that_is_given_up_leaves_no_transaction_open_on_sqlite() {
    let db = Database::sqlite();
    let store = db.store().await;
    let contacts = Contacts::new(store.clone(), Writes::default());
    let mut session = db.session().await;
    for time in 0..TIMES {
        // Nobody can begin meanwhile.
        session.execute("begin immediate").await;
        assert!(hang_up_after(1, store.begin()).await.is_none());
        session.execute("rollback").await;
        let email = format!("ann{time}@example.com");
        create(&contacts, &email).await.unwrap();
        let stored = session.texts("select email from contacts").await;
        assert!(stored.contains(&email), "{email} was answered and is not there");
        session.execute("begin immediate; rollback").await;
    }
    session.close().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_postgres_never_answers_gives_its_connection_back() {
    let db = Database::postgres();
    let (proxy, url) = Proxy::before(db.url()).await;
    let options = StoreOptions {
        url: url.parse().unwrap(),
        pool_size: 1,
        acquire_timeout: PATIENCE,
        ..db.store_options()
    };
    let store = Store::open(&options).await.unwrap();
    let contacts = Contacts::new(store.clone(), Writes::default().with_limit(LIMIT));
    // As where the server's host is gone without a word: the connection stays, and is silent.
    let mut held = proxy.hold_commit_after(0);
    let (unknown, ()) = tokio::join!(create(&contacts, "ann@example.com"), held.reached());
    assert!(matches!(unknown, Err(Error::OutcomeUnknown)), "{unknown:?}");
    // The pool tries for a moment to roll it back.
    let contacts = Contacts::new(store.clone(), Writes::default());
    let bob = create(&contacts, "bob@example.com").await.unwrap();
    assert_eq!(bob.email.as_str(), "bob@example.com");
    drop(held);
    store.close().await;
}
