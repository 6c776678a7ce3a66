//! A throwaway `PostgreSQL` server, gone when the tests are, however they end.

use std::{
    fs,
    io::Read as _,
    iter,
    marker::PhantomData,
    net::TcpListener,
    ops::Range,
    os::unix::fs::chown,
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use rand::RngExt as _;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::{
    installed::{self, User},
    keeper::{Keeper, signal},
    wait::PATIENCE,
};

/// More than all tests that run at once hold open.
const MAX_CONNECTIONS: &str = "max_connections=300";

/// The ports of servers: below those that the systems give to who asks for any.
const PORTS: Range<u16> = 10_000..32_768;

/// What the server's disk is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Every commit is synced, as in production.
    Synced,
    /// Nothing is synced, for tests that do not kill the server.
    Unsynced,
}

/// A running server of our own. Dropped, it is stopped and its data removed.
pub struct PostgresServer {
    dir: PathBuf,
    port: u16,
    user: Option<User>,
    settings: Vec<String>,
    running: Option<Running>,
}

/// A server that stands still. Dropped, it goes on.
pub struct Frozen<'s> {
    pids: Vec<u32>,
    _server: PhantomData<&'s PostgresServer>,
}

/// The server's first process, and the one that ends it after us.
struct Running {
    postmaster: Child,
    _keeper: Keeper,
}

impl PostgresServer {
    /// Makes a new cluster and starts a server on it. Blocks until it answers.
    pub fn start(disk: Disk, settings: &[&str]) -> Self {
        let dir = TempDir::with_prefix("ticketsync-pg-").unwrap().keep();
        let user = User::unprivileged();
        if let Some(user) = user {
            chown(&dir, Some(user.uid), Some(user.gid)).unwrap();
        }
        let initdb = installed::command(&installed::bin_dir().join("initdb"), &dir, user)
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"])
            .args(["--no-locale", "--pgdata=data"])
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        let mut all = vec![
            MAX_CONNECTIONS.to_owned(),
            "unix_socket_directories=".to_owned(),
            "listen_addresses=127.0.0.1".to_owned(),
        ];
        if disk == Disk::Unsynced {
            all.extend(["fsync=off".to_owned(), "full_page_writes=off".to_owned()]);
        }
        all.extend(settings.iter().map(ToString::to_string));
        let mut server = Self { dir, port: free_port(), user, settings: all, running: None };
        server.resume();
        server
    }

    /// Starts the server again after [`PostgresServer::kill`], on the same port and data. Blocks
    /// until it has recovered.
    pub fn resume(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.dir.join("log")).unwrap();
        let mut postgres =
            installed::command(&installed::bin_dir().join("postgres"), &self.dir, self.user);
        postgres.args(["-D", "data", "-p"]).arg(self.port.to_string()).stderr(log);
        for setting in &self.settings {
            postgres.arg("-c").arg(setting);
        }
        let postmaster = postgres.spawn().unwrap();
        let keeper = Keeper::of_server(postmaster.id(), &self.dir, self.user);
        self.running = Some(Running { postmaster, _keeper: keeper });
        let deadline = deadline();
        let url = self.url("postgres");
        while let Err(error) = blocking(async { PgConnection::connect(&url).await?.close().await })
        {
            assert!(!past(deadline), "PostgreSQL does not answer ({error}): {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops every process of the server where it stands, until the answer is dropped. The kernel
    /// keeps its connections and takes new ones, and nobody speaks on them.
    pub fn freeze(&self) -> Frozen<'_> {
        let postmaster = self.running.as_ref().expect("the server runs").postmaster.id();
        // Stopped first, it starts no process that we would miss.
        signal("STOP", postmaster).unwrap();
        let pids = children(postmaster).into_iter().chain([postmaster]).collect();
        let frozen = Frozen { pids, _server: PhantomData };
        for pid in &frozen.pids {
            signal("STOP", *pid).unwrap();
        }
        frozen
    }

    /// Ends every process of the server by SIGKILL, as when the machine's power fails but for what
    /// the operating system has in its cache.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("the server runs");
        let pid = running.postmaster.id();
        // Stopped, it starts no process that we would miss.
        signal("STOP", pid).unwrap();
        for child in children(pid) {
            signal("KILL", child).unwrap();
        }
        running.postmaster.kill().unwrap();
        running.postmaster.wait().unwrap();
    }

    /// The port on 127.0.0.1; the same for the server's whole life.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database of the server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn log(&self) -> String {
        let mut log = String::new();
        let file = fs::File::open(self.dir.join("log"));
        file.and_then(|mut file| file.read_to_string(&mut log)).ok();
        log
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            signal("QUIT", running.postmaster.id()).ok();
            running.postmaster.wait().ok();
        }
        fs::remove_dir_all(&self.dir).ok();
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        for pid in &self.pids {
            signal("CONT", *pid).ok();
        }
    }
}

fn children(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|id| id.trim() == parent))
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}

/// A port that nobody uses, and that nobody is given who asks for any: the server binds it later, and
/// leaves it for a while when it is killed.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut random = rand::rng();
    iter::repeat_with(|| random.random_range(PORTS)).find(is_free).expect("there is no end of them")
}

#[expect(clippy::disallowed_methods, reason = "waiting on a process outside any runtime")]
fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

#[expect(clippy::disallowed_methods, reason = "waiting on a process outside any runtime")]
fn past(deadline: Instant) -> bool {
    Instant::now() > deadline
}

/// Runs a future to its end on a thread of its own, so that it may be called inside a runtime.
pub fn blocking<T: Send>(future: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(future)
        };
        scope.spawn(run).join().unwrap()
    })
}
