//! What a batch costs: the same number of statements for few events and for many.

use std::ops::Range;

use metrics_exporter_prometheus::PrometheusBuilder;
use ticketsync::{
    clock,
    domain::{ConnectionKey, EventId, EventSource, Hint, HintKind, Incoming, TicketEvent},
    rpc,
    store::{BatchKeys, Lane, Store},
};

use crate::support::{Database, Event, created, permanently_deleted, updated};

/// Accounts whose tickets are erased by one batch.
const ACCOUNTS: i64 = 20;
/// Tickets that each of them erases by it.
const ERASED_TICKETS: i64 = 10;

/// What a batch costs besides begin and commit: the lock, the load, a parked event, the save. Once an
/// event of its account is parked, three more look for what it may release. Change these when the
/// protocol changes.
const BATCH: (u64, u64) = (4, 7);
/// The lock, the load and the save.
const HINTS: u64 = 3;
/// Five of them erase, one takes the parked events away, one finds the requesters, whom such an event
/// does not tell.
const ERASURE: u64 = 13;

/// Commits the events as one batch and tells how many statements were sent for it.
async fn statements(store: &Store, events: Vec<TicketEvent>) -> u64 {
    take_in(store, events.into_iter().map(Incoming::Event).collect()).await
}

/// The same for whatever comes in.
async fn take_in(store: &Store, incoming: Vec<Incoming>) -> u64 {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _local = metrics::set_default_local_recorder(&recorder);
    let mut lane = Lane::new(store.clone());
    let mut tx = lane.begin().await.unwrap();
    let mut set = tx.load_batch(BatchKeys::of_incoming(&incoming)).await.unwrap();
    let now = clock::now();
    for incoming in incoming {
        set.take_in(incoming, now, &mut rand::random).unwrap();
    }
    tx.save_batch(&mut set, now).await.unwrap();
    tx.commit().await.unwrap();
    let text = handle.render();
    let counted =
        text.lines().find_map(|line| line.strip_prefix("ticketsync_batch_statements_total "));
    counted.unwrap().parse().unwrap()
}

/// Reads an event as the service does.
fn parse(connection: &ConnectionKey, event: Event) -> TicketEvent {
    rpc::event::parse(connection.clone(), Some(event.0), clock::now()).unwrap()
}

/// So many tickets created and, in the same batch, updated, and one that is parked.
fn batch(connection: &ConnectionKey, tag: &str, tickets: i64) -> Vec<TicketEvent> {
    let base = if tag == "few" { 0 } else { 10_000 };
    let both = (base + 1..=base + tickets).flat_map(|ticket| {
        [
            created(&format!("{tag}-c{ticket}"), ticket),
            updated(&format!("{tag}-u{ticket}"), ticket, 60),
        ]
    });
    let parked = created(&format!("{tag}-p"), base + 5_000).email("");
    both.chain([parked]).map(|event| parse(connection, event)).collect()
}

/// On one thread, where the counter is.
async fn a_batch_costs_as_many_statements_for_10_events_as_for_500(db: Database) {
    let connection = db.active_connection("acme").await.key();
    let store = db.store().await;
    let warm_up = statements(&store, batch(&connection, "warm", 1)).await;
    let few = statements(&store, batch(&connection, "few", 5)).await;
    let many = statements(&store, batch(&connection, "many", 250)).await;
    assert_eq!(few, many, "10 events and 500");
    assert_eq!((warm_up, many), BATCH);
    store.close().await;
}

/// The tickets of these numbers, created, updated and with an event that is parked.
fn history(connection: &ConnectionKey, tickets: Range<i64>) -> Vec<TicketEvent> {
    let events = tickets.flat_map(|ticket| {
        [
            created(&format!("c{ticket}"), ticket),
            updated(&format!("u{ticket}"), ticket, 60),
            updated(&format!("p{ticket}"), ticket, 90).requester(800, ""),
        ]
    });
    events.map(|event| parse(connection, event)).collect()
}

fn erasure(connection: &ConnectionKey, tickets: Range<i64>) -> Vec<TicketEvent> {
    let gone = tickets.map(|ticket| permanently_deleted(&format!("e{ticket}"), ticket, 100));
    gone.map(|event| parse(connection, event)).collect()
}

async fn erasing_costs_as_many_statements_for_a_ticket_as_for_many_of_many_accounts(db: Database) {
    let mut connections = Vec::new();
    for account in 0..ACCOUNTS {
        connections.push(db.active_connection(&format!("account-{account}")).await.key());
    }
    let store = db.store().await;
    for connection in &connections {
        statements(&store, history(connection, 1..1 + 2 * ERASED_TICKETS)).await;
    }
    let (first, all) = (&connections[0], connections.iter());
    let one = statements(&store, erasure(first, 1..2)).await;
    let many = statements(&store, erasure(first, 2..1 + ERASED_TICKETS)).await;
    let one_each = all.clone().flat_map(|to| erasure(to, 1 + ERASED_TICKETS..2 + ERASED_TICKETS));
    let one_each = statements(&store, one_each.collect()).await;
    let many_each = all.flat_map(|to| erasure(to, 2 + ERASED_TICKETS..1 + 2 * ERASED_TICKETS));
    let many_each = statements(&store, many_each.collect()).await;
    assert_eq!((many, one_each, many_each), (one, one, one));
    assert_eq!(one, ERASURE);
    store.close().await;

    let mut session = db.session().await;
    let count = |table: &str, what: &str| format!("select count(*) from {table} where {what}");
    let erased = ERASED_TICKETS * (ACCOUNTS + 1);
    let kept = ERASED_TICKETS * (ACCOUNTS - 1);
    for (table, is_erased, events) in [
        ("tickets", "state = 'erased' and content is null", 1),
        ("triggers", "ticket is null and changes is null", 2),
        ("events", "outcome = 'erased' and content_hash is null", 4),
    ] {
        let gone = session.integers(&count(table, is_erased)).await;
        assert_eq!(gone, [erased * events], "erased {table}");
    }
    let parked = session.integers(&count("parked_events", "true")).await;
    let counted = session.integers("select cast(sum(parked_count) as bigint) from accounts").await;
    assert_eq!((parked, counted), (vec![kept], vec![kept]), "parked events of tickets that stay");
    session.close().await;
}

/// A connection of the account, two of whose fields are mapped.
async fn mapped_connection(db: &Database, account: &str) -> ConnectionKey {
    let connection = db.active_connection(account).await.key();
    let mut session = db.session().await;
    let id = connection.connection;
    for (field, from) in [(1, "subject"), (2, "status")] {
        let field = format!("00000000-0000-7000-8000-00000000000{field}");
        session
            .execute(&format!(
                "insert into contact_fields
                      values ('{account}', '{field}', '{from}', '{from}', 'text', '[]', 0);
                 insert into field_mappings values ('{account}', '{id}', '{field}', '{from}')"
            ))
            .await;
    }
    let mapped = format!("update connections set mapped_at = 0 where account_id = '{account}'");
    session.execute(&mapped).await;
    session.close().await;
    connection
}

/// Updates of the tickets that [`batch`] has made.
fn updates(connection: &ConnectionKey, tickets: i64) -> Vec<TicketEvent> {
    let events = (10_001..=10_000 + tickets).map(|ticket| {
        updated(&format!("again-{tickets}-{ticket}"), ticket, 120 + tickets).subject("Again")
    });
    events.map(|event| parse(connection, event)).collect()
}

async fn mapped_fields_cost_three_statements_more_however_many_are_written(db: Database) {
    let mapped = mapped_connection(&db, "mapped").await;
    let plain = db.active_connection("plain").await.key();
    let store = db.store().await;
    let mut costs = Vec::new();
    for connection in [&plain, &mapped] {
        statements(&store, batch(connection, "many", 250)).await;
        let few = statements(&store, updates(connection, 5)).await;
        let many = statements(&store, updates(connection, 250)).await;
        assert_eq!(few, many, "5 events and 250");
        costs.push(many);
    }
    // The mappings, who wrote the values last, and what is written.
    assert_eq!(costs[1], costs[0] + 3);
    store.close().await;
    let mut session = db.session().await;
    let written = session.texts("select distinct value from contact_values order by value").await;
    assert_eq!(written, ["Again", "open"]);
    assert_eq!(session.integers("select count(*) from contact_values").await, [500]);
    session.close().await;
}

/// A batch of so many hints, each of another ticket.
fn hints(connection: &ConnectionKey, tag: &str, count: i64) -> Vec<Incoming> {
    let hint = |ticket: i64| Hint {
        id: EventId::of(EventSource::Zendesk, format!("{tag}-{ticket}")).unwrap(),
        ticket_id: ticket.try_into().unwrap(),
        kind: HintKind::Changed,
        occurred_at: None,
        updated_at: None,
        detail: None,
    };
    let hints = (1..=count).map(hint);
    hints.map(|hint| Incoming::Hint(connection.clone(), Box::new(hint))).collect()
}

async fn a_batch_of_hints_costs_three_statements_however_many_there_are(db: Database) {
    // What mappings and parked events cost is no concern of hints.
    let connection = mapped_connection(&db, "acme").await;
    let store = db.store().await;
    statements(&store, batch(&connection, "few", 1)).await;
    let one = take_in(&store, hints(&connection, "one", 1)).await;
    let many = take_in(&store, hints(&connection, "many", 500)).await;
    // All of them wait already, and so nothing is saved.
    let again = take_in(&store, hints(&connection, "many", 500)).await;
    assert_eq!((one, many, again), (HINTS, HINTS, HINTS - 1));
    store.close().await;
    let mut session = db.session().await;
    assert_eq!(session.integers("select count(*) from inbox").await, [501]);
    session.close().await;
}

#[tokio::test]
async fn a_batch_of_hints_costs_three_statements_however_many_there_are_on_sqlite() {
    a_batch_of_hints_costs_three_statements_however_many_there_are(Database::sqlite()).await;
}

#[tokio::test]
async fn a_batch_of_hints_costs_three_statements_however_many_there_are_on_postgres() {
    let db = std::thread::spawn(Database::postgres).join().unwrap();
    a_batch_of_hints_costs_three_statements_however_many_there_are(db).await;
}

#[tokio::test]
async fn mapped_fields_cost_three_statements_more_however_many_are_written_on_sqlite() {
    mapped_fields_cost_three_statements_more_however_many_are_written(Database::sqlite()).await;
}

#[tokio::test]
async fn mapped_fields_cost_three_statements_more_however_many_are_written_on_postgres() {
    let db = std::thread::spawn(Database::postgres).join().unwrap();
    mapped_fields_cost_three_statements_more_however_many_are_written(db).await;
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

#[tokio::test]
async fn erasing_costs_as_many_statements_for_a_ticket_as_for_many_of_many_accounts_on_sqlite() {
    erasing_costs_as_many_statements_for_a_ticket_as_for_many_of_many_accounts(Database::sqlite())
        .await;
}

#[tokio::test]
async fn erasing_costs_as_many_statements_for_a_ticket_as_for_many_of_many_accounts_on_postgres() {
    let db = std::thread::spawn(Database::postgres).join().unwrap();
    erasing_costs_as_many_statements_for_a_ticket_as_for_many_of_many_accounts(db).await;
}
