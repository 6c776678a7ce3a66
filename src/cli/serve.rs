//! `ticketsync serve`.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use clap::{
    Args,
    builder::{StringValueParser, TypedValueParser as _},
    value_parser,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{database::DatabaseArgs, encryption::EncryptionArgs};
use crate::{
    config::{Config, DEFAULT_LANES},
    domain::Secret,
    error::{Error, Result},
    server::Server,
    service::{FeedOptions, PrunerOptions, UpkeepOptions, days},
    zendesk::{BaseUrl, ClientOptions, REQUEST_TIMEOUT, RedirectUrl, WebhookUrl},
};

/// The shortest time between two exports: each takes a call at least, of the ten a minute that Zendesk
/// allows, and others may want some.
const MIN_RECONCILE_SECONDS: u64 = 30;

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to answer gRPC. Port 0 takes a free one, which the log names.
    #[arg(
        long,
        env = "TICKETSYNC_GRPC_LISTEN",
        default_value = "127.0.0.1:50051",
        value_name = "ADDRESS"
    )]
    grpc_listen: SocketAddr,
    /// Where to answer HTTP: /healthz, /readyz, /metrics, and the webhooks that Zendesk calls.
    #[arg(
        long,
        env = "TICKETSYNC_HTTP_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    http_listen: SocketAddr,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
    /// Where Zendesk is, with {subdomain} as one whole label of the host, https. On loopback it is a segment
    /// of the path.
    #[arg(
        long,
        env = "TICKETSYNC_ZENDESK_BASE_URL",
        default_value = "https://{subdomain}.zendesk.com",
        value_name = "TEMPLATE"
    )]
    zendesk_base_url: BaseUrl,
    /// Where Zendesk sends people back to: the platform's Apps page.
    #[arg(
        long,
        env = "TICKETSYNC_OAUTH_REDIRECT_URL",
        default_value = "http://127.0.0.1:8081/apps/zendesk",
        value_name = "URL"
    )]
    oauth_redirect_url: RedirectUrl,
    /// The identifier of the OAuth client registered at Zendesk.
    #[arg(
        long,
        env = "TICKETSYNC_OAUTH_CLIENT_ID",
        default_value = "ticketsync",
        value_name = "ID"
    )]
    oauth_client_id: String,
    /// The secret of the OAuth client. Best given by the environment.
    #[arg(long, env = "TICKETSYNC_OAUTH_CLIENT_SECRET", default_value = "", value_name = "SECRET", hide_env_values = true, value_parser = StringValueParser::new().map(Secret::new))]
    oauth_client_secret: Secret,
    /// Where Zendesk reaches this service, as seen from the Internet: webhooks are registered for
    /// addresses below it. Without it none is registered.
    #[arg(long, env = "TICKETSYNC_WEBHOOK_BASE_URL", value_name = "URL")]
    webhook_base_url: Option<WebhookUrl>,
    /// How many seconds apart it is made sure that no change was missed, about: by Zendesk's incremental
    /// export.
    #[arg(long, env = "TICKETSYNC_RECONCILE_INTERVAL", default_value_t = 600, value_name = "SECONDS", value_parser = value_parser!(u64).range(MIN_RECONCILE_SECONDS..))]
    reconcile_interval: u64,
    /// How many batch writers PostgreSQL gets. SQLite has one.
    #[arg(long, env = "TICKETSYNC_LANES", default_value_t = DEFAULT_LANES, value_name = "COUNT")]
    lanes: usize,
    /// How many days trigger events are kept: for so long a reader may be away.
    #[arg(long, env = "TICKETSYNC_TRIGGER_RETENTION", default_value_t = 30, value_name = "DAYS", value_parser = value_parser!(u32).range(1..))]
    trigger_retention: u32,
    /// How many days event ids are remembered: for so long a repeated event is known as one.
    #[arg(long, env = "TICKETSYNC_EVENT_RETENTION", default_value_t = PrunerOptions::MIN_EVENT_RETENTION_DAYS, value_name = "DAYS", value_parser = value_parser!(u32).range(i64::from(PrunerOptions::MIN_EVENT_RETENTION_DAYS)..))]
    event_retention: u32,
    /// How many seconds a shutdown may take.
    #[arg(long, env = "TICKETSYNC_SHUTDOWN_GRACE", default_value_t = 10, value_name = "SECONDS")]
    shutdown_grace: u64,
    /// Listen on other addresses than loopback although whoever reaches them may do anything:
    /// authentication is not there yet.
    #[arg(long, env = "TICKETSYNC_INSECURE_NO_AUTH")]
    insecure_no_auth: bool,
}

/// Serves until SIGTERM or Ctrl-C.
pub async fn run(args: ServeArgs) -> Result<ExitCode> {
    let config = config(args)?;
    if config.upkeep.webhook_base_url.is_none() && !config.zendesk.base_url.is_plain() {
        warn!("no webhooks are registered at Zendesk: --webhook-base-url is not given");
    }
    let server = Server::bind(config).await?;
    let address = |address: std::io::Result<SocketAddr>| {
        address.map_err(|error| Error::Internal(error.to_string()))
    };
    info!(
        grpc = %address(server.grpc_address())?,
        http = %address(server.http_address())?,
        durability = server.durability().await?,
        "listening"
    );
    server.run(told_to_stop()?).await?;
    Ok(ExitCode::SUCCESS)
}

fn config(args: ServeArgs) -> Result<Config> {
    for (name, address) in [("grpc-listen", args.grpc_listen), ("http-listen", args.http_listen)] {
        if !address.ip().is_loopback() && !args.insecure_no_auth {
            return Err(Error::Unfit(format!(
                "--{name} {address} is not loopback, and there is no authentication yet: \
                 put a proxy before it, or say --insecure-no-auth"
            )));
        }
    }
    let store = args.database.options();
    let keyring = args.encryption.keyring(&store.url)?;
    Ok(Config {
        grpc_listen: args.grpc_listen,
        http_listen: args.http_listen,
        store,
        keyring,
        zendesk: ClientOptions {
            base_url: args.zendesk_base_url,
            redirect_url: args.oauth_redirect_url,
            client_id: args.oauth_client_id,
            client_secret: args.oauth_client_secret,
            request_timeout: REQUEST_TIMEOUT,
        },
        feed: FeedOptions::default(),
        pruner: PrunerOptions {
            trigger_retention: days(args.trigger_retention),
            event_retention: days(args.event_retention),
            ..PrunerOptions::default()
        },
        upkeep: UpkeepOptions {
            webhook_base_url: args.webhook_base_url,
            reconcile_interval: Duration::from_secs(args.reconcile_interval),
            ..UpkeepOptions::default()
        },
        lanes: args.lanes,
        shutdown_grace: Duration::from_secs(args.shutdown_grace),
    })
}

/// Completes when the process is told to stop, by the service manager or at the terminal.
pub(super) fn told_to_stop() -> Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).map_err(|error| Error::Internal(error.to_string()));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
