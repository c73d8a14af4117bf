use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

use super::*;
use crate::clock::Clock;
use crate::config::{Config, Protocol};
use crate::listener::Address;
use crate::settings::Settings;

/// A connection that is served, and when it began.
fn open() -> (DuplexStream, tokio::task::JoinHandle<()>, Instant) {
    let settings = Settings::read(Config::default()).unwrap();
    let broker = Arc::new(Broker::new(settings, Clock::start(), None));
    let listener = Arc::new(Listener::new(0, Protocol::WebSockets));
    let peer = Peer {
        address: Address::Unix("browser".into()),
        port: 0,
        rules: 1,
        shown: None,
    };
    let (near, far) = tokio::io::duplex(1 << 16);
    let served = tokio::spawn(serve(broker, listener, near, peer));
    (far, served, Instant::now())
}

/// Whoever sends its head a byte at a time has no more time than others.
#[tokio::test(start_paused = true)]
async fn a_head_that_comes_slowly_has_a_time_limit() {
    let (mut far, served, start) = open();
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
    let (mut far, served, start) = open();
    far.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    served.await.unwrap();
    assert_eq!(start.elapsed(), REQUEST_TIMEOUT);
}
