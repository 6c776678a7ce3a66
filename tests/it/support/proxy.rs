//! A proxy before `PostgreSQL` that knows a COMMIT when it sees one.

use std::{
    collections::VecDeque,
    iter,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{self, AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::oneshot,
    task::JoinSet,
    time::timeout,
};
use url::Url;

use super::wait::PATIENCE;

/// The protocol versions that a first message names when it is not the last without a type.
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// Stands between a service and its database. Dropped, all its connections break.
pub struct Proxy {
    plans: Plans,
    _connections: JoinSet<()>,
}

/// What is to happen to the commits to come.
type Plans = Arc<Mutex<Planned>>;

#[derive(Default)]
struct Planned {
    next: VecDeque<Plan>,
    /// What is to happen to those beyond: cut them all.
    rest: Option<Forward>,
}

enum Plan {
    Pass,
    Cut { forward: Forward, done: oneshot::Sender<()> },
    Hold { reached: oneshot::Sender<()>, release: oneshot::Receiver<()> },
}

/// Whether the database still receives the COMMIT at which its connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    Yes,
    No,
}

/// A commit that will be held back, or is. Dropped, it goes on.
pub struct Held {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

/// A commit that will be cut, or was.
pub struct Cut(oneshot::Receiver<()>);

impl Proxy {
    /// Starts a proxy before the database of this URL, and answers it with the URL to use instead.
    pub async fn before(database_url: &str) -> (Self, String) {
        let mut url = Url::parse(database_url).unwrap();
        let target = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plans = Plans::default();
        let mut connections = JoinSet::new();
        connections.spawn(accept(listener, target, plans.clone()));
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        (Self { plans, _connections: connections }, url.into())
    }

    /// Cuts the connection of the next commit that has no plan yet.
    pub fn cut_next_commit(&self, forward: Forward) -> Cut {
        let (done, cut) = oneshot::channel();
        self.plans.lock().unwrap().next.push_back(Plan::Cut { forward, done });
        Cut(cut)
    }

    /// Lets so many commits pass that have no plan yet, and holds the one after them back.
    pub fn hold_commit_after(&self, passing: usize) -> Held {
        let (reached, waiting) = oneshot::channel();
        let (go, release) = oneshot::channel();
        let mut planned = self.plans.lock().unwrap();
        planned.next.extend(iter::repeat_with(|| Plan::Pass).take(passing));
        planned.next.push_back(Plan::Hold { reached, release });
        Held { reached: waiting, release: go }
    }

    /// Cuts the connection of every commit that has no plan of its own.
    pub fn cut_all_commits(&self, forward: Forward) {
        self.plans.lock().unwrap().rest = Some(forward);
    }

    /// Lets all commits to come pass.
    pub fn forget_plans(&self) {
        *self.plans.lock().unwrap() = Planned::default();
    }
}

impl Planned {
    /// The plan of a commit that has come.
    fn take(&mut self) -> Option<Plan> {
        let cut_all = || self.rest.map(|forward| Plan::Cut { forward, done: oneshot::channel().0 });
        self.next.pop_front().or_else(cut_all)
    }
}

impl Held {
    /// Waits until a transaction stands before its commit.
    pub async fn reached(&mut self) {
        timeout(PATIENCE, &mut self.reached).await.expect("no commit came").unwrap();
    }

    /// Lets it go on.
    pub fn release(self) {
        self.release.send(()).ok();
    }
}

impl Cut {
    /// Waits until it has happened.
    pub async fn done(self) {
        timeout(PATIENCE, self.0).await.expect("no commit came").unwrap();
    }
}

async fn accept(listener: TcpListener, target: (String, u16), plans: Plans) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (target, plans) = (target.clone(), plans.clone());
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect(target).await else { return };
            client.set_nodelay(true).and(server.set_nodelay(true)).ok();
            let (from_client, mut to_client) = client.into_split();
            let (mut from_server, to_server) = server.into_split();
            // Whichever side ends first, by itself or by plan, takes both sockets with it.
            tokio::select! {
                _ = requests(from_client, to_server, plans) => {}
                _ = io::copy(&mut from_server, &mut to_client) => {}
            }
        });
    }
}

/// Passes messages on, and does at each commit what is planned for it.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, plans: Plans) -> io::Result<()> {
    let mut typed = false;
    loop {
        let message = read_message(&mut from, typed).await?;
        if !typed {
            let version = u32::from_be_bytes(message[4..8].try_into().unwrap());
            typed = version != SSL_REQUEST && version != GSS_REQUEST;
        } else if is_commit(&message) {
            let plan = plans.lock().unwrap().take();
            match plan {
                None | Some(Plan::Pass) => {}
                Some(Plan::Hold { reached, release }) => {
                    reached.send(()).ok();
                    release.await.ok();
                }
                Some(Plan::Cut { forward, done }) => {
                    if forward == Forward::Yes {
                        to.write_all(&message).await?;
                    }
                    done.send(()).ok();
                    return Ok(());
                }
            }
        }
        to.write_all(&message).await?;
    }
}

/// Reads one whole message of the frontend; the first ones have no type.
async fn read_message(from: &mut OwnedReadHalf, typed: bool) -> io::Result<Vec<u8>> {
    let mut message = vec![0; if typed { 5 } else { 4 }];
    from.read_exact(&mut message).await?;
    let start = usize::from(typed);
    let length = u32::from_be_bytes(message[start..start + 4].try_into().unwrap());
    message.resize(start + usize::try_from(length).unwrap(), 0);
    from.read_exact(&mut message[start + 4..]).await?;
    Ok(message)
}

fn is_commit(message: &[u8]) -> bool {
    message[0] == b'Q' && message[5..].eq_ignore_ascii_case(b"commit\0")
}
