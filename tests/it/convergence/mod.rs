//! Every order of arrival ends in the same objects and tags, and in the log that the rules give for
//! that order: random stories against a model that keeps no state.

mod drive;
mod model;
mod story;

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use ticketsync::store::{DatabaseUrl, Durability, Lane, Store, StoreOptions};
use tokio::{runtime::Handle, task::block_in_place};

use self::story::{Story, Told, stories};
use crate::support::{Database, on_both_engines};

/// How many stories are told on each engine.
const STORIES: u32 = 1_000;

on_both_engines! {
    async fn every_order_of_arrival_ends_in_the_same_objects_and_in_the_models_log(db: Database) {
        // What is shown here are the rules; that OK is durable is shown elsewhere.
        let url: DatabaseUrl = db.url().parse().unwrap();
        let options = StoreOptions { durability: Durability::Unsafe, ..StoreOptions::new(url) };
        let store = Store::open(&options).await.unwrap();
        // The same stories each time, so that a failure is one for everybody.
        let config = Config { cases: STORIES, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let told = AtomicU32::new(0);
        let outcome = runner.run(&stories(), |story| {
            let at = told.fetch_add(1, Ordering::Relaxed);
            block_in_place(|| Handle::current().block_on(tell(&db, &store, at, &story)))
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
        store.close().await;
    }
}

/// Tells a story to three accounts: in its first and in its second order, with two writers taking
/// turns, and with two writers at once.
async fn tell(db: &Database, store: &Store, at: u32, story: &Story) -> Result<(), TestCaseError> {
    let first = in_turns(db, store, &format!("story-{at}-first"), &story.first, &story.cuts).await;
    prop_assert_eq!(&first, &model::ending(&story.first));
    let second =
        in_turns(db, store, &format!("story-{at}-second"), &story.second, &story.cuts).await;
    prop_assert_eq!(&second, &model::ending(&story.second));
    if story.erases() {
        return Ok(());
    }
    let both = at_once(db, store, &format!("story-{at}-both"), story).await;
    for other in [second, both] {
        prop_assert_eq!(&first.objects, &other.objects);
        prop_assert_eq!(&first.tagged, &other.tagged);
        prop_assert_eq!(&first.parked, &other.parked);
    }
    Ok(())
}

/// The batches that arrivals are cut into.
fn batches<'a>(arrivals: &'a [Told], cuts: &'a [usize]) -> impl Iterator<Item = &'a [Told]> {
    let mut rest = arrivals;
    cuts.iter().cycle().map_while(move |size| {
        let (batch, later) = rest.split_at((*size).min(rest.len()));
        rest = later;
        (!batch.is_empty()).then_some(batch)
    })
}

async fn in_turns(
    db: &Database,
    store: &Store,
    account: &str,
    arrivals: &[Told],
    cuts: &[usize],
) -> model::Ending {
    let connection = drive::key(&db.active_connection(account).await);
    let mut lanes = [Lane::new(store.clone()), Lane::new(store.clone())];
    for (turn, batch) in batches(arrivals, cuts).enumerate() {
        drive::commit(&mut lanes[turn % 2], &connection, batch).await;
    }
    drive::ending(store, &connection.account).await
}

async fn at_once(db: &Database, store: &Store, account: &str, story: &Story) -> model::Ending {
    let connection = drive::key(&db.active_connection(account).await);
    let (left, right) = story.first.split_at(story.first.len() / 2);
    let write = async |arrivals: &[Told]| {
        let mut lane = Lane::new(store.clone());
        for batch in batches(arrivals, &story.cuts) {
            drive::commit(&mut lane, &connection, batch).await;
        }
    };
    tokio::join!(write(left), write(right));
    drive::ending(store, &connection.account).await
}
