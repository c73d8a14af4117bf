//! When a bridge connects, and to which address.

use std::sync::Arc;
use std::time::Duration;

use codec::QoS;
use tokio::net::TcpListener;
use ws_broker::config::{Address, Bind, Restart, Start};
use ws_broker::{Listener, Protocol};

use super::{STATE, add, bridge, state, subscriber};
use crate::common::{Broker, config, start, start_with};
use crate::common::{message, v5};

/// A broker on a port that another one had.
async fn start_again(address: std::net::SocketAddr) -> Broker {
    start_with(|config| {
        config.listeners[0] = Listener {
            bind: Bind::Host("127.0.0.1".into()),
            ..Listener::new(address.port(), Protocol::Mqtt)
        };
    })
    .await
}

#[tokio::test]
async fn what_is_published_while_the_other_broker_is_away_comes_once_when_it_is_back() {
    const COUNT: usize = 300;
    let far = start().await;
    let mut up = bridge(far.tcp, &["q/# out 2"]);
    // It is told when to look: nobody is to miss what comes.
    up.restart = Restart::Constant(Duration::from_secs(3600));
    let near = start_with(|config| add(config, up.clone())).await;
    let mut watcher = subscriber(&near, "watcher", &[STATE]).await;
    state(&mut watcher, "1").await;
    let address = far.tcp;
    far.running.stop().await;
    state(&mut watcher, "0").await;
    let mut publisher = near.client(v5("near")).await;
    for n in 0..COUNT {
        let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce][n % 2];
        publisher.publish(message("q/x", n.to_string(), qos)).await;
    }
    let far = start_again(address).await;
    let mut there = subscriber(&far, "there", &["q/#"]).await;
    up.keep_alive += 1;
    let mut next = config();
    add(&mut next, up);
    near.running.reload(Ok(next));
    for n in 0..COUNT {
        assert_eq!(there.text().await.1, n.to_string());
    }
    publisher
        .publish(message("q/x", "end", QoS::ExactlyOnce))
        .await;
    assert_eq!(there.text().await.1, "end");
}

#[tokio::test]
async fn a_lazy_bridge_connects_when_enough_waits_and_goes_when_nothing_comes() {
    let far = start().await;
    let near = start_with(|config| {
        let mut bridge = bridge(far.tcp, &["l/# out 1"]);
        bridge.start = Start::Lazy;
        bridge.threshold = 3;
        bridge.idle_timeout = Duration::from_millis(50);
        add(config, bridge);
    })
    .await;
    let mut there = subscriber(&far, "there", &["l/#", STATE]).await;
    let mut publisher = near.client(v5("near")).await;
    for _ in 0..2 {
        for (n, qos) in [QoS::AtMostOnce, QoS::AtLeastOnce].into_iter().enumerate() {
            publisher.publish(message("l/x", n.to_string(), qos)).await;
        }
        // Two are too few.
        there.ping().await;
        publisher
            .publish(message("l/x", "2", QoS::AtMostOnce))
            .await;
        let mut got = Vec::new();
        while got.len() < 5 {
            got.push(there.text().await.1);
        }
        assert_eq!(got[..1], ["1"], "connected: {got:?}");
        assert_eq!(got.iter().filter(|text| **text == "2").count(), 1);
        assert_eq!(got[4], "0", "and gone again: {got:?}");
    }
}

#[tokio::test]
async fn once_is_once() {
    let remote = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = remote.local_addr().expect("it is bound");
    let near = start_with(|config| {
        let mut bridge = bridge(address, &["a out"]);
        bridge.start = Start::Once;
        add(config, bridge);
    })
    .await;
    drop(remote.accept().await.expect("a bridge"));
    let mut changed = bridge(address, &["b out"]);
    changed.reloads_at_once = true;
    let mut next = config();
    next.bridges = vec![Arc::new(changed)];
    // A configuration that says otherwise has it connect again, and nothing else.
    near.running.reload(Ok(next));
    drop(remote.accept().await.expect("a bridge"));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let far = start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nowhere = nobody.local_addr().expect("it is bound");
    drop(nobody);
    let near = start_with(|config| {
        let mut bridge = bridge(nowhere, &["a out"]);
        bridge.round_robin = true;
        bridge.addresses.push(Address {
            host: "localhost".into(),
            port: far.tcp.port(),
        });
        bridge.bind_address = Some("127.0.0.1".into());
        add(config, bridge);
    })
    .await;
    let mut watcher = subscriber(&near, "watcher", &[STATE]).await;
    state(&mut watcher, "1").await;
}

#[tokio::test]
async fn bridges_come_change_and_go_with_the_configuration() {
    let far = start().await;
    let near = start().await;
    let mut there = subscriber(&far, "there", &["#", STATE]).await;
    let mut publisher = near.client(v5("near")).await;
    let mut with = config();
    let mut first = bridge(far.tcp, &["a out 1"]);
    first.reloads_at_once = true;
    add(&mut with, first.clone());
    near.running.reload(Ok(with.clone()));
    state(&mut there, "1").await;
    first.topics = bridge(far.tcp, &["b out 1"]).topics;
    with.bridges = vec![Arc::new(first)];
    near.running.reload(Ok(with));
    state(&mut there, "0").await;
    state(&mut there, "1").await;
    for topic in ["a", "b"] {
        publisher
            .publish(message(topic, "x", QoS::AtLeastOnce))
            .await;
    }
    // It may have been told twice that the bridge is there.
    let mut topic = there.text().await.0;
    while topic == STATE {
        topic = there.text().await.0;
    }
    assert_eq!(topic, "b");
    near.running.reload(Ok(config()));
    state(&mut there, "0").await;
}
