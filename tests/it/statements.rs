//! What a batch costs: the same number of statements for few events and for many.

use metrics_exporter_prometheus::PrometheusBuilder;
use ticketsync::{
    clock,
    domain::{ConnectionKey, TicketEvent},
    rpc,
    store::{BatchKeys, Lane, Store},
};

use crate::support::{Database, Event, created, updated};

/// Commits the events as one batch and tells how many statements were sent for it.
async fn statements(store: &Store, events: Vec<TicketEvent>) -> u64 {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _local = metrics::set_default_local_recorder(&recorder);
    let mut lane = Lane::new(store.clone());
    let mut tx = lane.begin().await.unwrap();
    let mut set = tx.load_batch(BatchKeys::of(&events)).await.unwrap();
    let now = clock::now();
    for event in events {
        set.apply(event, now, &mut rand::random).unwrap();
    }
    tx.save_batch(&mut set, now).await.unwrap();
    tx.commit().await.unwrap();
    let text = handle.render();
    let counted =
        text.lines().find_map(|line| line.strip_prefix("ticketsync_batch_statements_total "));
    counted.unwrap().parse().unwrap()
}

/// So many tickets created and, in the same batch, updated, and one that is parked.
fn batch(connection: &ConnectionKey, tag: &str, tickets: i64) -> Vec<TicketEvent> {
    let parse = |event: Event| rpc::event::parse(connection.clone(), Some(event.0), clock::now());
    let base = if tag == "few" { 0 } else { 10_000 };
    let both = (base + 1..=base + tickets).flat_map(|ticket| {
        [
            created(&format!("{tag}-c{ticket}"), ticket),
            updated(&format!("{tag}-u{ticket}"), ticket, 60),
        ]
    });
    let parked = created(&format!("{tag}-p"), base + 5_000).email("");
    both.chain([parked]).map(|event| parse(event).unwrap()).collect()
}

/// On one thread, where the counter is.
async fn a_batch_costs_as_many_statements_for_10_events_as_for_500(db: Database) {
    let connected = db.active_connection("acme").await;
    let connection = ConnectionKey {
        account: connected.account_id.try_into().unwrap(),
        connection: connected.connection_id.parse().unwrap(),
    };
    let store = db.store().await;
    let warm_up = statements(&store, batch(&connection, "warm", 1)).await;
    let few = statements(&store, batch(&connection, "few", 5)).await;
    let many = statements(&store, batch(&connection, "many", 250)).await;
    assert_eq!(few, many, "10 events and 500");
    // Besides begin and commit: six that load, eight that save. By the second batch an event of the
    // account was parked, so that three more look for what it may release.
    assert_eq!((warm_up, many), (14, 17), "change this when the protocol changes");
    store.close().await;
}

#[tokio::test]
async fn a_batch_costs_as_many_statements_for_10_events_as_for_500_on_sqlite() {
    a_batch_costs_as_many_statements_for_10_events_as_for_500(Database::sqlite()).await;
}

#[tokio::test]
async fn a_batch_costs_as_many_statements_for_10_events_as_for_500_on_postgres() {
    let db = std::thread::spawn(Database::postgres).join().unwrap();
    a_batch_costs_as_many_statements_for_10_events_as_for_500(db).await;
}
