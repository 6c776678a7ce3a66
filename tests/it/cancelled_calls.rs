//! Callers that hang up: no write is torn, and none after it vanishes.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ticketsync::proto::v1::{CreateContactRequest, DisconnectRequest, StartConnectionRequest};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::support::{
    Clients, Connected, Database, Replica, Session, created, eventually, on_both_engines, reason,
};

const CALLERS: i64 = 20;
/// How often each caller waits one call out and then hangs up on others of its kind.
const ROUNDS: i64 = 40;
/// The calls of a round: one that is waited out, and those for which nobody waits longer than twice as
/// long, so that about half of them are cancelled, at every stage, however fast the machine is.
const ROUND: i64 = 8;
const CALLS: i64 = CALLERS * ROUNDS * ROUND;
/// How many of them have to be cancelled, for this to show something: half of what is to be expected.
const CANCELLED_AT_LEAST: i64 = CALLERS * ROUNDS * (ROUND - 1) / 4;
/// Writes afterwards, each of which has to be there.
const WRITES_AFTER: i64 = 100;

on_both_engines! {
    async fn after_thousands_of_cancelled_calls_every_answered_write_is_there(db: Database) {
        let to = db.active_connection("acme").await;
        let service = Replica::start(db.url()).await;
        let clients = service.clients().await;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            // Each on a connection of its own: one on which many calls are cancelled before the server
            // has looked at them is closed, as a defence, and takes the calls of all others along.
            callers.spawn(hang_up(service.clients().await, to.clone(), caller));
        }
        let ended = callers.join_all().await;
        let cancelled: i64 = ended.iter().map(|ended| ended.cancelled).sum();
        assert!(cancelled >= CANCELLED_AT_LEAST, "hardly any was cancelled: {cancelled}");

        let after = CALLS + 1..=CALLS + WRITES_AFTER;
        for ticket in after.clone() {
            clients.send(&to, created(&format!("e{ticket}"), ticket)).await.unwrap();
        }
        let mut session = db.session().await;
        let stored = stored(&mut session).await;
        let answered = ended.into_iter().flat_map(|ended| ended.answered);
        for written in answered.chain(after.map(Written::Ticket)) {
            assert!(stored.contains(&written), "{written:?} was answered OK and is not there");
        }
        session.close().await;
        assert_nothing_is_left_open(&db).await;
        let log = clients.log("acme").await;
        assert!(log.iter().map(|event| event.position).eq(1..=i64::try_from(log.len()).unwrap()));
    }
}

/// What an answered call has written.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    Ticket(i64),
    /// By its e-mail address.
    Contact(String),
    /// By its id.
    Connection(String),
}

/// Everything of the kinds that the calls write.
async fn stored(session: &mut Session) -> BTreeSet<Written> {
    let tickets = session.integers("select ticket_id from tickets").await;
    let contacts = session.texts("select email from contacts").await;
    let connections = session.texts("select connection_id from connections").await;
    let tickets = tickets.into_iter().map(Written::Ticket);
    let contacts = contacts.into_iter().map(Written::Contact);
    tickets.chain(contacts).chain(connections.into_iter().map(Written::Connection)).collect()
}

/// How one caller's calls have ended.
#[derive(Default)]
struct Ended {
    /// What was answered OK.
    answered: Vec<Written>,
    cancelled: i64,
}

/// Makes calls of every kind that writes, and hangs up on about half of them.
async fn hang_up(clients: Clients, to: Connected, caller: i64) -> Ended {
    let mut random = StdRng::seed_from_u64(caller.unsigned_abs());
    let mut ended = Ended::default();
    for round in 0..ROUNDS {
        let kind = random.random_range(0..6);
        let write = async |number| match kind {
            0 => create_contact(&clients, number).await,
            1 => start_connection(&clients, number).await,
            2 => disconnect_unknown(&clients).await,
            _ => ingest(&clients, &to, number).await,
        };
        let first = (caller * ROUNDS + round) * ROUND + 1;
        let begun = Instant::now();
        ended.answered.extend(write(first).await);
        let took = begun.elapsed();
        for number in first + 1..first + ROUND {
            let patience = took.mul_f64(random.random_range(0.0..2.0));
            match timeout(patience, write(number)).await {
                Ok(written) => ended.answered.extend(written),
                Err(_) => ended.cancelled += 1,
            }
        }
    }
    ended
}

async fn ingest(clients: &Clients, to: &Connected, number: i64) -> Option<Written> {
    clients.send(to, created(&format!("e{number}"), number)).await.unwrap();
    Some(Written::Ticket(number))
}

async fn create_contact(clients: &Clients, number: i64) -> Option<Written> {
    let email = format!("contact{number}@example.com");
    let request = CreateContactRequest {
        account_id: "acme".into(),
        email: email.clone(),
        name: String::new(),
    };
    clients.contacts.clone().create_contact(request).await.unwrap();
    Some(Written::Contact(email))
}

async fn start_connection(clients: &Clients, number: i64) -> Option<Written> {
    let request =
        StartConnectionRequest { account_id: "acme".into(), subdomain: format!("acme{number}") };
    let answer = clients.connections.clone().start_connection(request).await.unwrap().into_inner();
    answer.connection.map(|connection| Written::Connection(connection.connection_id))
}

/// Writes nothing.
async fn disconnect_unknown(clients: &Clients) -> Option<Written> {
    let request = DisconnectRequest {
        account_id: "acme".into(),
        connection_id: "00000000-0000-4000-8000-000000000000".into(),
        delete_tickets: true,
    };
    let refused = clients.connections.clone().disconnect(request).await.unwrap_err();
    assert_eq!(reason(&refused), "CONNECTION_NOT_FOUND");
    None
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
