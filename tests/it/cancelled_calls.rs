//! Callers that hang up: no write is torn, and none after it vanishes.

use std::{collections::BTreeSet, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ticketsync::proto::v1::{CreateContactRequest, DisconnectRequest, StartConnectionRequest};
use tokio::{task::JoinSet, time::timeout};

use crate::support::{
    Clients, Connected, Database, Replica, Session, created, eventually, on_both_engines,
};

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
        let answered: Vec<Written> = callers.join_all().await.into_iter().flatten().collect();
        assert!(answered.len() < usize::try_from(CALLS).unwrap() / 2, "hardly any was cancelled");

        let after = CALLS + 1..=CALLS + WRITES_AFTER;
        for ticket in after.clone() {
            clients.send(&to, created(&format!("e{ticket}"), ticket)).await.unwrap();
        }
        let mut session = db.session().await;
        let stored = stored(&mut session).await;
        for written in answered.into_iter().chain(after.map(Written::Ticket)) {
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

/// Makes calls of every kind that writes, and hangs up on most. Answers what was answered for all
/// that.
async fn hang_up(clients: Clients, to: Connected, caller: i64) -> Vec<Written> {
    let mut random = StdRng::seed_from_u64(caller.unsigned_abs());
    let mut answered = Vec::new();
    for call in 0..CALLS / CALLERS {
        let number = caller * (CALLS / CALLERS) + call + 1;
        let patience = Duration::from_micros(random.random_range(0..LATEST_MICROS));
        let kind = random.random_range(0..6);
        let write = async {
            match kind {
                0 => create_contact(&clients, number).await,
                1 => start_connection(&clients, number).await,
                2 => disconnect_unknown(&clients).await,
                _ => ingest(&clients, &to, number).await,
            }
        };
        answered.extend(timeout(patience, write).await.ok().flatten());
    }
    answered
}

async fn ingest(clients: &Clients, to: &Connected, number: i64) -> Option<Written> {
    let event = created(&format!("e{number}"), number);
    clients.send(to, event).await.ok().map(|_| Written::Ticket(number))
}

async fn create_contact(clients: &Clients, number: i64) -> Option<Written> {
    let email = format!("contact{number}@example.com");
    let request = CreateContactRequest {
        account_id: "acme".into(),
        email: email.clone(),
        name: String::new(),
    };
    let answer = clients.contacts.clone().create_contact(request).await;
    answer.ok().map(|_| Written::Contact(email))
}

async fn start_connection(clients: &Clients, number: i64) -> Option<Written> {
    let request =
        StartConnectionRequest { account_id: "acme".into(), subdomain: format!("acme{number}") };
    let answer = clients.connections.clone().start_connection(request).await.ok()?.into_inner();
    answer.connection.map(|connection| Written::Connection(connection.connection_id))
}

/// Writes nothing.
async fn disconnect_unknown(clients: &Clients) -> Option<Written> {
    let request = DisconnectRequest {
        account_id: "acme".into(),
        connection_id: "00000000-0000-4000-8000-000000000000".into(),
        delete_tickets: true,
    };
    clients.connections.clone().disconnect(request).await.ok();
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
