//! Help desks that misbehave, two replicas beside them, and a balancer before those.

use std::{net::SocketAddr, process::Command, time::Duration};

use futures::future::join_all;
use reqwest::{Client, redirect::Policy};
use ticketsync::{
    clock,
    domain::Timestamp,
    proto::v1::{
        AuthorizeConnectionRequest, Connection, FinishConnectionRequest, GetConnectionRequest,
        StartConnectionRequest, authorize_connection_request::Decision,
    },
    sandbox::zendesk::{self, Desk, DeskOptions, OAuthClient, Pace, Switches},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    sandbox::desk::{CLIENT_ID, CLIENT_SECRET, REDIRECT_URL, parameter},
    support::{Balancer, Clients, Connected, Database, Replica},
};

/// How many help desks there are. Two each belong to one account; all of them number their tickets
/// alike.
pub const DESKS: u64 = 6;
const DESKS_OF_AN_ACCOUNT: u64 = 2;
/// How long access tokens live at the first help desk, and how much longer at each next one: the
/// service refreshes them a minute before their end, every few seconds, and not all at the moment in
/// which it is killed.
const TOKEN_LIFETIME: Duration = Duration::from_secs(72);
const TOKEN_LIFETIME_STEP: Duration = Duration::from_secs(2);
/// How long ago things stood that help desks show.
pub const LAG: Duration = Duration::from_millis(1_500);
/// The shortest time between two reconciliations, in seconds.
const RECONCILE_SECONDS: &str = "30";

/// Everything there is.
pub struct Site {
    db: Database,
    pub desks: Vec<Desk>,
    /// The addresses of all help desks: each replica is told one, so that what it calls shows.
    faces: [SocketAddr; 2],
    replicas: Vec<Replica>,
    /// When replicas were killed.
    pub kills: Vec<Timestamp>,
    /// What the replicas logged that are no more.
    old_logs: Vec<String>,
    balancer: Balancer,
    browser: Client,
    _tasks: JoinSet<()>,
}

/// A help desk as an account has connected it.
pub struct Linked {
    pub desk: Desk,
    pub to: Connected,
    /// The newest ticket from before it was connected.
    pub newest_old_ticket: i64,
}

impl Site {
    /// Help desks that misbehave by this seed, and two replicas on one fresh database.
    pub async fn start(seed: u64) -> Self {
        let listeners = join_all([(); 2].map(|()| TcpListener::bind("127.0.0.1:0"))).await;
        let listeners: Vec<TcpListener> = listeners.into_iter().map(Result::unwrap).collect();
        let faces = [0, 1].map(|face: usize| listeners[face].local_addr().unwrap());
        let desks: Vec<Desk> = (0..DESKS).map(|number| open(number, seed, faces[0])).collect();
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let desks = desks.clone();
            tasks.spawn(async move {
                zendesk::serve(&desks, listener, CancellationToken::new()).await.unwrap();
            });
        }
        for desk in desks.clone() {
            tasks.spawn(async move { desk.deliver(CancellationToken::new()).await });
        }
        let browser = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let balancer = Balancer::start().await;
        let db = Database::postgres();
        let (replicas, kills, old_logs) = (Vec::new(), Vec::new(), Vec::new());
        let mut site =
            Self { db, desks, faces, replicas, kills, old_logs, balancer, browser, _tasks: tasks };
        site.replicas = join_all((0..2).map(|number| site.replica(number))).await;
        site.balance();
        site
    }

    async fn replica(&self, number: usize) -> Replica {
        let mut program = Command::new(Replica::PROGRAM);
        let zendesk = format!("http://{}/{{subdomain}}", self.faces[number]);
        Replica::serve(&mut program, self.db.url()).envs([
            ("TICKETSYNC_ZENDESK_BASE_URL", zendesk.as_str()),
            ("TICKETSYNC_OAUTH_REDIRECT_URL", REDIRECT_URL),
            ("TICKETSYNC_OAUTH_CLIENT_ID", CLIENT_ID),
            ("TICKETSYNC_OAUTH_CLIENT_SECRET", CLIENT_SECRET),
            ("TICKETSYNC_WEBHOOK_BASE_URL", self.balancer.url.as_str()),
            ("TICKETSYNC_RECONCILE_INTERVAL", RECONCILE_SECONDS),
        ]);
        Replica::run(&mut program).await
    }

    /// Has the balancer know where the replicas are.
    fn balance(&self) {
        self.balancer.send_to(self.replicas.iter().map(|replica| replica.http).collect());
    }

    /// Which replica calls the help desks at this address.
    pub fn who_calls(&self, called: SocketAddr) -> usize {
        self.faces.iter().position(|face| *face == called).unwrap()
    }

    /// Ends a replica by SIGKILL. The balancer has to find out by itself.
    pub fn kill(&mut self, number: usize) {
        self.kills.push(clock::now());
        self.replicas[number].kill();
    }

    /// Starts a replica in place of one that was killed.
    pub async fn replace(&mut self, number: usize) {
        let replica = self.replica(number).await;
        let dead = std::mem::replace(&mut self.replicas[number], replica);
        self.old_logs.push(dead.log());
        self.balance();
    }

    /// Clients of one of the replicas.
    pub async fn clients(&self, number: usize) -> Clients {
        self.replicas[number].clients().await
    }

    /// Where it speaks gRPC.
    pub fn grpc(&self, number: usize) -> SocketAddr {
        self.replicas[number].grpc
    }

    /// How many hints were made so far.
    pub fn hint_count(&self) -> u64 {
        self.desks.iter().map(Desk::event_count).sum()
    }

    /// Everything that any replica has logged.
    pub fn logs(&self) -> impl Iterator<Item = String> {
        self.old_logs.iter().cloned().chain(self.replicas.iter().map(Replica::log))
    }

    /// Goes all the steps for every help desk.
    pub async fn connect(&self, clients: &Clients) -> Vec<Linked> {
        let mut linked = Vec::new();
        for (number, desk) in (0_u64..).zip(&self.desks) {
            let account = format!("account-{}", number / DESKS_OF_AN_ACCOUNT);
            let to = self.authorize(clients, &account, desk).await;
            let finish = FinishConnectionRequest {
                account_id: to.account_id.clone(),
                connection_id: to.connection_id.clone(),
                field_mappings: Vec::new(),
            };
            clients.connections.clone().finish_connection(finish).await.unwrap();
            let newest_old_ticket = desk.store.all().last().unwrap().0.id;
            linked.push(Linked { desk: desk.clone(), to, newest_old_ticket });
        }
        linked
    }

    /// A person authorises a connection, for the first time or again.
    pub async fn authorize(&self, clients: &Clients, account: &str, desk: &Desk) -> Connected {
        let mut connections = clients.connections.clone();
        let (account_id, subdomain) = (account.to_owned(), desk.subdomain.clone());
        let start = StartConnectionRequest { account_id: account_id.clone(), subdomain };
        let started = connections.start_connection(start).await.unwrap().into_inner();
        let decide = self.browser.post(&started.authorization_url).body("decision=accept");
        let decide = decide.header("content-type", "application/x-www-form-urlencoded");
        let back = decide.send().await.unwrap();
        let authorize = AuthorizeConnectionRequest {
            account_id: account_id.clone(),
            state: parameter(&back, "state").unwrap(),
            decision: Some(Decision::Code(parameter(&back, "code").unwrap())),
        };
        let authorized = connections.authorize_connection(authorize).await.unwrap().into_inner();
        Connected { account_id, connection_id: authorized.connection_id }
    }
}

impl Linked {
    /// The connection, with how far its sync is.
    pub async fn connection(&self, clients: &Clients) -> Connection {
        let Connected { account_id, connection_id } = self.to.clone();
        let request = GetConnectionRequest { account_id, connection_id };
        clients.connections.clone().get_connection(request).await.unwrap().into_inner()
    }
}

/// A help desk as Zendesk is, in the plan with the highest limit, on a bad day.
fn open(number: u64, seed: u64, at: SocketAddr) -> Desk {
    let switches = Switches {
        seed: seed.wrapping_add(number),
        drop: 0.05,
        double: 0.05,
        reorder: 0.05,
        reorder_ms: 3_000,
        sparse: 0.02,
        hold_answers_ms: 50,
        lag_ms: u64::try_from(LAG.as_millis()).unwrap(),
        calls_per_minute: Some(2_500),
        exports_per_minute: Some(10),
        export_page: 1_000,
        ..Switches::default()
    };
    let steps = u32::try_from(number).unwrap();
    let access_token_lifetime = TOKEN_LIFETIME + TOKEN_LIFETIME_STEP * steps;
    let pace = Pace { access_token_lifetime, ..Pace::default() };
    let client = OAuthClient {
        id: CLIENT_ID.into(),
        secret: CLIENT_SECRET.into(),
        redirect_url: REDIRECT_URL.into(),
    };
    let options = DeskOptions { pace, switches, ..DeskOptions::default() };
    Desk::open(&format!("desk-{number}"), at, client, options).unwrap()
}
