//! The sandbox as a whole: what is started, in which order, and how it ends.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::Router;
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    apps_page::{self, AppsPage},
    clients::Clients,
    connecting,
    error::Result,
    follower::Follower,
    options::SandboxOptions,
    people::People,
    producer::Producer,
    service,
    show::Show,
    story::{SANNE, Story},
    zendesk::{Comment, Desk, DeskOptions, OAuthClient, TicketInput, UserInput, secret},
};
use crate::clock;

/// The account of the sandbox, its subdomain, and what the person who connects it pastes.
const ACCOUNT: &str = "demo";
const SUBDOMAIN: &str = "acme";
const PASTED: &str = "https://ACME.zendesk.com/";
/// What the service's client is called at the help desk.
const CLIENT_ID: &str = "mailblue";
/// How long everything may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How old the ticket is that the help desk held before it was connected.
const OLD_TICKET_AGE: Duration = Duration::from_hours(40 * 24);

/// How a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every ticket object held what the help desk's store holds, or nobody waited for the answer.
    Equal,
    /// Something differed.
    Different,
}

/// Runs the sandbox until its story is told (`--once`), or until `shutdown` completes.
pub async fn run(options: SandboxOptions, shutdown: impl Future<Output = ()>) -> Result<Ending> {
    let home = Home::open(options.data_dir.as_deref())?;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let ending = tokio::select! {
        ending = play(&options, &home, &tasks, &stop) => ending,
        () = shutdown => Ok(Ending::Equal),
    };
    stop.cancel();
    tasks.close();
    // Whatever does not stop in time dies with the process.
    let _ = timeout(STOP_TIMEOUT, tasks.wait()).await;
    ending
}

async fn play(
    options: &SandboxOptions,
    home: &Home,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Ending> {
    let desk_listener = TcpListener::bind(options.zendesk_listen).await?;
    let apps_listener = TcpListener::bind("127.0.0.1:0").await?;
    let apps_at = apps_listener.local_addr()?;
    let redirect_url = format!("http://{apps_at}{}", apps_page::CALLBACK_PATH);
    let client = OAuthClient { id: CLIENT_ID.into(), secret: secret(), redirect_url };
    let file = home.kept().then(|| home.path().join("zendesk.json"));
    let desk_options = DeskOptions { file, ..DeskOptions::default() };
    let desk = Desk::open(SUBDOMAIN, desk_listener.local_addr()?, client, desk_options)?;
    open_desk(tasks, stop, desk_listener, &desk);

    let service = service::start(options, home.path(), &desk, tasks, stop).await?;
    let clients = Clients::connect(service.grpc).await?;
    let apps = AppsPage { account: ACCOUNT.into(), clients: clients.clone() };
    serve_http(tasks, stop, apps_listener, apps.router());

    if desk.store.is_empty() {
        furnish(&desk)?;
    }
    let mut story = open(options, &desk, clients).await?;
    story.tell().await?;
    story.profiles().await?;
    if options.tamper {
        desk.store.tamper()?;
    }
    let comparison = story.compare().await?;
    let ending = if comparison.differences.is_empty() { Ending::Equal } else { Ending::Different };
    if !options.once {
        story.offer(service, &format!("http://{apps_at}{}", apps_page::PATH)).await?;
        story.go_on().await?;
    }
    Ok(ending)
}

/// Connects the help desk and gathers everybody whom the story needs.
async fn open(options: &SandboxOptions, desk: &Desk, mut clients: Clients) -> Result<Story> {
    let mut show = Show::new(options.labels);
    let connection = connecting::connect(&mut clients, desk, ACCOUNT, PASTED, &mut show).await?;
    let follower = Follower::of(desk.clone(), clients.clone(), &connection).await?;
    let producer = Producer::new(clients.ingest.clone(), &connection);
    let (people, language) = (People::of(&desk.url)?, options.labels.into());
    let desk = desk.clone();
    Ok(Story { clients, connection, desk, people, producer, follower, show, language })
}

/// Puts a ticket into the help desk that is older than the connection.
fn furnish(desk: &Desk) -> Result<()> {
    let now = clock::now();
    let input = TicketInput {
        requester: Some(UserInput {
            name: Some(SANNE.name.into()),
            email: SANNE.email.map(Into::into),
            role: None,
        }),
        comment: Some(Comment { body: "Mijn adres is veranderd".into() }),
        ..TicketInput::default()
    };
    let ticket = desk.store.create_ticket(&desk.url, &input, now.minus(OLD_TICKET_AGE))?;
    let solved = TicketInput {
        fields: [("status".to_owned(), "solved".into())].into_iter().collect(),
        ..TicketInput::default()
    };
    desk.store.update_ticket(ticket.id, &solved, now.minus(OLD_TICKET_AGE / 2))?;
    Ok(())
}

/// Where the sandbox keeps its files.
enum Home {
    Kept(PathBuf),
    /// Deleted with everything in it when dropped.
    Temporary(TempDir),
}

impl Home {
    fn open(data_dir: Option<&Path>) -> io::Result<Self> {
        match data_dir {
            Some(path) => {
                std::fs::create_dir_all(path)?;
                Ok(Self::Kept(path.to_owned()))
            }
            None => Ok(Self::Temporary(tempfile::Builder::new().prefix("ticketsync-").tempdir()?)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }

    fn kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }
}

/// Has the help desk answer, and deliver events to its webhooks.
fn open_desk(tasks: &TaskTracker, stop: &CancellationToken, listener: TcpListener, desk: &Desk) {
    let (answering, delivering) = (desk.clone(), desk.clone());
    let (stop_answering, stop_delivering) = (stop.clone(), stop.clone());
    tasks.spawn(async move {
        if let Err(error) = answering.serve(listener, stop_answering).await {
            tracing::error!(%error, "the help desk's HTTP server ended");
        }
    });
    tasks.spawn(async move { delivering.deliver(stop_delivering).await });
}

fn serve_http(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    listener: TcpListener,
    router: Router,
) {
    let stopped = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the sandbox's HTTP server ended");
        }
    });
}
