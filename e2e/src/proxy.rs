use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

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
    cuts: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Passes on what comes to a port of its own to `port`.
    pub async fn start(port: u16) -> Proxy {
        Proxy::of(port, None).await
    }

    /// As [`Proxy::start`], but breaks the first connection after so many
    /// bytes, the second after twice as many, and so on, wherever in a packet
    /// that is.
    pub async fn breaking(port: u16, after: usize) -> Proxy {
        Proxy::of(port, Some(after)).await
    }

    async fn of(port: u16, after: Option<usize>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let broker = SocketAddr::from(([127, 0, 0, 1], port));
        let (mood, moods) = watch::channel(Mood::Flows);
        let cuts = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let counted = Arc::clone(&cuts);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            for number in 1.. {
                let Ok((client, _)) = listener.accept().await else {
                    return;
                };
                let limit = after.map_or(usize::MAX, |after| after * number);
                let (moods, cuts) = (moods.clone(), Arc::clone(&counted));
                connections.spawn(async move {
                    if pass(client, broker, moods, limit).await {
                        cuts.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Proxy {
            port: address.port(),
            mood,
            cuts,
            _tasks: tasks,
        }
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
        self.cuts.load(Ordering::Relaxed)
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
