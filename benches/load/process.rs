//! The servers under load: processes of their own, on free ports.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{database::Database, echo, keeper::signal};

/// What the service encrypts with.
pub fn encryption_keys() -> String {
    format!("bench:{}", BASE64_STANDARD.encode([7; 32]))
}

/// A running server. Dropped, it is told to stop and waited for.
pub struct Process {
    child: Child,
    address: String,
    http: String,
    durability: String,
}

impl Process {
    /// The service, as released, on a database.
    pub fn service(database: &Database<'_>) -> Self {
        let key = encryption_keys();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ticketsync"))
            .args(["--log-format", "json", "serve"])
            .args(["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
            .args(["--database-url", &database.url, "--encryption-keys", &key])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (line, log) = first_line(child.stderr.take().unwrap(), "listening");
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        thread::spawn(move || {
            log.lines().map_while(Result::ok).for_each(|line| eprintln!("{line}"));
        });
        let field = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        Self { child, address: field("grpc"), http: field("http"), durability: field("durability") }
    }

    /// The echo.
    pub fn echo() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(echo::ARGUMENT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (address, _) = first_line(child.stdout.take().unwrap(), "127.0.0.1");
        Self { child, address, http: String::new(), durability: "none".into() }
    }

    /// Where it answers gRPC.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the service answers HTTP.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// What the server's own writer says of its durability.
    pub fn durability(&self) -> &str {
        &self.durability
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        signal("TERM", self.child.id()).ok();
        self.child.wait().ok();
    }
}

fn first_line<R: Read>(output: R, with: &str) -> (String, BufReader<R>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "the server has ended");
        if line.contains(with) {
            return (line.trim().to_owned(), output);
        }
    }
}
