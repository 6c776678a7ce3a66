//! Every order of arrival ends in the same objects and tags, and in the log that the rules give for
//! that order: random stories against a model that keeps no state.

mod drive;
mod model;
mod story;

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use ticketsync::{
    domain::ConnectionKey,
    store::{DatabaseUrl, Durability, Lane, Store, StoreOptions},
};
use tokio::{runtime::Handle, sync::Mutex, task::block_in_place};

use self::{
    model::{Ending, Logged},
    story::{Arrivals, Story, Told, stories},
};
use crate::support::{Session, on_both_engines};

/// How many stories are told on each engine.
const STORIES: u32 = 1_000;

on_both_engines! {
    async fn every_order_of_arrival_ends_in_the_same_objects_and_in_the_models_log(db: Database) {
        // What is shown here are the rules; that OK is durable is shown elsewhere.
        let url: DatabaseUrl = db.url().parse().unwrap();
        let options = StoreOptions { durability: Durability::Unsafe, ..StoreOptions::new(url) };
        let store = Store::open(&options).await.unwrap();
        let stage = Stage {
            lanes: [Lane::new(store.clone()), Lane::new(store.clone())],
            session: db.session().await,
            store,
            stories: 0,
        };
        let stage = Mutex::new(stage);
        // The same stories each time, so that a failure is one for everybody.
        let config = Config { cases: STORIES, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let outcome = TestRunner::new_with_rng(config, rng).run(&stories(), |story| {
            block_in_place(|| Handle::current().block_on(async { stage.lock().await.tell(&story).await }))
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
        let Stage { store, session, .. } = stage.into_inner();
        session.close().await;
        store.close().await;
    }
}

/// Where stories are told: one store, with two writers.
struct Stage {
    store: Store,
    lanes: [Lane; 2],
    session: Session,
    stories: u32,
}

/// How the two writers share the batches.
#[derive(Debug, Clone, Copy)]
enum Writers {
    TakeTurns,
    AtOnce,
}

impl Stage {
    /// Tells a story to three accounts: in its first and in its second order, with writers taking
    /// turns, and with both at once.
    async fn tell(&mut self, story: &Story) -> Result<(), TestCaseError> {
        let first = self.ending(story, &story.first, Writers::TakeTurns).await;
        prop_assert_eq!(&first, &model::ending(&story.first, story.erased_contact));
        let second = self.ending(story, &story.second, Writers::TakeTurns).await;
        prop_assert_eq!(&second, &model::ending(&story.second, story.erased_contact));
        let both = self.ending(story, &story.first, Writers::AtOnce).await;
        self.assert_erased(story, &both).await?;
        for other in [second, both] {
            // What comes after an erasure is not heard, so that orders differ. With a contact go the
            // tickets whose contents are theirs, and a deleted one has those it had when it went.
            if !story.erased().is_empty() || other.tombstones != first.tombstones {
                continue;
            }
            prop_assert_eq!(&first.objects, &other.objects);
            prop_assert_eq!(&first.tagged, &other.tagged);
            prop_assert_eq!(&first.parked, &other.parked);
        }
        Ok(())
    }

    /// Nothing is left of what is erased in the story, which was told last.
    async fn assert_erased(&mut self, story: &Story, ending: &Ending) -> Result<(), TestCaseError> {
        let erased = &ending.tombstones;
        prop_assert!(erased.is_superset(&story.erased()), "{:?}", erased);
        let kept = |entry: &&Logged| erased.contains(&entry.ticket) && entry.content.is_some();
        prop_assert_eq!(ending.log.iter().find(kept), None);
        for tickets in ending.objects.values() {
            prop_assert!(tickets.keys().all(|ticket| !erased.contains(ticket)), "{:?}", tickets);
        }
        let account = format!("account_id = 'story-{}'", self.stories);
        // There is no ticket 0: a list must not be empty.
        let tickets: Vec<String> = [0].iter().chain(erased).map(ToString::to_string).collect();
        let tickets = format!("ticket_id in ({})", tickets.join(", "));
        let nobody = format!("contact_id not in (select contact_id from contacts where {account})");
        let kept = [
            format!("tickets where content is not null and {tickets}"),
            format!("triggers where (ticket is not null or changes is not null) and {tickets}"),
            format!("parked_events where {tickets}"),
            format!("events where content_hash is not null and {tickets}"),
            format!("triggers where (ticket is not null or changes is not null) and {nobody}"),
            format!("requesters where {nobody}"),
        ];
        let kept = kept
            .map(|rows| format!("select '{}' from {rows} and {account}", rows.replace('\'', "''")));
        prop_assert_eq!(self.session.texts(&kept.join(" union all ")).await, Vec::<String>::new());
        Ok(())
    }

    async fn ending(&mut self, story: &Story, arrivals: &Arrivals, writers: Writers) -> Ending {
        self.stories += 1;
        let account = format!("story-{}", self.stories);
        let connection = self.session.active_connection(&account).await.key();
        let [before, after] = arrivals;
        self.write(&connection, before, &story.cuts, writers).await;
        if let Some(email) = story.erased_contact {
            drive::erase(&self.store, &connection.account, email).await;
        }
        self.write(&connection, after, &story.cuts, writers).await;
        drive::ending(&self.store, &mut self.session, &connection.account).await
    }

    async fn write(
        &mut self,
        connection: &ConnectionKey,
        arrivals: &[Told],
        cuts: &[usize],
        writers: Writers,
    ) {
        let [left, right] = &mut self.lanes;
        match writers {
            Writers::TakeTurns => {
                for (turn, batch) in batches(arrivals, cuts).enumerate() {
                    let lane = if turn % 2 == 0 { &mut *left } else { &mut *right };
                    drive::commit(lane, connection, batch).await;
                }
            }
            Writers::AtOnce => {
                let (early, late) = arrivals.split_at(arrivals.len() / 2);
                let write = async |lane: &mut Lane, arrivals: &[Told]| {
                    for batch in batches(arrivals, cuts) {
                        drive::commit(lane, connection, batch).await;
                    }
                };
                tokio::join!(write(left, early), write(right, late));
            }
        }
    }
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
