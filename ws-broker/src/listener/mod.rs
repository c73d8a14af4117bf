//! Where clients connect: sockets, and what is spoken on them.

mod address;
mod census;
mod http;
mod proxy;
mod socket;
mod tcp;
mod tls;
#[cfg(unix)]
mod unix;
mod websocket;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use address::Address;
pub(crate) use census::Census;
pub(crate) use socket::{Socket, open};
pub(crate) use tls::{KeyLogFile, Serial, Shown, Tls};

use crate::broker::{Broker, ConnectionGuard};
use crate::config::{Listener, Protocol};
use crate::connection::{Connection, Peer};
use crate::log::{error, notice};
use socket::Stream;

/// How long to wait when no connection can be accepted, such as when there
/// are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often, and after which pauses, it is looked for room once
/// `max_connections` is reached.
const ROOM_TRIES: usize = 10;
const ROOM_PAUSE: Duration = Duration::from_millis(10);

/// A listener that is served; all its sockets share it.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    broker: Arc<Broker>,
    listener: Arc<Listener>,
    /// Whose rules hold: see [`Identity::rules`](crate::access::Identity::rules).
    rules: u16,
    is_tls: bool,
    connections: Arc<AtomicUsize>,
}

/// Counts a connection of a listener for as long as it lives.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's place among those of the broker, and of its listener; free
/// when it is dropped.
pub(crate) struct Place {
    _broker: ConnectionGuard,
    _listener: Option<Counted>,
}

impl Place {
    pub(crate) fn new(broker: &Arc<Broker>, listener: Option<Counted>) -> Self {
        Self {
            _broker: broker.count_connection(),
            _listener: listener,
        }
    }
}

impl Served {
    pub(crate) fn new(broker: Arc<Broker>, listener: Listener, rules: u16, port: u16) -> Self {
        let connections = Arc::default();
        broker.census.add(&listener, port, &connections);
        Self {
            broker,
            rules,
            is_tls: listener.tls.is_on(),
            listener: Arc::new(listener),
            connections,
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.listener.protocol
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Accepts connections for ever.
    pub(crate) async fn serve(self, socket: Socket) {
        let port = socket.address().map_or(0, |address| address.port());
        loop {
            let (stream, address) = match socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    error!("Error: cannot accept a connection on port {port}: {error}.");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            self.broker.reloads.settled().await;
            let Some(counted) = self.wait_for_room().await else {
                let ip = address.ip();
                notice!(
                    %address,
                    reason = "max_connections",
                    "Client connection from {ip} denied: max_connections exceeded. It comes from \
                     {address}, to port {port}."
                );
                continue;
            };
            let peer = Peer::new(address, port, self.rules);
            self.spawn(stream, peer, counted);
        }
    }

    /// A place among the connections, if there is one. A client that closes
    /// one connection and opens another may be faster than the task that
    /// notices the end of the first.
    async fn wait_for_room(&self) -> Option<Counted> {
        for _ in 0..ROOM_TRIES {
            if let Some(counted) = self.count() {
                return Some(counted);
            }
            tokio::time::sleep(ROOM_PAUSE).await;
        }
        self.count()
    }

    fn count(&self) -> Option<Counted> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(self.connections.clone());
        let own = self.listener.max_connections;
        let all = self.broker.settings().config.global_max_connections;
        let is_full = own.is_some_and(|limit| before >= limit)
            || all.is_some_and(|limit| self.broker.census.total() > limit);
        (!is_full).then_some(counted)
    }

    fn spawn(&self, stream: Stream, peer: Peer, counted: Counted) {
        let is_plain =
            self.protocol() == Protocol::Mqtt && !self.is_tls && self.listener.proxy.is_none();
        match stream {
            Stream::Tcp(stream) if is_plain => {
                let place = Place::new(&self.broker, Some(counted));
                let (broker, listener) = (self.broker.clone(), self.listener.clone());
                tokio::spawn(Connection::new(broker, listener, stream, peer, place));
            }
            Stream::Tcp(stream) => {
                tokio::spawn(self.clone().wrapped(stream, peer, counted));
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                tokio::spawn(self.clone().wrapped(stream, peer, counted));
            }
        }
    }

    /// A connection that is more than MQTT over TCP.
    async fn wrapped(self, mut stream: impl Link + 'static, mut peer: Peer, counted: Counted) {
        if self.listener.proxy.is_some()
            && !Box::pin(proxy::admit(&mut stream, &mut peer, &self.listener)).await
        {
            return;
        }
        if self.is_tls {
            Box::pin(self.secure(stream, peer)).await;
        } else {
            self.speak(Box::new(stream), peer).await;
        }
        drop(counted);
    }

    async fn secure(self, stream: impl Link + 'static, mut peer: Peer) {
        // The files as they are now.
        let Some(tls) = self.broker.settings().tls(self.rules).cloned() else {
            return;
        };
        // A box of its own, which is gone when the handshake is done.
        let accepted = Box::pin(tls.accept(stream)).await;
        drop(tls);
        match accepted {
            Ok((stream, certified)) => {
                peer.shown = certified.shown.map(Box::new);
                peer.serial = certified.serial.map(Box::new);
                self.speak(Box::new(stream), peer).await;
            }
            Err(error) => {
                let Peer { address, port, .. } = peer;
                notice!("TLS handshake with {address} on port {port} failed: {error}.");
            }
        }
    }

    /// The box keeps all futures which hold the stream small.
    async fn speak(self, stream: Box<dyn Link>, peer: Peer) {
        match self.protocol() {
            Protocol::Mqtt => {
                let place = Place::new(&self.broker, None);
                Connection::new(self.broker, self.listener, stream, peer, place).await;
            }
            // In a box, so that a task for MQTT has no room for it.
            Protocol::WebSockets => {
                Box::pin(http::serve(self.broker, self.listener, stream, peer)).await;
            }
        }
    }
}

/// What a client's bytes go through.
trait Link: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Link for T {}
