//! The real service, run inside the sandbox's process and reached through its sockets only.

use std::{net::SocketAddr, path::Path, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    error::{Error, Result},
    options::SandboxOptions,
    zendesk::Desk,
};
use crate::{
    config::{Config, DEFAULT_LANES},
    domain::Secret,
    server::Server,
    service::{FeedOptions, PrunerOptions, UpkeepOptions, key_file},
    store::{DatabaseUrl, StoreOptions},
    zendesk::{ClientOptions, REQUEST_TIMEOUT},
};

/// How long the service may take to stop: who watches has pressed Ctrl-C and waits.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// How often it is made sure that no change was missed, and that the webhook is there: so that who has
/// the help desk lose them need not wait for long.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);

/// Where the service answers.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub grpc: SocketAddr,
    /// Health, metrics, and the webhooks that the help desk calls.
    pub http: SocketAddr,
}

/// Starts the service on an embedded database in `home`. It stops when told to, as one of the tasks.
pub async fn start(
    options: &SandboxOptions,
    home: &Path,
    desk: &Desk,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Addresses> {
    let server = Server::bind(config(options, home, desk)?).await?;
    let at = Addresses { grpc: server.grpc_address()?, http: server.http_address()? };
    let server = server.with_webhooks_at(format!("http://{}", at.http).parse()?);
    let stopped = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        if let Err(error) = server.run(stopped).await {
            tracing::error!(cause = %error, "the service ended");
        }
    });
    Ok(at)
}

fn config(options: &SandboxOptions, home: &Path, desk: &Desk) -> Result<Config> {
    let database = home.join("ticketsync.db");
    let (keyring, _) = key_file::open(&key_file::beside(&database))
        .map_err(|error| Error::Unexpected(error.to_string()))?;
    let client = desk.oauth.client();
    // The help desk's address ends with its subdomain.
    let base = desk.url.trim_end_matches(&desk.subdomain);
    Ok(Config {
        grpc_listen: options.grpc_listen,
        http_listen: options.http_listen,
        store: StoreOptions::new(DatabaseUrl::Sqlite(database)),
        keyring,
        zendesk: ClientOptions {
            base_url: format!("{base}{{subdomain}}").parse()?,
            redirect_url: client.redirect_url.parse()?,
            client_id: client.id.clone(),
            client_secret: Secret::new(client.secret.clone()),
            request_timeout: REQUEST_TIMEOUT,
        },
        feed: FeedOptions::default(),
        pruner: PrunerOptions::default(),
        upkeep: UpkeepOptions {
            webhook_interval: UPKEEP_EVERY,
            reconcile_interval: UPKEEP_EVERY,
            ..UpkeepOptions::default()
        },
        lanes: DEFAULT_LANES,
        shutdown_grace: SHUTDOWN_GRACE,
    })
}
