//! Step by step, for every pair of writes: one is held before its commit, the other tries, readers
//! read, the first goes on. What comes out is what one after the other would have made.

use ticketsync::proto::v1::{
    CreateContactRequest, DisconnectRequest, EraseContactRequest, FinishConnectionRequest,
    GetContactRequest, RetryParkedEventsRequest, StartConnectionRequest, TriggerEvent,
    get_contact_request,
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::support::{
    Clients, Connected, Database, Proxy, Replica, Session, created, deleted, eventually,
    permanently_deleted, updated,
};

/// Every way of writing an account's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    CreatedEvent,
    UpdatedEvent,
    OlderEvent,
    MovingEvent,
    DeletedEvent,
    ErasingEvent,
    RetryParked,
    CreateContact,
    EraseContact,
    StartConnection,
    FinishConnection,
    Disconnect,
}

impl Write {
    const ALL: [Self; 12] = [
        Self::CreatedEvent,
        Self::UpdatedEvent,
        Self::OlderEvent,
        Self::MovingEvent,
        Self::DeletedEvent,
        Self::ErasingEvent,
        Self::RetryParked,
        Self::CreateContact,
        Self::EraseContact,
        Self::StartConnection,
        Self::FinishConnection,
        Self::Disconnect,
    ];

    /// Writes, and answers the code of the call.
    async fn run(self, clients: Clients, to: Connected) -> Code {
        let event = match self {
            Self::CreatedEvent => created("w-created", 2).requester(901, "ann@example.com"),
            Self::UpdatedEvent => updated("w-updated", 1, 20).requester(901, "ann@example.com"),
            Self::OlderEvent => updated("w-older", 1, 5).requester(901, "ann@example.com"),
            Self::MovingEvent => updated("w-moving", 1, 30).requester(901, "ann@example.org"),
            Self::DeletedEvent => deleted("w-deleted", 1, 25),
            Self::ErasingEvent => permanently_deleted("w-erasing", 1, 26),
            other => return code(other.call(clients, to).await),
        };
        code(clients.send(&to, event).await.map(drop))
    }

    async fn call(self, clients: Clients, to: Connected) -> Result<(), Status> {
        let (mut contacts, mut connections) = (clients.contacts, clients.connections);
        let Connected { account_id, connection_id } = to;
        match self {
            Self::RetryParked => {
                let event_ids = vec!["parked".to_owned()];
                let request = RetryParkedEventsRequest { account_id, connection_id, event_ids };
                clients.ingest.clone().retry_parked_events(request).await.map(drop)
            }
            Self::CreateContact => {
                let (email, name) = ("bob@example.com".to_owned(), "Bob".to_owned());
                let request = CreateContactRequest { account_id, email, name };
                contacts.create_contact(request).await.map(drop)
            }
            Self::EraseContact => {
                let contact = get_contact_request::Contact::Email("ann@example.com".into());
                let request =
                    GetContactRequest { account_id: account_id.clone(), contact: Some(contact) };
                let contact_id = contacts.get_contact(request).await?.into_inner().contact_id;
                let request = EraseContactRequest { account_id, contact_id };
                contacts.erase_contact(request).await.map(drop)
            }
            Self::StartConnection => {
                let request = StartConnectionRequest { account_id, subdomain: "second".into() };
                connections.start_connection(request).await.map(drop)
            }
            Self::FinishConnection => {
                let request = FinishConnectionRequest { account_id, connection_id };
                connections.finish_connection(request).await.map(drop)
            }
            Self::Disconnect => {
                let request = DisconnectRequest { account_id, connection_id, delete_tickets: true };
                connections.disconnect(request).await.map(drop)
            }
            event => unreachable!("{event:?} is an event"),
        }
    }
}

fn code(outcome: Result<(), Status>) -> Code {
    outcome.map_or_else(|status| status.code(), |()| Code::Ok)
}

/// An account with a synced ticket and a parked event. The connection waits for its finish where
/// that is what will be written: an ACTIVE one has nothing to finish.
async fn account(db: &Database, clients: &Clients, name: &str) -> Connected {
    let to = db.active_connection(name).await;
    for event in [
        created("before-1", 1).requester(901, "ann@example.com"),
        updated("before-2", 1, 10).requester(901, "ann@example.com"),
        created("parked", 3).requester(903, ""),
    ] {
        clients.send(&to, event).await.unwrap();
    }
    to
}

/// What an account holds, but for what chance and the clock decide.
async fn state(session: &mut Session, to: &Connected) -> Vec<String> {
    const QUERIES: [&str; 7] = [
        "select 'head ' || head || ' parked ' || parked_count from accounts where account_id = ",
        "select 'log ' || position || ' ' || kind || ' ' || event_id || ' ' ||
                case when ticket is null then 'erased' else 'whole' end
           from triggers where account_id = ",
        "select 'ticket ' || ticket_id || ' ' || state || ' ' || updated_at || ' ' ||
                observed_event_id || ' ' || created_logged || ' ' ||
                case when content is null then 'erased' else 'whole' end
           from tickets where account_id = ",
        "select 'contact ' || email_key || case when synced_at is null then '' else ' synced' end
           from contacts where account_id = ",
        "select 'parked ' || event_id from parked_events where account_id = ",
        "select 'event ' || event_id || ' ' || outcome || ' ' || coalesce(position, 0)
           from events where account_id = ",
        "select 'connection ' || state from connections where account_id = ",
    ];
    let mut state = Vec::new();
    for query in QUERIES {
        state.extend(session.texts(&format!("{query} '{}'", to.account_id)).await);
    }
    state.sort();
    state
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

/// The two replicas and the session through which a test looks.
struct Setting {
    db: Database,
    proxy: Proxy,
    /// Its commits can be held back.
    one: Clients,
    two: Clients,
    session: Session,
    _services: [Replica; 2],
}

impl Setting {
    async fn new() -> Self {
        let db = Database::postgres();
        let (proxy, url) = Proxy::before(db.url()).await;
        let services = [Replica::start(&url).await, Replica::start(db.url()).await];
        let (one, two) = (services[0].clients().await, services[1].clients().await);
        let session = db.session().await;
        Self { db, proxy, one, two, session, _services: services }
    }

    /// Both writes, one after the other: what has to come out.
    async fn in_turn(
        &mut self,
        first: Write,
        second: Write,
        name: &str,
    ) -> ([Code; 2], Vec<String>) {
        let to = self.account(name, first, second).await;
        let codes = [
            first.run(self.one.clone(), to.clone()).await,
            second.run(self.two.clone(), to.clone()).await,
        ];
        (codes, state(&mut self.session, &to).await)
    }

    async fn account(&mut self, name: &str, first: Write, second: Write) -> Connected {
        let to = account(&self.db, &self.one, name).await;
        if [first, second].contains(&Write::FinishConnection) {
            let sql = "update connections set state = 'awaiting_mapping' where account_id = ";
            self.session.execute(&format!("{sql} '{name}'")).await;
        }
        to
    }

    /// The first held before its commit, the second tried meanwhile.
    async fn interleaved(
        &mut self,
        first: Write,
        second: Write,
        name: &str,
    ) -> ([Code; 2], Vec<String>) {
        let to = self.account(name, first, second).await;
        let (before, log) = (state(&mut self.session, &to).await, self.two.log(name).await);
        let mut held = self.proxy.hold_next_commit();
        let mut calls = JoinSet::new();
        let one = self.one.clone();
        let held_call = calls.spawn(numbered(0, first, one, to.clone())).id();
        tokio::select! {
            () = held.reached() => {}
            refused = calls.join_next() => {
                // It had nothing to commit, so that there is nothing to hold.
                let (_, code) = refused.unwrap().unwrap();
                assert_ne!(code, Code::Ok, "{first:?} was answered OK without a commit");
                self.proxy.forget_plans();
                let codes = [code, second.run(self.two.clone(), to.clone()).await];
                return (codes, state(&mut self.session, &to).await);
            }
        }
        calls.spawn(numbered(1, second, self.two.clone(), to.clone()));
        // Either it waits for the first, or it had nothing to write and has answered.
        let session = &mut self.session;
        let early = eventually("the second to wait or to answer", async || {
            match calls.try_join_next_with_id() {
                Some(answer) => Some(Some(answer.unwrap())),
                None => (waiting(session).await > 0).then_some(None),
            }
        })
        .await;
        let (after, log_after) = (state(&mut self.session, &to).await, self.two.log(name).await);
        assert_eq!((&before, &log), (&after, &log_after), "{first:?} shows before its commit");
        held.release();
        let mut codes = [Code::Unknown; 2];
        if let Some((id, (number, code))) = early {
            assert_ne!(id, held_call, "{first:?} answered before its commit");
            codes[number] = code;
        }
        for (number, code) in calls.join_all().await {
            codes[number] = code;
        }
        self.assert_prefix(&log, name).await;
        (codes, state(&mut self.session, &to).await)
    }

    /// What was in the log before still is, at its place; only contents may have gone.
    async fn assert_prefix(&self, before: &[TriggerEvent], name: &str) {
        let after = self.two.log(name).await;
        assert!(
            after.iter().map(|event| event.position).eq(1..=i64::try_from(after.len()).unwrap())
        );
        let names =
            |event: &TriggerEvent| (event.position, event.event_id.clone(), event.commit_time);
        assert!(before.iter().map(names).eq(after.iter().take(before.len()).map(names)));
    }
}

async fn numbered(number: usize, write: Write, clients: Clients, to: Connected) -> (usize, Code) {
    (number, write.run(clients, to).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_writes_makes_what_one_after_the_other_makes() {
    let mut setting = Setting::new().await;
    for (number, first) in Write::ALL.into_iter().enumerate() {
        for (other, second) in Write::ALL.into_iter().enumerate() {
            let in_turn = setting.in_turn(first, second, &format!("turn-{number}-{other}")).await;
            let held = setting.interleaved(first, second, &format!("held-{number}-{other}")).await;
            assert_eq!(held, in_turn, "{first:?} held, then {second:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_write_waits_for_another_and_readers_wait_for_none() {
    let db = Database::sqlite();
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    let mut outsider = db.session().await;
    for (number, write) in Write::ALL.into_iter().enumerate() {
        let name = format!("held-{number}");
        let to = account(&db, &clients, &name).await;
        let log = clients.log(&name).await;
        let mut session = db.session().await;
        let before = state(&mut session, &to).await;
        outsider.execute("begin immediate").await;
        let mut calls = JoinSet::new();
        calls.spawn(write.run(clients.clone(), to.clone()));
        assert_eq!(clients.log(&name).await, log);
        assert_eq!(state(&mut session, &to).await, before);
        outsider.execute("rollback").await;
        assert_eq!(calls.join_all().await, [Code::Ok], "{write:?}");
        session.close().await;
    }
}
