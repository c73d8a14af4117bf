//! `per_listener_settings`: each listener with rules of its own.

use std::net::SocketAddr;

use codec::{Connect, QoS, ReasonCode};
use ws_broker::access::Acl;
use ws_broker::config::Security;
use ws_broker::{Config, Listener, Protocol};

use crate::common::{Broker, Client, config_file, message, start_with, v3_1_1, v5};

/// From Mosquitto's tests: the password is `test`.
const HASH: &str = "$6$njERlZMi/7DzNB9E$\
    iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3xDxrMwEPygEBhoA8A/gjQC0N2M4Lkw==";

/// One that asks for a password, and one where everybody may read `public`.
async fn start() -> Broker {
    start_with(set_up("topic read public\n")).await
}

fn set_up(rules: &str) -> impl FnOnce(&mut Config) {
    let open = Security {
        acl: Acl::parse(rules).expect("rules"),
        allow_anonymous: true,
        ..Security::default()
    };
    let closed = Security {
        password_file: Some(config_file(&format!("ada:{HASH}\n"))),
        ..Security::default()
    };
    |config| {
        let listener = |bind: &str, security| Listener {
            bind: ws_broker::config::Bind::Host(bind.into()),
            security: Some(security),
            ..Listener::new(0, Protocol::Mqtt)
        };
        // Port 0 twice: the addresses tell them apart.
        config.listeners[0].security = Some(closed.clone());
        config.listeners[1].security = Some(closed);
        config.listeners.push(listener("127.0.0.2", open));
    }
}

fn open(broker: &Broker) -> SocketAddr {
    broker.running.bound()[2].address
}

fn ada(mut connect: Connect) -> Connect {
    connect.username = Some("ada".into());
    connect.password = Some("test".into());
    connect
}

async fn connected(address: SocketAddr, connect: Connect) -> Client {
    let mut client = Client::open(address).await;
    client.connect(connect).await;
    client
}

#[tokio::test]
async fn clients_keep_the_rules_of_the_listener_they_came_through() {
    let broker = start().await;
    let mut refused = broker.open().await;
    refused.send_connect(v5("guest")).await;
    refused.expect_refusal(ReasonCode::NotAuthorized).await;

    let mut guest = connected(open(&broker), v5("guest")).await;
    guest.subscribe("#", QoS::AtMostOnce).await;
    let mut inside = broker.client(ada(v5("inside"))).await;
    inside.subscribe("#", QoS::AtMostOnce).await;
    for topic in ["secret", "public"] {
        let publish = message(topic, topic.to_owned(), QoS::AtLeastOnce);
        assert_eq!(
            guest.publish(publish.clone()).await,
            ReasonCode::NotAuthorized
        );
        assert_eq!(inside.publish(publish).await, ReasonCode::Success);
    }
    assert_eq!(guest.payloads(1).await, ["public"]);
    guest.has_nothing().await;
    assert_eq!(inside.payloads(2).await, ["secret", "public"]);
}

#[tokio::test]
async fn a_name_that_was_not_proven_there_does_not_get_the_session_from_here() {
    let broker = start().await;
    let kept = || {
        let mut connect = ada(v3_1_1("tablet"));
        connect.clean_start = false;
        connect
    };
    let mut client = broker.client(kept()).await;
    client.subscribe("secret", QoS::AtLeastOnce).await;
    client.disconnect().await;
    assert!(broker.client(kept()).await.connack.session_present);
    // Nobody is asked for a password there.
    let other = connected(open(&broker), kept()).await;
    assert!(!other.connack.session_present);
}

#[tokio::test]
async fn the_rules_of_one_are_read_again() {
    let broker = start().await;
    let mut guest = connected(open(&broker), v5("guest")).await;
    let publish = || message("public", "x", QoS::AtLeastOnce);
    assert_eq!(guest.publish(publish()).await, ReasonCode::NotAuthorized);
    let mut config = crate::common::config();
    set_up("topic write public\n")(&mut config);
    broker.running.reload(Ok(config));
    assert_eq!(
        guest.publish(publish()).await,
        ReasonCode::NoMatchingSubscribers
    );
    // To share them takes a restart: it would mix up who is who.
    broker.running.reload(Ok(crate::common::config()));
    let mut refused = broker.open().await;
    refused.send_connect(v5("guest")).await;
    refused.expect_refusal(ReasonCode::NotAuthorized).await;
}
