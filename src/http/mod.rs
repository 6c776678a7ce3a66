//! What the service answers over plain HTTP: health, metrics, and the webhooks that Zendesk calls.

pub mod metrics;
mod outcome;
mod webhook;

use std::io;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

pub use self::webhook::Webhooks;

/// Whether the service can do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Serving,
    NotServing,
}

/// Answers until the token is cancelled.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    health: watch::Receiver<Health>,
    metrics: metrics::Metrics,
    webhooks: Webhooks,
    stopping: CancellationToken,
) -> io::Result<()> {
    axum::serve(listener, routes(health, metrics).merge(webhook::routes(webhooks)))
        .with_graceful_shutdown(stopping.cancelled_owned())
        .await
}

/// The routes: `/healthz` says that the process lives, `/readyz` that it can do its work, `/metrics`
/// how it does.
fn routes(health: watch::Receiver<Health>, metrics: metrics::Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(health)
        .route("/metrics", get(move || async move { metrics.render() }))
}

async fn ready(State(health): State<watch::Receiver<Health>>) -> (StatusCode, &'static str) {
    match *health.borrow() {
        Health::Serving => (StatusCode::OK, "ok\n"),
        Health::NotServing => (StatusCode::SERVICE_UNAVAILABLE, "not serving\n"),
    }
}
