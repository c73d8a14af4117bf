use std::future::poll_fn;
use std::task::Poll;

use codec::{QoS, TopicName};
use protocol::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

use super::*;
use crate::clock::Clock;
use crate::config::{Config, Durability, Protocol};
use crate::listener::Address;
use crate::router::Retained;
use crate::settings::Settings;
use crate::store::{Change, Group, Journal, SessionId, Store, StoreError, Waiter};

/// A connection that is served, and when it began.
fn open(journal: Option<Arc<Journal>>) -> (DuplexStream, tokio::task::JoinHandle<()>, Instant) {
    let settings = Settings::read(Config::default()).unwrap();
    let broker = Arc::new(Broker::new(settings, Clock::start(), journal));
    let listener = Arc::new(Listener::new(0, Protocol::WebSockets));
    let peer = Peer::new(Address::Unix("browser".into()), 0, 1);
    let (near, far) = tokio::io::duplex(1 << 16);
    let served = tokio::spawn(serve(broker, listener, near, peer));
    (far, served, Instant::now())
}

/// Whoever sends its head a byte at a time has no more time than others.
#[tokio::test(start_paused = true)]
async fn a_head_that_comes_slowly_has_a_time_limit() {
    let (mut far, served, start) = open(None);
    let slow = async {
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX: ".iter().cycle() {
            if far.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = slow => panic!("it takes everything"),
        ended = served => ended.unwrap(),
    }
    assert_eq!(start.elapsed(), REQUEST_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_has_a_time_limit() {
    let (mut far, served, start) = open(None);
    far.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    served.await.unwrap();
    assert_eq!(start.elapsed(), REQUEST_TIMEOUT);
}

/// A store that keeps nothing.
struct Full;

impl Store for Full {
    fn commit(&mut self, _: &Group) -> Result<(), StoreError> {
        Err(StoreError("no space left".into()))
    }

    fn tidy(&mut self) {}
}

async fn health(journal: Arc<Journal>) -> String {
    let (mut far, _, _) = open(Some(journal));
    far.write_all(b"GET /health HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    far.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_broker_whose_store_fails_is_not_healthy() {
    let journal = Journal::start(Box::new(Full), Durability::Always, SessionId(1)).unwrap();
    let answer = health(journal.clone()).await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    let message = Message::new(TopicName::new("t").unwrap(), "x");
    journal.submit([Change::Retained(Retained {
        message: Arc::new(message),
        qos: QoS::AtLeastOnce,
        source: None,
    })]);
    let (ticket, mut waiter) = (journal.ticket(), Waiter::default());
    poll_fn(|cx| match journal.poll(ticket, &mut waiter, cx) {
        Poll::Pending if journal.is_failing() => Poll::Ready(()),
        pending => pending,
    })
    .await;
    let answer = health(journal).await;
    assert!(answer.starts_with("HTTP/1.0 503 "), "{answer}");
    assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
    assert!(
        answer.ends_with("what is to be stored cannot be\n"),
        "{answer}"
    );
}
