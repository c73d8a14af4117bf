use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::PATIENCE;

/// What a network does with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// It passes everything on.
    Flows,
    /// It passes nothing on, and says nothing of it.
    Stalls,
    /// It has broken every connection, and lets none come about.
    Down,
}

/// A network between a client and a broker, which can be made to fail.
#[derive(Debug)]
pub struct Proxy {
    /// Where the client connects to.
    pub port: u16,
    mood: watch::Sender<Mood>,
    /// How many bytes the next connections let through.
    limit: Arc<AtomicUsize>,
    /// How many connections there were, and how many it has broken.
    counts: watch::Sender<(usize, usize)>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Passes on what comes to a port of its own to `port`.
    pub async fn start(port: u16) -> Proxy {
        Proxy::of(port, usize::MAX, 0).await
    }

    /// As [`Proxy::start`], but breaks the first connection after so many
    /// bytes, the second after twice as many, and so on, wherever in a packet
    /// that is.
    pub async fn breaking(port: u16, after: usize) -> Proxy {
        Proxy::of(port, after, after).await
    }

    async fn of(port: u16, first: usize, growth: usize) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let broker = SocketAddr::from(([127, 0, 0, 1], port));
        let (mood, moods) = watch::channel(Mood::Flows);
        let (counts, _) = watch::channel((0, 0));
        let limit = Arc::new(AtomicUsize::new(first));
        let mut tasks = JoinSet::new();
        let (counted, limits) = (counts.clone(), Arc::clone(&limit));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    return;
                };
                let limit = limits.fetch_add(growth, Ordering::Relaxed);
                counted.send_modify(|(all, _)| *all += 1);
                let (moods, counted) = (moods.clone(), counted.clone());
                connections.spawn(async move {
                    if pass(client, broker, moods, limit).await {
                        counted.send_modify(|(_, cuts)| *cuts += 1);
                    }
                });
            }
        });
        Proxy {
            port: address.port(),
            mood,
            limit,
            counts,
            _tasks: tasks,
        }
    }

    /// Breaks connections that come from now on after so many bytes.
    pub fn break_after(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Waits until there were so many connections.
    ///
    /// # Panics
    /// If they do not come.
    pub async fn connections(&self, count: usize) {
        self.until(|(all, _)| all >= count).await;
    }

    /// Waits until it has broken so many of them.
    ///
    /// # Panics
    /// If nothing passes any more.
    pub async fn broken(&self, count: usize) {
        self.until(|(_, cuts)| cuts >= count).await;
    }

    async fn until(&self, wanted: impl Fn((usize, usize)) -> bool) {
        let mut counts = self.counts.subscribe();
        let reached = timeout(PATIENCE, counts.wait_for(|counts| wanted(*counts))).await;
        assert!(reached.is_ok(), "only {:?}", *self.counts.borrow());
    }

    /// Keeps every connection, and passes nothing on.
    pub fn stall(&self) {
        self.mood.send_replace(Mood::Stalls);
    }

    /// Breaks every connection, and those to come.
    pub fn cut(&self) {
        self.mood.send_replace(Mood::Down);
    }

    /// Passes everything on again.
    pub fn mend(&self) {
        self.mood.send_replace(Mood::Flows);
    }

    /// How many connections it has broken.
    pub fn cuts(&self) -> usize {
        self.counts.borrow().1
    }
}

/// Serves one connection; tells whether it was broken from here.
async fn pass(
    client: TcpStream,
    broker: SocketAddr,
    moods: watch::Receiver<Mood>,
    limit: usize,
) -> bool {
    if *moods.borrow() == Mood::Down {
        return true;
    }
    let Ok(server) = TcpStream::connect(broker).await else {
        return false;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let left = AtomicUsize::new(limit);
    let mut changes = moods.clone();
    let down = async {
        let _ = changes.wait_for(|mood| *mood == Mood::Down).await;
    };
    tokio::select! {
        is_over = copy(&mut from_client, &mut to_server, &left, moods.clone()) => is_over,
        is_over = copy(&mut from_server, &mut to_client, &left, moods.clone()) => is_over,
        () = down => true,
    }
}

/// Passes bytes on one way until one end is gone, or `left` of both ways is
/// used up: then true.
async fn copy(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    left: &AtomicUsize,
    mut moods: watch::Receiver<Mood>,
) -> bool {
    let mut buffer = [0; 4096];
    loop {
        let Ok(len @ 1..) = from.read(&mut buffer).await else {
            return false;
        };
        if moods.wait_for(|mood| *mood != Mood::Stalls).await.is_err() {
            return false;
        }
        let allowed = left.load(Ordering::Relaxed);
        left.store(allowed.saturating_sub(len), Ordering::Relaxed);
        if to.write_all(&buffer[..len.min(allowed)]).await.is_err() {
            return false;
        }
        if len >= allowed {
            return true;
        }
    }
}
