//! Connections looked after at Zendesk, beside the sandbox's help desk on real sockets.

mod disconnecting;
mod lease;
mod refreshing;
mod removing;
mod reviving;
mod storing;
mod webhook;

use std::{fmt::Debug, sync::Arc, time::Duration};

use ticketsync::{
    clock,
    domain::{
        AccountId, AuthorizationState, Connection, ConnectionKey, ConnectionState, Secret,
        WebhookState,
    },
    error::{Error, Result},
    sandbox::zendesk::{HeldAnswer, Pace, Webhook},
    service::{
        Access, Batcher, Connecting, Decision, Disconnected, Keyring, OnCommit, SyncedTickets,
        Upkeep, UpkeepOptions, Writes, keyring,
    },
    store::{self, Store},
    zendesk::{self, Client, ClientOptions},
};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    sandbox::desk::{CLIENT_ID, CLIENT_SECRET, HelpDesk, REDIRECT_URL, parameter},
    support::{Database, PATIENCE, eventually},
};

/// Where Zendesk would call; nobody answers there.
const HOOKS: &str = "http://127.0.0.1:9";
/// Short, so that a test of a Zendesk that says nothing does not take long.
const CALL_LIMIT: Duration = Duration::from_millis(1_500);

/// A service that looks after connections, stopped when it is dropped.
struct Site {
    store: Store,
    keyring: Keyring,
    access: Access,
    connecting: Connecting,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

impl Site {
    /// A service on this database beside this help desk, with new keys.
    async fn start(db: &Database, help: &HelpDesk) -> Self {
        let keyring = keyring::generate().unwrap().expose().parse().unwrap();
        Self::on(db.store().await, help, keyring, Some(HOOKS))
    }

    /// Looks after the connections in this store.
    fn on(store: Store, help: &HelpDesk, keyring: Keyring, hooks: Option<&str>) -> Self {
        let access = Access::new(store.clone(), Writes::default(), keyring.clone(), client(help));
        let options = UpkeepOptions {
            webhook_base_url: hooks.map(|url| url.parse().unwrap()),
            poll: Duration::from_millis(50),
            // Long after the next look at the webhook.
            reconcile_interval: Duration::from_hours(1),
            ..UpkeepOptions::default()
        };
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let on_commit: OnCommit = Arc::new(|_: &AccountId| {});
        let batcher = Batcher::start(&store, 1, &on_commit, &stopping, &tasks).unwrap();
        let upkeep = Upkeep::new(&access, batcher, options);
        tasks.spawn(upkeep.clone().run(stopping.clone()));
        let connecting = Connecting::new(access.clone(), upkeep);
        Self { store, keyring, access, connecting, stopping, tasks }
    }

    /// Goes the steps to an authorised connection, whose person agrees at the help desk.
    async fn authorize(&self, help: &HelpDesk) -> Connection {
        let (account, subdomain) = ("acme".to_owned().try_into().unwrap(), "acme".parse().unwrap());
        let started = self.connecting.start(account, subdomain, clock::now()).await.unwrap();
        let agreed = help.press(started.authorization_url.expose(), "accept").await;
        let state = AuthorizationState::presented(parameter(&agreed, "state").unwrap());
        let code = Decision::Agreed(Secret::new(parameter(&agreed, "code").unwrap()));
        let account = started.connection.key.account;
        self.connecting.authorize(account, &state, code, clock::now()).await.unwrap()
    }

    /// Goes all the steps to an ACTIVE connection.
    async fn connect(&self, help: &HelpDesk) -> ConnectionKey {
        let key = self.authorize(help).await.key;
        self.connecting.finish(key.clone(), Vec::new(), clock::now()).await.unwrap();
        key
    }

    /// The same, once its webhook is there.
    async fn registered(&self, help: &HelpDesk) -> ConnectionKey {
        let key = self.connect(help).await;
        self.webhook(&key, WebhookState::Registered).await;
        self.idle(&key).await;
        key
    }

    async fn disconnect(&self, key: &ConnectionKey) -> Disconnected {
        let end = self.connecting.disconnect(key.clone(), SyncedTickets::Keep);
        end.await.unwrap()
    }

    async fn token(&self, key: &ConnectionKey) -> Result<Secret> {
        self.access.access_token(key, clock::now()).await
    }

    /// Waits until the connection's webhook stands so.
    async fn webhook(&self, key: &ConnectionKey, state: WebhookState) {
        let what = format!("a webhook that is {}", state.as_str());
        eventually(&what, async || (self.connection(key).await.webhook == state).then_some(()))
            .await;
    }

    /// Waits until the connection stands so.
    async fn state(&self, key: &ConnectionKey, state: ConnectionState) {
        let what = format!("a connection that is {}", state.as_str());
        eventually(&what, async || (self.connection(key).await.state == state).then_some(())).await;
    }

    /// Waits until nobody looks after the connection and nothing is due.
    async fn idle(&self, key: &ConnectionKey) -> store::Upkeep {
        eventually("an idle connection", async || {
            let upkeep = self.store.upkeep(key).await.unwrap().unwrap();
            // While a lease is held, both are its end.
            let held = upkeep.due_at == Some(upkeep.paused_until);
            (!held && upkeep.next_attempt_at().is_none_or(|at| at > clock::now())).then_some(upkeep)
        })
        .await
    }

    async fn connection(&self, key: &ConnectionKey) -> Connection {
        self.store.connection(key).await.unwrap().unwrap()
    }

    /// Has the webhook looked at again.
    async fn look_again(&self, db: &Database) {
        let sql = "update upkeep set due_at = 0, paused_until = 0, webhook_due_at = 0";
        execute(db, sql).await;
    }
}

/// A second service on the same database. `SQLite` has one process, so that it shares its store.
async fn second(db: &Database, site: &Site, help: &HelpDesk) -> Site {
    let store = if site.store.has_one_writer() { site.store.clone() } else { db.store().await };
    Site::on(store, help, site.keyring.clone(), Some(HOOKS))
}

/// The service's way to a help desk.
fn client(help: &HelpDesk) -> Client {
    Client::new(options(help)).unwrap()
}

fn options(help: &HelpDesk) -> ClientOptions {
    let base = help.desk.url.trim_end_matches(&help.desk.subdomain);
    ClientOptions {
        base_url: format!("{base}{{subdomain}}").parse().unwrap(),
        redirect_url: REDIRECT_URL.parse().unwrap(),
        client_id: CLIENT_ID.into(),
        client_secret: Secret::new(CLIENT_SECRET.into()),
        request_timeout: CALL_LIMIT,
    }
}

/// The connection's webhooks at the help desk.
fn webhooks(help: &HelpDesk, key: &ConnectionKey) -> Vec<Webhook> {
    help.desk.webhooks.named(&format!("ticketsync {}", key.connection))
}

/// What the help desk was asked, as methods and paths, without ids and without the export, which is
/// read beside all this.
fn calls(help: &HelpDesk) -> Vec<String> {
    let mut requests = help.desk.requests();
    requests.retain(|request| !request.path.contains("/incremental/"));
    requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

async fn execute(db: &Database, sql: &str) {
    let mut session = db.session().await;
    session.execute(sql).await;
    session.close().await;
}

/// Waits until the help desk has changed the pair, and holds the new one back.
async fn rotated(answer: &mut HeldAnswer) {
    let made = timeout(PATIENCE, answer.made()).await.expect("nobody has refreshed");
    made.expect("the help desk is gone");
}

async fn texts(db: &Database, sql: &str) -> Vec<String> {
    let mut session = db.session().await;
    let texts = session.texts(sql).await;
    session.close().await;
    texts
}

/// Whether nothing is kept of a connection's tokens and webhook.
async fn nothing_is_kept(db: &Database) -> bool {
    let kept = "select state from connections
                 where access_token is not null or refresh_token is not null
                    or webhook_id is not null or signing_secret is not null
                    or previous_signing_secret is not null";
    texts(db, kept).await.is_empty()
}

/// Has the access token that is stored expire soon, as far as the service knows.
async fn expire_soon(db: &Database) {
    execute(db, "update connections set token_expires_at = 1").await;
}

/// Has a refresh that somebody began long be over.
async fn forget_the_refresh(db: &Database) {
    execute(
        db,
        "update connections set refresh_started_at = 1 where refresh_started_at is not null",
    )
    .await;
}

/// A help desk whose tokens live so long.
async fn help_desk_with_tokens(access: Duration, refresh: Duration) -> HelpDesk {
    let pace =
        Pace { access_token_lifetime: access, refresh_token_lifetime: refresh, ..Pace::default() };
    HelpDesk::at(pace).await
}

/// That Zendesk is away, or what is to come from it.
fn away<T: Debug>(token: &Result<T>) {
    let unavailable = matches!(token, Err(Error::Zendesk(zendesk::Error::Unavailable { .. })));
    assert!(unavailable, "{token:?}");
}
