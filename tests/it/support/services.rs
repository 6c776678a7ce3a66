//! The services on a socket of their own, without the program around them: a test chooses the
//! feed's times and reaches what is inside.

use std::sync::Arc;

use ticketsync::{
    domain::AccountId,
    proto::v1::{
        EventResult, TailTriggersRequest, TailTriggersResponse,
        connection_service_server::ConnectionServiceServer,
        contact_field_service_server::ContactFieldServiceServer,
        contact_service_client::ContactServiceClient, contact_service_server::ContactServiceServer,
        ingest_service_client::IngestServiceClient, ingest_service_server::IngestServiceServer,
        tail_triggers_request::Start, trigger_service_client::TriggerServiceClient,
        trigger_service_server::TriggerServiceServer,
    },
    rpc::{
        connection::ConnectionApi, contact::ContactApi, contact_field::ContactFieldApi,
        ingest::IngestApi, trigger::TriggerApi,
    },
    service::{
        Access, Batcher, BatcherOptions, Connecting, ContactFields, Contacts, Feed, FeedOptions,
        Keyring, OnCommit, Parked, Upkeep, UpkeepOptions, Writes,
    },
    store::Store,
    zendesk::Client,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};

use super::{Clients, Connected, Database, Zendesk, event::Event};

/// How many lanes a test's batcher has.
const LANES: usize = 2;

/// The services, running.
pub struct Services {
    pub store: Store,
    pub ingest: IngestServiceClient<Channel>,
    pub contacts: ContactServiceClient<Channel>,
    pub triggers: TriggerServiceClient<Channel>,
    /// Cancelled when the services stop.
    pub shutdown: CancellationToken,
    channel: Channel,
    tasks: TaskTracker,
}

impl Services {
    /// Starts the services on this database.
    pub async fn start(db: &Database) -> Self {
        Self::start_with(db, FeedOptions::default()).await
    }

    /// Starts the services with these times of the feed.
    pub async fn start_with(db: &Database, options: FeedOptions) -> Self {
        Self::serve(db.store().await, options, BatcherOptions::default(), None).await
    }

    /// Starts the services on this store, with these times of the batcher.
    pub async fn start_on(store: Store, options: BatcherOptions) -> Self {
        Self::serve(store, FeedOptions::default(), options, None).await
    }

    /// Starts the services on this store, with one that connects to this Zendesk.
    pub async fn start_beside(zendesk: &Zendesk, store: Store, keyring: Keyring) -> Self {
        let client = Client::new(zendesk.options()).unwrap();
        let connecting = connecting(store.clone(), keyring, client);
        let (options, batcher) = (FeedOptions::default(), BatcherOptions::default());
        Self::serve(store, options, batcher, Some(ConnectionApi::new(connecting))).await
    }

    async fn serve(
        store: Store,
        options: FeedOptions,
        batcher: BatcherOptions,
        connections: Option<ConnectionApi>,
    ) -> Self {
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let feed = Feed::new(store.clone(), options, shutdown.clone());
        tasks.spawn(feed.relay().run(shutdown.clone()));
        let on_commit: OnCommit = {
            let feed = feed.clone();
            Arc::new(move |account: &AccountId| feed.notify([account]))
        };
        let batcher =
            Batcher::start_with(&store, LANES, batcher, &on_commit, &shutdown, &tasks).unwrap();
        let writes = Writes::default();
        let parked = Parked::new(store.clone(), writes.clone(), on_commit);
        let ingest = IngestApi::new(store.clone(), batcher, parked, shutdown.clone());
        let contacts = ContactApi::new(store.clone(), Contacts::new(store.clone(), writes.clone()));
        let fields = ContactFieldApi::new(store.clone(), ContactFields::new(store.clone(), writes));
        let server = Server::builder()
            .add_service(IngestServiceServer::new(ingest))
            .add_service(ContactServiceServer::new(contacts))
            .add_service(ContactFieldServiceServer::new(fields))
            .add_service(TriggerServiceServer::new(TriggerApi::new(feed)))
            .add_optional_service(connections.map(ConnectionServiceServer::new));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = shutdown.clone().cancelled_owned();
        tasks.spawn(server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stopped));
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        Self {
            store,
            ingest: IngestServiceClient::new(channel.clone()),
            contacts: ContactServiceClient::new(channel.clone()),
            triggers: TriggerServiceClient::new(channel.clone()),
            channel,
            shutdown,
            tasks,
        }
    }

    /// Clients of all of them.
    pub fn clients(&self) -> Clients {
        Clients::new(self.channel.clone())
    }

    /// Sends one event.
    pub async fn apply(&self, to: &Connected, event: Event) -> EventResult {
        let answer = self.ingest.clone().ingest_ticket_event(event.request(to)).await;
        answer.unwrap().into_inner().result.unwrap()
    }

    /// Opens a tail.
    pub async fn tail(
        &self,
        request: TailTriggersRequest,
    ) -> Result<Streaming<TailTriggersResponse>, Status> {
        Ok(self.triggers.clone().tail_triggers(request).await?.into_inner())
    }

    /// Reads a tail that ends by itself to its end.
    pub async fn read(
        &self,
        request: TailTriggersRequest,
    ) -> Result<Vec<TailTriggersResponse>, Status> {
        let mut messages = self.tail(request).await?;
        let mut read = Vec::new();
        while let Some(message) = messages.message().await? {
            read.push(message);
        }
        Ok(read)
    }

    /// Stops, and lets go of the database.
    pub async fn stop(self) {
        self.shutdown.cancel();
        drop((self.ingest, self.contacts, self.triggers, self.channel));
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }
}

/// The part that connects accounts. Nothing looks after its connections.
pub fn connecting(store: Store, keyring: Keyring, client: Client) -> Connecting {
    let batcher = idle_batcher(&store);
    let access = Access::new(store, Writes::default(), keyring, client);
    let upkeep = Upkeep::new(&access, batcher, UpkeepOptions::default());
    Connecting::new(access, upkeep)
}

/// A tail of this account that ends at the head.
pub fn tail(account: &str, start: Start) -> TailTriggersRequest {
    TailTriggersRequest { start: Some(start), stop_at_head: true, ..follow(account, None) }
}

/// A tail of this account that does not end; from the earliest event, or after a cursor.
pub fn follow(account: &str, cursor: Option<&str>) -> TailTriggersRequest {
    let earliest = || Start::StartPoint(ticketsync::proto::v1::StartPoint::Earliest.into());
    TailTriggersRequest {
        account_id: account.into(),
        start: Some(cursor.map_or_else(earliest, |cursor| Start::Cursor(cursor.into()))),
        ..TailTriggersRequest::default()
    }
}

/// A batcher for an upkeep that has nothing to hand in.
fn idle_batcher(store: &Store) -> Batcher {
    let on_commit: OnCommit = Arc::new(|_: &AccountId| {});
    let stopping = CancellationToken::new();
    // Its lane ends at once, and keeps no store open.
    stopping.cancel();
    Batcher::start(store, 1, &on_commit, &stopping, &TaskTracker::new()).unwrap()
}
