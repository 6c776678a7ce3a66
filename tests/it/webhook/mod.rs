//! The webhook endpoint, called over sockets as Zendesk calls it.

mod answers;
mod canary;
mod durable;
mod lookups;
mod retried;
mod secrets;
mod shown;

use reqwest::{Response, StatusCode};

use crate::support::{Database, Replica};

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
    let metrics = metrics.text().await.unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

/// That Zendesk is told to try again, and will.
fn assert_says_retry(answer: &Response) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..60).contains(&seconds), "{seconds} s");
}
