//! One help desk: its records, its grants, its webhooks, and how it is run.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    courier::Courier,
    hold::{HeldAnswer, Holds},
    host::serve,
    journal::Journal,
    limits::Limits,
    oauth::{OAuth, OAuthClient},
    pace::Pace,
    post::{DeliveryRecord, Post},
    store::Store,
    switches::{Switchboard, Switches},
    watch::RequestRecord,
    webhooks::Webhooks,
};

/// How a help desk is opened.
#[derive(Debug, Clone, Default)]
pub struct DeskOptions {
    /// Where tickets and users are kept; none for memory only. Grants and webhooks are never kept.
    pub file: Option<PathBuf>,
    pub pace: Pace,
    /// How the switches stand at first.
    pub switches: Switches,
}

/// One help desk: what stands under one subdomain. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub subdomain: String,
    /// Its address, without a slash at the end: the subdomain is a path here, since the host is
    /// loopback.
    pub url: String,
    pub store: Store,
    pub oauth: OAuth,
    pub webhooks: Webhooks,
    pub switches: Switchboard,
    pub(super) pace: Arc<Pace>,
    pub(super) limits: Limits,
    pub(super) holds: Holds,
    pub(super) requests: Journal<RequestRecord>,
    pub(super) post: Post,
    courier: Courier,
}

impl Desk {
    /// Opens a help desk that will answer at the address.
    ///
    /// # Errors
    /// When the file cannot be read, or is not one of ours.
    pub fn open(
        subdomain: &str,
        at: SocketAddr,
        client: OAuthClient,
        options: DeskOptions,
    ) -> io::Result<Self> {
        let DeskOptions { file, pace, switches } = options;
        let (pace, switches) = (Arc::new(pace), Switchboard::new(switches));
        let post = Post::new(switches.clone());
        Ok(Self {
            subdomain: subdomain.to_owned(),
            url: format!("http://{at}/{subdomain}"),
            store: Store::open(file, post.clone())?,
            oauth: OAuth::new(client, Arc::clone(&pace)),
            webhooks: post.webhooks.clone(),
            switches,
            limits: Limits::default(),
            holds: Holds::default(),
            requests: Journal::default(),
            courier: Courier::new(post.clone(), Arc::clone(&pace)).map_err(io::Error::other)?,
            pace,
            post,
        })
    }

    /// Answers at a listener until it is told to stop. May be called for several: which one a call
    /// came in at is in the log.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        serve(std::slice::from_ref(self), listener, stop).await
    }

    /// Delivers events to webhooks until it is told to stop. Nothing else does; call it once.
    pub async fn deliver(&self, stop: CancellationToken) {
        self.courier.clone().run(stop).await;
    }

    /// Has the next answer that brings new tokens held back, until what is given is released or dropped.
    #[must_use]
    pub fn hold_token_answer(&self) -> HeldAnswer {
        self.holds.add()
    }

    /// The calls of the API, the oldest first; the newest 200,000 are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.requests.all()
    }

    /// What became of each try to deliver an event, the oldest first; the newest 200,000 are kept.
    #[must_use]
    pub fn deliveries(&self) -> Vec<DeliveryRecord> {
        self.post.log.all()
    }

    /// The same from the one with this number on, and the number of the next one.
    #[must_use]
    pub fn deliveries_since(&self, number: u64) -> (Vec<DeliveryRecord>, u64) {
        self.post.log.since(number)
    }

    /// How many events were made of what happened since there is a webhook, delivered or not.
    #[must_use]
    pub fn event_count(&self) -> u64 {
        self.post.event_count()
    }

    /// How many deliveries wait or are under way: 0 once everything has been tried for the last time.
    #[must_use]
    pub fn waiting_deliveries(&self) -> usize {
        self.post.outbox.len()
    }
}
