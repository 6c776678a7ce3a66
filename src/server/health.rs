//! Health: whether the database is there, told to all who ask for it.

use std::time::Duration;

use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};
use tracing::info;

use crate::{http::Health, proto::v1 as pb, store::Store};

/// How often the database is asked for a sign of life: how soon a balancer learns of an outage.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it has to give it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Says whether the database is there, until the service stops, which is said at once.
pub(super) async fn watch(
    store: Store,
    reporter: HealthReporter,
    health: watch::Sender<Health>,
    stopping: CancellationToken,
) {
    let mut told = None;
    let mut ticks = time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        let now = tokio::select! {
            biased;
            () = stopping.cancelled() => Health::NotServing,
            now = async {
                ticks.tick().await;
                probe(&store).await
            } => now,
        };
        // Watchers hear of changes only.
        if told != Some(now) {
            info!(health = ?now, "health");
            health.send_replace(now);
            report(&reporter, now).await;
            told = Some(now);
        }
        if stopping.is_cancelled() {
            return;
        }
    }
}

async fn probe(store: &Store) -> Health {
    match time::timeout(TIMEOUT, store.ping()).await {
        Ok(Ok(())) => Health::Serving,
        Ok(Err(_)) | Err(_) => Health::NotServing,
    }
}

/// Tells the same of the server as a whole and of each of its services.
async fn report(reporter: &HealthReporter, health: Health) {
    const SERVICES: [&str; 6] = [
        "",
        pb::connection_service_server::SERVICE_NAME,
        pb::contact_field_service_server::SERVICE_NAME,
        pb::ingest_service_server::SERVICE_NAME,
        pb::contact_service_server::SERVICE_NAME,
        pb::trigger_service_server::SERVICE_NAME,
    ];
    let status = match health {
        Health::Serving => ServingStatus::Serving,
        Health::NotServing => ServingStatus::NotServing,
    };
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
