//! A load balancer before the replicas: each delivery goes to the next one, and to another where that
//! one is dead. Its address is known before any of theirs.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

type Lines = HashMap<SocketAddr, BufStream<TcpStream>>;

/// A balancer that runs until it is dropped.
pub struct Balancer {
    /// Where deliveries come in.
    pub url: String,
    targets: Arc<Targets>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Targets {
    replicas: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
}

impl Balancer {
    /// A balancer without anybody behind it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let targets = Arc::<Targets>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&targets)));
        Self { url, targets, _tasks: tasks }
    }

    /// From now on these are behind it.
    pub fn send_to(&self, replicas: Vec<SocketAddr>) {
        *self.targets.replicas.lock().unwrap() = replicas;
    }
}

async fn accept(listener: TcpListener, targets: Arc<Targets>) {
    let mut clients = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        client.set_nodelay(true).unwrap();
        let targets = Arc::clone(&targets);
        clients.spawn(async move { targets.serve(BufStream::new(client)).await });
    }
}

impl Targets {
    /// Passes one client's requests on, one after the other, until it hangs up or nobody answers.
    async fn serve(&self, mut client: BufStream<TcpStream>) -> io::Result<()> {
        let mut lines = Lines::new();
        loop {
            let request = read_message(&mut client).await?;
            let answer = self.ask(&mut lines, &request).await?;
            client.write_all(&answer).await?;
            client.flush().await?;
        }
    }

    /// The answer of the first that gives one. What a replica took in before it died is sent again to
    /// the next: that is for the receivers to notice.
    async fn ask(&self, lines: &mut Lines, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut replicas = self.replicas.lock().unwrap().clone();
        let count = replicas.len().max(1);
        replicas.rotate_left(self.next.fetch_add(1, Ordering::Relaxed) % count);
        for replica in replicas {
            match exchange(lines, replica, request).await {
                Ok(answer) => return Ok(answer),
                Err(_) => drop(lines.remove(&replica)),
            }
        }
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

async fn exchange(lines: &mut Lines, to: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let line = match lines.entry(to) {
        Entry::Occupied(line) => line.into_mut(),
        Entry::Vacant(place) => {
            let line = TcpStream::connect(to).await?;
            line.set_nodelay(true)?;
            place.insert(BufStream::new(line))
        }
    };
    line.write_all(request).await?;
    line.flush().await?;
    read_message(line).await
}

/// Reads one whole message of HTTP/1.1 whose body has the length that its head tells, or none.
async fn read_message(stream: &mut BufStream<TcpStream>) -> io::Result<Vec<u8>> {
    let (mut message, mut body) = (Vec::new(), 0);
    loop {
        let start = message.len();
        if stream.read_until(b'\n', &mut message).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = &message[start..];
        if line == b"\r\n" {
            break;
        }
        body = content_length(line).unwrap_or(body);
    }
    let start = message.len();
    message.resize(start + body, 0);
    stream.read_exact(&mut message[start..]).await?;
    Ok(message)
}

fn content_length(line: &[u8]) -> Option<usize> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}
