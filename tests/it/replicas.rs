//! Three replicas on one `PostgreSQL` behave as one service.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use ticketsync::proto::v1::{EventOutcome, EventResult, TriggerEvent, TriggerKind};
use tokio::task::JoinSet;
use tonic::Streaming;

use crate::support::{Clients, Connected, Database, Event, Replica, created, updated};

const REPLICAS: usize = 3;
const WRITERS: usize = 20;
const TICKETS: i64 = 50;
const EMAILS: i64 = 50;
/// Updates of each ticket, besides its creation.
const UPDATES: i64 = 9;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_writers_through_three_replicas_make_one_history() {
    let db = Database::postgres();
    let to = db.active_connection("acme").await;
    // All at once, on a database that each of them would migrate.
    let services = join_all((0..REPLICAS).map(|_| Replica::start(db.url()))).await;
    let clients = join_all(services.iter().map(Replica::clients)).await;
    let mut tails = JoinSet::new();
    for client in &clients {
        let mut tail = client.tail("acme", false).await.unwrap();
        tail.message().await.unwrap().expect("the first message follows at once");
        tails.spawn(follow(tail));
    }

    let answers = write(&clients, &to).await;

    let log = clients[0].log("acme").await;
    assert!(log.iter().map(|event| event.position).eq(1..=i64::try_from(log.len()).unwrap()));
    assert_created_once(&log);
    assert_answers_are_in(&log, &answers);
    assert_one_contact_per_email(&db).await;
    let end = clients[0].send(&to, created("end", TICKETS + 1)).await.unwrap();
    let mut whole = clients[0].log("acme").await;
    assert_eq!(whole.pop().unwrap().position, end.position.unwrap());
    for tail in tails.join_all().await {
        assert_eq!(tail, whole, "a tail lost something meanwhile");
    }
}

/// Reads a tail until the event `end`, and answers all before it.
async fn follow(
    mut tail: Streaming<ticketsync::proto::v1::TailTriggersResponse>,
) -> Vec<TriggerEvent> {
    let mut seen = Vec::new();
    loop {
        for event in tail.message().await.unwrap().expect("a tail does not end").events {
            if event.event_id == "end" {
                return seen;
            }
            seen.push(event);
        }
    }
}

/// Every event in an order of chance, the writers taking turns, each event to two replicas at once.
async fn write(clients: &[Clients], to: &Connected) -> BTreeMap<String, [EventResult; 2]> {
    let mut random = StdRng::seed_from_u64(20);
    let mut events = events(&mut random);
    events.shuffle(&mut random);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mine: Vec<Event> = events.iter().skip(writer).step_by(WRITERS).cloned().collect();
        let first = random.random_range(0..clients.len());
        let clients = [clients[first].clone(), clients[(first + 1) % clients.len()].clone()];
        let to = to.clone();
        writers.spawn(async move {
            let mut answers = Vec::new();
            for event in mine {
                let both = clients.each_ref().map(|client| client.send(&to, event.clone()));
                let [one, other] = both;
                let (one, other) = tokio::join!(one, other);
                answers.push((event.0.event_id, [one.unwrap(), other.unwrap()]));
            }
            answers
        });
    }
    writers.join_all().await.into_iter().flatten().collect()
}

/// Tickets whose updates show requesters under many spellings of many addresses.
fn events(random: &mut StdRng) -> Vec<Event> {
    let mut events = Vec::new();
    for ticket in 1..=TICKETS {
        for n in 0..=UPDATES {
            let event = match n {
                0 => created(&format!("t{ticket}-0"), ticket),
                n => updated(&format!("t{ticket}-{n}"), ticket, n),
            };
            let email = random.random_range(1..=EMAILS);
            let spelling = match random.random_range(0..3) {
                0 => format!("person{email}@example.com"),
                1 => format!("Person{email}@Example.com"),
                _ => format!(" PERSON{email}@EXAMPLE.COM "),
            };
            events.push(event.requester(900 + email, &spelling));
        }
    }
    events
}

fn assert_created_once(log: &[TriggerEvent]) {
    let created: Vec<i64> = log
        .iter()
        .filter(|event| event.kind() == TriggerKind::TicketCreated)
        .map(|event| event.ticket_id)
        .collect();
    let tickets: BTreeSet<i64> = created.iter().copied().collect();
    assert_eq!(created.len(), tickets.len(), "a ticket was created twice");
    assert!(tickets.into_iter().eq(1..=TICKETS));
}

/// One of the two was first, the other was told what the first one did.
fn assert_answers_are_in(log: &[TriggerEvent], answers: &BTreeMap<String, [EventResult; 2]>) {
    for (id, answers) in answers {
        let duplicates =
            answers.iter().filter(|answer| answer.outcome() == EventOutcome::Duplicate).count();
        assert_eq!(duplicates, 1, "{id}: {answers:?}");
        let [one, other] = answers;
        assert_eq!((one.position, &one.contact_id), (other.position, &other.contact_id), "{id}");
        if let Some(position) = one.position {
            assert_eq!(log[usize::try_from(position).unwrap() - 1].event_id, *id);
        }
    }
}

async fn assert_one_contact_per_email(db: &Database) {
    let mut session = db.session().await;
    let keys = session.texts("select email_key from contacts order by email_key").await;
    let unique: BTreeSet<&String> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len());
    assert!(keys.iter().all(|key| key.starts_with("person") && !key.contains(' ')));
    session.close().await;
}
