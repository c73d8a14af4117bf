use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::BytesMut;
use codec::{
    Connect, Packet, PacketId, Properties, ProtocolVersion, Publish, QoS, Subscribe, Subscription,
    TopicFilter, TopicName,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, ReadBuf};

use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::{Config, Listener, Protocol, Security};
use crate::connection::{Connection, Peer};
use crate::listener::{Address, Place};
use crate::settings::Settings;

/// How long clients may take to CONNECT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(7);

const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;

/// A connection on this stream to a broker of its own.
fn connection<T: AsyncRead + AsyncWrite + Unpin>(stream: T) -> Connection<T> {
    let config = Config {
        security: Security {
            allow_anonymous: true,
            ..Security::default()
        },
        ..Config::default()
    };
    let settings = Settings::read(config).unwrap();
    let broker = Arc::new(Broker::new(settings, Clock::start(), None));
    let place = Place::new(&broker, None);
    let mut peer = Peer::new(Address::Unix("client".into()), 0, 0);
    peer.connect_timeout = CONNECT_TIMEOUT;
    let listener = Arc::new(Listener::new(0, Protocol::Mqtt));
    Connection::new(broker, listener, stream, peer, place)
}

fn encode(packet: &Packet) -> BytesMut {
    let mut bytes = BytesMut::new();
    packet.encode(VERSION, &mut bytes).unwrap();
    bytes
}

fn connect() -> BytesMut {
    encode(&Packet::Connect(Connect::new(VERSION, "c").into()))
}

fn publish(payload: usize) -> BytesMut {
    encode(&Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: TopicName::new("t").unwrap(),
        packet_id: None,
        properties: Properties::new(),
        payload: vec![b'x'; payload].into(),
    }))
}

#[tokio::test(start_paused = true)]
async fn who_does_not_connect_in_time_is_closed() {
    let (mut client, stream) = tokio::io::duplex(64);
    let start = tokio::time::Instant::now();
    tokio::spawn(connection(stream));
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(start.elapsed().as_secs(), CONNECT_TIMEOUT.as_secs());
}

/// A stream that takes everything and passes on a little at a time, as those
/// with TLS and WebSocket may.
#[tokio::test]
async fn what_a_stream_holds_back_is_flushed_when_there_is_room() {
    let (mut client, stream) = tokio::io::duplex(64);
    tokio::spawn(connection(BufStream::new(stream)));

    let mut input = connect();
    input.unsplit(encode(&Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![Subscription {
            filter: TopicFilter::new("t").unwrap(),
            options: QoS::AtMostOnce.into(),
        }],
    })));
    client.write_all(&input).await.unwrap();
    let mut answers = [0; 4 + 5];
    client.read_exact(&mut answers).await.unwrap();
    let publish = publish(1000);
    client.write_all(&publish).await.unwrap();
    let mut received = vec![0; publish.len()];
    let read = client.read_exact(&mut received);
    let limit = std::time::Duration::from_secs(10);
    tokio::time::timeout(limit, read).await.unwrap().unwrap();
    assert_eq!(received, publish);
}

/// A client that has always sent more already; it closes only when the broker
/// has read beyond all measure.
struct Flood {
    next: BytesMut,
    reads: usize,
}

const BEYOND_MEASURE: usize = 2000;

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reads += 1;
        if self.reads > 1 {
            self.next = publish(1);
        }
        while self.reads < BEYOND_MEASURE && buf.remaining() >= self.next.len() {
            buf.put_slice(&self.next);
            if self.reads == 1 {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, b: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(b.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn one_that_floods_lets_others_have_their_turn() {
    let mut connection = pin!(connection(Flood {
        next: connect(),
        reads: 0,
    }));
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    for _ in 0..3 {
        flag.0.store(false, Ordering::SeqCst);
        let polled = connection.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "it read on to the end");
        let is_woken = flag.0.load(Ordering::SeqCst);
        assert!(is_woken, "it goes on after the others");
    }
    assert!(connection.stream.reads < BEYOND_MEASURE);
}
