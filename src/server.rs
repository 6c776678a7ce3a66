//! The server: everything wired together, run until it is told to stop.

mod health;

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::watch, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{service::Routes, transport::server::TcpIncoming};
use tower::ServiceBuilder;
use tracing::{info, info_span, warn};

use crate::{
    config::Config,
    domain::AccountId,
    error::{Error, Result},
    http::{self, Health, Webhooks, metrics::Metrics},
    proto::{DESCRIPTORS, v1 as pb},
    rpc::{self, limits},
    service::{
        Access, Batcher, Connecting, ContactFields, Contacts, Feed, OnCommit, Parked, Pruner,
        SigningSecrets, Upkeep, Writes, rotation::Inventory,
    },
    store::Store,
    zendesk::{self, WebhookUrl},
};

/// A server that has its database open and its ports bound.
pub struct Server {
    config: Config,
    store: Store,
    grpc: TcpListener,
    http: TcpListener,
}

impl Server {
    /// Opens the database, brings its schema up to date, and binds the ports.
    pub async fn bind(config: Config) -> Result<Self> {
        let store = Store::open(&config.store).await?;
        Inventory::warn_of_missing(&store, &config.keyring).await?;
        let grpc = listen(config.grpc_listen).await?;
        let http = listen(config.http_listen).await?;
        Ok(Self { config, store, grpc, http })
    }

    /// Has Zendesk call below this address: it may be known only now that the ports are bound.
    #[must_use]
    pub fn with_webhooks_at(mut self, url: WebhookUrl) -> Self {
        self.config.upkeep.webhook_base_url = Some(url);
        self
    }

    /// Where gRPC is answered.
    pub fn grpc_address(&self) -> io::Result<SocketAddr> {
        self.grpc.local_addr()
    }

    /// Where HTTP is answered.
    pub fn http_address(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// What the database says of how durably it commits, for people to see.
    pub async fn durability(&self) -> Result<String> {
        Ok(self.store.durability().await?)
    }

    /// Serves until the future completes, then stops: health says so first, streams end with an error
    /// that lets clients resume elsewhere, what was accepted is committed. Returns within the grace
    /// period, whatever the peers do.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let Self { config, store, grpc, http } = self;
        let stopping = CancellationToken::new();
        let tasks = TaskTracker::new();
        let writes = Writes::default();
        let metrics = Metrics::install();
        let (health, health_seen) = watch::channel(Health::Serving);
        let (reporter, health_service) = tonic_health::server::health_reporter();

        let (services, webhooks) = services(&config, &store, &writes, &stopping, &tasks)?;
        let routes = services.add_service(health_service).prepare();
        tasks.spawn(health::watch(store.clone(), reporter, health, stopping.clone()));
        let http = http::serve(http, health_seen, metrics, webhooks, stopping.clone());
        tasks.spawn(async move {
            if let Err(error) = http.await {
                warn!(cause = %error, "the HTTP server ended");
            }
        });
        let serve = tonic_server()
            .layer(ServiceBuilder::new().map_response(rpc::reason::give))
            .add_routes(routes)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(grpc).with_nodelay(Some(true)),
                stopping.clone().cancelled_owned(),
            );
        tasks.spawn(async move {
            if let Err(error) = serve.await {
                warn!(cause = %error, "the gRPC server ended");
            }
        });

        shutdown.await;
        info!("stopping");
        stopping.cancel();
        tasks.close();
        let drained = time::timeout(config.shutdown_grace, async {
            tasks.wait().await;
            writes.drain().await;
            store.close().await;
        });
        if drained.await.is_ok() {
            info!("stopped");
        } else {
            warn!("stopped although peers or the database did not let go within the grace period");
        }
        Ok(())
    }
}

/// Runs a server until the future completes.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<()> {
    Server::bind(config).await?.run(shutdown).await
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Error::Internal(format!("cannot listen on {address}: {error}")))
}

fn services(
    config: &Config,
    store: &Store,
    writes: &Writes,
    stopping: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(Routes, Webhooks)> {
    let feed = Feed::new(store.clone(), config.feed, stopping.clone());
    tasks.spawn(feed.relay().run(stopping.clone()));
    tasks.spawn(Pruner::new(store.clone(), config.pruner).run(stopping.clone()));
    let grown = feed.clone();
    let on_commit: OnCommit = Arc::new(move |account: &AccountId| grown.notify([account]));
    let batcher = Batcher::start(store, config.lanes, &on_commit, stopping, tasks)?;
    let secrets = SigningSecrets::new(store.clone(), config.keyring.clone());
    let webhooks = Webhooks { secrets, batcher: batcher.clone() };
    let parked = Parked::new(store.clone(), writes.clone(), on_commit);
    let contacts = Contacts::new(store.clone(), writes.clone());
    let zendesk = zendesk::Client::new(config.zendesk.clone())?;
    let access = Access::new(store.clone(), writes.clone(), config.keyring.clone(), zendesk);
    let upkeep = Upkeep::new(&access, batcher.clone(), config.upkeep.clone());
    tasks.spawn(upkeep.clone().run(stopping.clone()));
    let connecting = Connecting::new(access, upkeep);

    let ingest = rpc::ingest::IngestApi::new(store.clone(), batcher, parked, stopping.clone());
    let contact = rpc::contact::ContactApi::new(store.clone(), contacts);
    let trigger = rpc::trigger::TriggerApi::new(feed);
    let connection = rpc::connection::ConnectionApi::new(connecting);
    let fields = ContactFields::new(store.clone(), writes.clone());
    let contact_field = rpc::contact_field::ContactFieldApi::new(store.clone(), fields);

    let mut routes = Routes::builder();
    macro_rules! add {
        ($($server:ident::$type:ident($api:expr)),* $(,)?) => {$(
            routes.add_service(
                pb::$server::$type::new($api)
                    .max_decoding_message_size(limits::MAX_REQUEST_BYTES)
                    .max_encoding_message_size(limits::MAX_RESPONSE_BYTES),
            );
        )*};
    }
    add! {
        connection_service_server::ConnectionServiceServer(connection),
        contact_field_service_server::ContactFieldServiceServer(contact_field),
        ingest_service_server::IngestServiceServer(ingest),
        contact_service_server::ContactServiceServer(contact),
        trigger_service_server::TriggerServiceServer(trigger),
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let broken = |error: tonic_reflection::server::Error| Error::Internal(error.to_string());
    routes.add_service(reflection().build_v1().map_err(broken)?);
    routes.add_service(reflection().build_v1alpha().map_err(broken)?);
    Ok((routes.routes(), webhooks))
}

fn tonic_server() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .timeout(limits::CALL_LIMIT)
        .max_concurrent_streams(limits::MAX_CONCURRENT_STREAMS)
        .max_connection_age(limits::MAX_CONNECTION_AGE)
        .http2_keepalive_interval(Some(limits::KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(limits::KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(limits::MAX_HEADER_BYTES)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .trace_fn(|request| info_span!("rpc", method = request.uri().path()))
}
