//! The webhook endpoint, called over sockets as Zendesk calls it.

mod answers;
mod canary;
mod durable;
mod lookups;
mod retried;
mod secrets;
mod shown;

use reqwest::{Response, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Connected, Database, PATIENCE, Replica};

/// How many hints wait.
async fn waiting(db: &Database) -> i64 {
    let mut session = db.session().await;
    let counted = session.integers("select count(*) from inbox").await;
    session.close().await;
    counted[0]
}

/// What the service has counted under this name.
async fn counted(service: &Replica, name: &str) -> u64 {
    let metrics = reqwest::get(format!("http://{}/metrics", service.http)).await.unwrap();
    assert_eq!(metrics.status(), StatusCode::OK);
    value_of(name, &metrics.text().await.unwrap())
}

/// What stands under this name in a text of metrics; nothing counted is 0.
fn value_of(name: &str, metrics: &str) -> u64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

/// That Zendesk is told to try again, and will.
fn assert_says_retry(answer: &Response) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..60).contains(&seconds), "{seconds} s");
}

/// Sends the head of a delivery with these lines in it, which waits to be asked for its body.
async fn send_head(service: &Replica, to: &Connected, length: usize, lines: &str) -> TcpStream {
    let path = &to.connection_id;
    let head = format!(
        "POST /webhooks/zendesk/{path} HTTP/1.1\r\nhost: ticketsync\r\nconnection: close\r\n\
         content-length: {length}\r\nexpect: 100-continue\r\n{lines}\r\n"
    );
    let mut socket = TcpStream::connect(service.http).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// What comes until the service hangs up.
async fn read_answer(socket: &mut TcpStream) -> String {
    let mut answer = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer.to_lowercase()
}
