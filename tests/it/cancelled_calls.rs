//! Callers that hang up: no write is torn, and none after it vanishes.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ticketsync::proto::v1::{CreateContactRequest, DisconnectRequest, StartConnectionRequest};
use tokio::{task::JoinSet, time::timeout};

use crate::support::{Clients, Connected, Database, Replica, created, eventually, on_both_engines};

/// Calls that are cancelled, over all callers.
const CALLS: i64 = 3_000;
const CALLERS: i64 = 20;
/// When a call is cancelled, at the latest: about what one takes, so that every stage is hit.
const LATEST_MICROS: u64 = 8_000;
/// Writes afterwards, each of which has to be there.
const WRITES_AFTER: i64 = 100;

on_both_engines! {
    async fn after_thousands_of_cancelled_calls_every_answered_write_is_there(db: Database) {
        let to = db.active_connection("acme").await;
        let service = Replica::start(db.url()).await;
        let clients = service.clients().await;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            callers.spawn(hang_up(clients.clone(), to.clone(), caller));
        }
        let answered: Vec<i64> = callers.join_all().await.into_iter().flatten().collect();
        assert!(answered.len() < usize::try_from(CALLS).unwrap() / 2, "hardly any was cancelled");

        let after = CALLS + 1..=CALLS + WRITES_AFTER;
        for ticket in after.clone() {
            clients.send(&to, created(&format!("e{ticket}"), ticket)).await.unwrap();
        }
        let mut session = db.session().await;
        let stored = session.integers("select ticket_id from tickets order by ticket_id").await;
        for ticket in answered.into_iter().chain(after) {
            assert!(stored.binary_search(&ticket).is_ok(), "ticket {ticket} was answered OK");
        }
        session.close().await;
        assert_nothing_is_left_open(&db).await;
        let log = clients.log("acme").await;
        assert!(log.iter().map(|event| event.position).eq(1..=i64::try_from(log.len()).unwrap()));
    }
}

/// Makes calls of every kind that writes, and hangs up on most. Answers the tickets that were
/// answered for all that.
async fn hang_up(clients: Clients, to: Connected, caller: i64) -> Vec<i64> {
    let mut random = StdRng::seed_from_u64(caller.unsigned_abs());
    let mut answered = Vec::new();
    for call in 0..CALLS / CALLERS {
        let number = caller * (CALLS / CALLERS) + call + 1;
        let patience = Duration::from_micros(random.random_range(0..LATEST_MICROS));
        match random.random_range(0..6) {
            0 => drop(timeout(patience, create_contact(&clients, number)).await),
            1 => drop(timeout(patience, start_connection(&clients, number)).await),
            2 => drop(timeout(patience, disconnect_unknown(&clients)).await),
            _ => {
                let event = created(&format!("e{number}"), number);
                if let Ok(Ok(_)) = timeout(patience, clients.send(&to, event)).await {
                    answered.push(number);
                }
            }
        }
    }
    answered
}

async fn create_contact(clients: &Clients, number: i64) {
    let request = CreateContactRequest {
        account_id: "acme".into(),
        email: format!("contact{number}@example.com"),
        name: String::new(),
    };
    clients.contacts.clone().create_contact(request).await.ok();
}

async fn start_connection(clients: &Clients, number: i64) {
    let request =
        StartConnectionRequest { account_id: "acme".into(), subdomain: format!("acme{number}") };
    clients.connections.clone().start_connection(request).await.ok();
}

async fn disconnect_unknown(clients: &Clients) {
    let request = DisconnectRequest {
        account_id: "acme".into(),
        connection_id: "00000000-0000-4000-8000-000000000000".into(),
        delete_tickets: true,
    };
    clients.connections.clone().disconnect(request).await.ok();
}

/// No connection of the service stays in a transaction.
async fn assert_nothing_is_left_open(db: &Database) {
    const OPEN: &str = "
        select count(*)
          from pg_stat_activity
         where datname = current_database()
           and state like 'idle in transaction%'";
    if db.url().starts_with("postgres") {
        let mut session = db.session().await;
        eventually("the end of every transaction", async || {
            (session.integers(OPEN).await == [0]).then_some(())
        })
        .await;
        session.close().await;
    }
}
