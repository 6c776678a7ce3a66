//! A connection that keeps itself in sync with a help desk: hints fetched, changes made up for.

mod addresses;
mod clocks;
mod draining;
mod exporting;
mod pacing;
mod previewing;
mod scripted;
mod stuck;
mod troubles;
mod visible;
mod visiting;

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use ticketsync::{
    clock,
    domain::{
        AccountId, ConnectionKey, EventId, EventSource, Hint, HintKind, Secret, Ticket, TriggerKind,
    },
    proto::v1::{
        self as pb, authorize_connection_request::Decision,
        connection_service_server::ConnectionService as _,
    },
    rpc::connection::ConnectionApi,
    sandbox::zendesk::{RequestRecord, Switches},
    service::{Access, Batcher, Connecting, OnCommit, Upkeep, UpkeepOptions, Writes},
    store::{ReadBounds, ReadFrom, Store, TriggerFilter},
    zendesk::{Client, ClientOptions, REQUEST_TIMEOUT},
};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Request;

use crate::{
    connecting::new_keyring,
    sandbox::desk::{CLIENT_ID, CLIENT_SECRET, HelpDesk, REDIRECT_URL, letter, parameter},
    support::{Database, Session, eventually},
};

/// More of anything than a test has.
const ALL: i64 = 1_000;
/// Where the export is read.
const EXPORT: &str = "incremental/tickets/cursor.json";

/// A connection of the account `acme`, its help desk, and who looks after it.
pub struct Synced {
    pub desk: HelpDesk,
    pub store: Store,
    pub api: ConnectionApi,
    pub batcher: Batcher,
    pub key: ConnectionKey,
    pub session: Session,
    access: Access,
    options: UpkeepOptions,
    upkeep: Upkeep,
    looking: CancellationToken,
    looker: JoinHandle<()>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Synced {
    /// An ACTIVE connection whose help desk is well.
    async fn start(db: &Database) -> Self {
        Self::start_with(db, Switches::default(), hasty()).await
    }

    /// An ACTIVE connection, looked after in this way.
    async fn start_with(db: &Database, switches: Switches, options: UpkeepOptions) -> Self {
        let this = Self::unfinished(db, switches, options).await;
        this.authorize().await;
        this.finish().await;
        this
    }

    /// A connection that nobody has authorised.
    async fn unfinished(db: &Database, switches: Switches, options: UpkeepOptions) -> Self {
        let desk = HelpDesk::misbehaving(switches).await;
        let base = desk.desk.url.trim_end_matches(&desk.desk.subdomain).to_owned();
        Self::calling(db, &base, desk, options).await
    }

    /// A connection that nobody has authorised, to a Zendesk at this address.
    async fn calling(db: &Database, base: &str, desk: HelpDesk, options: UpkeepOptions) -> Self {
        let store = db.store().await;
        let client = Client::new(ClientOptions {
            base_url: format!("{base}{{subdomain}}").parse().unwrap(),
            redirect_url: REDIRECT_URL.parse().unwrap(),
            client_id: CLIENT_ID.into(),
            client_secret: Secret::new(CLIENT_SECRET.into()),
            request_timeout: REQUEST_TIMEOUT,
        });
        let access = Access::new(store.clone(), Writes::default(), new_keyring(), client.unwrap());
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let on_commit: OnCommit = Arc::new(|_: &AccountId| {});
        let batcher = Batcher::start(&store, 1, &on_commit, &stopping, &tasks).unwrap();
        let upkeep = Upkeep::new(&access, batcher.clone(), options.clone());
        let looking = stopping.child_token();
        let looker = tasks.spawn(upkeep.clone().run(looking.clone()));
        let api = ConnectionApi::new(Connecting::new(access.clone(), upkeep.clone()));
        let started = api.start_connection(Request::new(start_request())).await.unwrap();
        let id = started.into_inner().connection.unwrap().connection_id;
        let key = ConnectionKey {
            account: "acme".to_owned().try_into().unwrap(),
            connection: id.parse().unwrap(),
        };
        let session = db.session().await;
        Self {
            desk,
            store,
            api,
            batcher,
            key,
            session,
            access,
            options,
            upkeep,
            looking,
            looker,
            stopping,
            tasks,
        }
    }

    /// A person authorises the connection, for the first time or again.
    async fn authorize(&self) {
        let started = self.api.start_connection(Request::new(start_request())).await.unwrap();
        let url = started.into_inner().authorization_url;
        let back = self.desk.press(&url, "accept").await;
        let returned = |name| parameter(&back, name).unwrap();
        self.agree(returned("state"), returned("code")).await;
    }

    /// The browser has come back with these.
    async fn agree(&self, state: String, code: String) {
        let decision = Some(Decision::Code(code));
        let request = pb::AuthorizeConnectionRequest { account_id: "acme".into(), state, decision };
        self.api.authorize_connection(Request::new(request)).await.unwrap();
    }

    /// A person agrees at a Zendesk that asks nobody.
    async fn agree_to_script(&self) {
        let started = self.api.start_connection(Request::new(start_request())).await.unwrap();
        let url = url::Url::parse(&started.into_inner().authorization_url).unwrap();
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        self.agree(state, "a code".into()).await;
    }

    async fn finish(&self) {
        let request = pb::FinishConnectionRequest {
            account_id: "acme".into(),
            connection_id: self.key.connection.to_string(),
            field_mappings: Vec::new(),
        };
        self.api.finish_connection(Request::new(request)).await.unwrap();
    }

    /// Another process that looks after the connections of the same database.
    fn another_replica(&self) {
        let upkeep = Upkeep::new(&self.access, self.batcher.clone(), self.options.clone());
        self.tasks.spawn(upkeep.run(self.stopping.clone()));
    }

    /// Somebody writes to the help desk; the ticket's id.
    async fn write(&self, name: &str, email: Option<&str>) -> i64 {
        self.desk.write(letter(name, email)).await["id"].as_i64().unwrap()
    }

    /// An agent changes a ticket.
    async fn change(&self, id: i64, ticket: Value) {
        let answer = self.desk.change(&json!(id), ticket).await;
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// An agent does something to a ticket that has a path of its own.
    async fn act(&self, method: Method, path: &str) {
        let answer = self.desk.person(method, path, json!({})).await;
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Zendesk hints at a ticket.
    async fn hint(&self, id: &str, kind: HintKind, ticket: i64) {
        let hint = Hint {
            id: EventId::of(EventSource::Zendesk, id.into()).unwrap(),
            ticket_id: ticket.try_into().unwrap(),
            kind,
            occurred_at: Some(clock::now()),
            updated_at: None,
            detail: None,
        };
        self.batcher.store_hint(&self.key, hint, clock::now()).await.unwrap();
    }

    /// The connection, with how far its sync is.
    async fn connection(&self) -> pb::Connection {
        let request = pb::GetConnectionRequest {
            account_id: "acme".into(),
            connection_id: self.key.connection.to_string(),
        };
        self.api.get_connection(Request::new(request)).await.unwrap().into_inner()
    }

    async fn status(&self) -> pb::SyncStatus {
        self.connection().await.sync_status.unwrap()
    }

    /// Waits until no hint waits.
    async fn drained(&self) {
        eventually("an empty inbox", async || {
            (self.store.waiting(&self.key).await.unwrap().hint_count == 0).then_some(())
        })
        .await;
    }

    /// Waits until this problem is shown.
    async fn problem(&self, problem: pb::SyncProblem) -> pb::SyncStatus {
        eventually(problem.as_str_name(), async || {
            Some(self.status().await).filter(|status| status.problem() == problem)
        })
        .await
    }

    /// The ticket as it stands in a contact's object.
    async fn ticket(&self, id: i64) -> Option<Ticket> {
        let synced = self.store.ticket(&self.key, id.try_into().unwrap()).await.unwrap();
        synced.map(|synced| synced.ticket)
    }

    /// The log, as kinds and tickets.
    async fn log(&self) -> Vec<(TriggerKind, i64)> {
        let bounds = ReadBounds { positions: ALL, events: ALL };
        let (from, filter) = (ReadFrom::EARLIEST, TriggerFilter::default());
        let slice = self.store.read_log(&self.key.account, from, bounds, &filter).await.unwrap();
        let events = slice.events.into_iter();
        events.map(|row| (row.event.kind, row.event.ticket_id.get())).collect()
    }

    /// The calls so far of this path.
    fn calls(&self, path: &str) -> Vec<RequestRecord> {
        let path = format!("/api/v2/{path}");
        self.desk.desk.requests().into_iter().filter(|call| call.path == path).collect()
    }

    fn fetches(&self) -> Vec<RequestRecord> {
        self.calls("tickets/show_many.json")
    }

    /// Moves the moment in which the connection was finished by so many seconds.
    async fn finished_later_by(&mut self, seconds: i64) {
        let micros = seconds * 1_000_000;
        let sql = format!("update connections set finished_at = finished_at + {micros}");
        self.session.execute(&sql).await;
    }

    async fn stop(self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.session.close().await;
        self.store.close().await;
    }
}

fn start_request() -> pb::StartConnectionRequest {
    pb::StartConnectionRequest { account_id: "acme".into(), subdomain: "acme".into() }
}

/// Looks often, and reads the export when it is told to.
fn hasty() -> UpkeepOptions {
    UpkeepOptions {
        poll: Duration::from_millis(50),
        reconcile_interval: Duration::from_hours(1),
        ..UpkeepOptions::default()
    }
}

/// Reads the export all the time.
fn reconciling() -> UpkeepOptions {
    let export_pause = Duration::from_millis(100);
    UpkeepOptions { reconcile_interval: export_pause, export_pause, ..hasty() }
}
