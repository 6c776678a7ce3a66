//! The service as a process of its own: the built program, real sockets.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use super::{
    Clients, Zendesk,
    keeper::{Keeper, signal},
    wait::eventually,
    zendesk::REDIRECT_URL,
};

/// A key of 32 bytes, for tests only.
pub const ENCRYPTION_KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A running `ticketsync serve`. Dropped, it is killed.
pub struct Replica {
    child: Child,
    _keeper: Keeper,
    log: PathBuf,
    _dir: TempDir,
    /// Where it speaks gRPC.
    pub grpc: SocketAddr,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
}

impl Replica {
    /// The built program.
    pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ticketsync");

    /// Starts the program on this database and waits until it listens.
    pub async fn start(database_url: &str) -> Self {
        Self::start_with(database_url, &[]).await
    }

    /// The same, with more arguments.
    pub async fn start_with(database_url: &str, arguments: &[&str]) -> Self {
        let mut program = Command::new(Self::PROGRAM);
        Self::run(Self::serve(&mut program, database_url).args(arguments)).await
    }

    /// Starts the program on this database, beside this Zendesk, with more arguments.
    pub async fn start_beside(zendesk: &Zendesk, database_url: &str, arguments: &[&str]) -> Self {
        let options = zendesk.options();
        let mut program = Command::new(Self::PROGRAM);
        Self::serve(&mut program, database_url)
            .env("TICKETSYNC_ZENDESK_BASE_URL", options.base_url.to_string())
            .env("TICKETSYNC_OAUTH_REDIRECT_URL", REDIRECT_URL)
            .env("TICKETSYNC_OAUTH_CLIENT_ID", options.client_id)
            .env("TICKETSYNC_OAUTH_CLIENT_SECRET", options.client_secret.expose());
        Self::run(program.args(arguments)).await
    }

    /// Makes it serve this database. What it is given by its environment, arguments overrule.
    pub fn serve<'c>(program: &'c mut Command, database_url: &str) -> &'c mut Command {
        program.args(["serve", "--grpc-listen=127.0.0.1:0"]);
        program.args(["--database-url", database_url]);
        program.envs([
            ("NO_COLOR", "1"),
            ("TICKETSYNC_HTTP_LISTEN", "127.0.0.1:0"),
            ("TICKETSYNC_ENCRYPTION_KEYS", ENCRYPTION_KEYS),
            ("TICKETSYNC_LOG_FORMAT", "json"),
            ("TICKETSYNC_ZENDESK_BASE_URL", "http://127.0.0.1:9/{subdomain}"),
            ("TICKETSYNC_OAUTH_REDIRECT_URL", "http://127.0.0.1:9/apps"),
            ("TICKETSYNC_OAUTH_CLIENT_ID", "test"),
            ("TICKETSYNC_OAUTH_CLIENT_SECRET", "test"),
        ])
    }

    /// Runs a program that logs as `serve` does and waits until it listens.
    pub async fn run(program: &mut Command) -> Self {
        let dir = TempDir::with_prefix("ticketsync-log-").unwrap();
        let log = dir.path().join("log");
        let file = File::create(&log).unwrap();
        program.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut child = program.spawn().unwrap();
        let keeper = Keeper::of(child.id(), "KILL");
        let (grpc, http) = eventually("the line `listening`", async || {
            let text = fs::read_to_string(&log).unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the service ended with {status} before it listened: {text}");
            }
            text.lines().find_map(addresses)
        })
        .await;
        Self { child, _keeper: keeper, log, _dir: dir, grpc, http }
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new connection to its gRPC port.
    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap().connect().await.unwrap()
    }

    /// Clients that share a new connection.
    pub async fn clients(&self) -> Clients {
        Clients::new(self.channel().await)
    }

    /// Ends it by SIGKILL; answers when it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, by SIGTERM.
    pub fn terminate(&self) {
        signal("TERM", self.child.id()).unwrap();
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the end of the service", async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait().map(drop)).ok();
    }
}

/// The addresses in the log line `listening`, gRPC's first, in either format.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let json: Option<Value> = serde_json::from_str(line).ok();
    let word = |name: &str| match &json {
        Some(line) => line.get(name)?.as_str(),
        None => line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')),
    };
    let address = |name: &str| word(name)?.parse().ok();
    line.contains("listening").then_some((address("grpc")?, address("http")?))
}
