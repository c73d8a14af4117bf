//! Shared subscriptions (section 4.8.2).

use codec::{
    Ack, Connect, Packet, PacketId, Property, QoS, ReasonCode, Subscription, SubscriptionOptions,
};

use crate::common::{Broker, Client, filter, message, options, start, v5};

const SHARED: &str = "$share/cooks/Kitchen/#";

/// A CONNECT whose session stays for a minute.
fn kept(id: &str) -> Connect {
    let mut connect = v5(id);
    let expiry = Property::SessionExpiryInterval(60);
    connect.properties.push(expiry);
    connect
}

#[tokio::test]
async fn each_message_goes_to_one_member_of_each_group_and_to_others_as_ever() {
    let broker = start().await;
    let mut cooks = [broker.client(v5("a")).await, broker.client(v5("b")).await];
    for cook in &mut cooks {
        let reason = cook.subscribe(SHARED, QoS::AtLeastOnce).await;
        assert_eq!(reason, ReasonCode::GrantedQoS1);
    }
    let mut guest = broker.client(v5("guest")).await;
    guest
        .subscribe("$share/guests/Kitchen/+", QoS::AtMostOnce)
        .await;
    guest.subscribe("Kitchen/Fridge", QoS::AtMostOnce).await;

    let mut publisher = broker.client(v5("p")).await;
    for n in 0..10 {
        let publish = message("Kitchen/Fridge", n.to_string(), QoS::AtLeastOnce);
        assert_eq!(publisher.publish(publish).await, ReasonCode::Success);
    }
    let [a, b] = &mut cooks;
    let mut got = a.payloads(5).await;
    got.extend(b.payloads(5).await);
    got.sort();
    assert_eq!(got, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    a.has_nothing().await;
    b.has_nothing().await;
    assert_eq!(guest.payloads(20).await.len(), 20);
    guest.has_nothing().await;
}

#[tokio::test]
async fn members_that_are_away_get_nothing_while_others_are_here() {
    let broker = start().await;
    let mut away = broker.client(kept("away")).await;
    away.subscribe(SHARED, QoS::AtLeastOnce).await;
    away.disconnect().await;
    let mut here = broker.client(v5("here")).await;
    here.subscribe(SHARED, QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    for n in 0..4 {
        publisher
            .publish(message("Kitchen/Fridge", n.to_string(), QoS::AtLeastOnce))
            .await;
    }
    assert_eq!(here.payloads(4).await, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn what_a_member_has_not_acknowledged_goes_to_another_when_its_session_ends() {
    let broker = start().await;
    let mut leaving = broker.client(v5("leaving")).await;
    leaving.subscribe(SHARED, QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    for n in 0..3 {
        publisher
            .publish(message("Kitchen/Fridge", n.to_string(), QoS::AtLeastOnce))
            .await;
    }
    for _ in 0..3 {
        leaving.unacknowledged().await;
    }
    let mut staying = broker.client(v5("staying")).await;
    staying.subscribe(SHARED, QoS::AtLeastOnce).await;
    leaving.cut().await;
    assert_eq!(staying.payloads(3).await, ["0", "1", "2"]);
}

#[tokio::test]
async fn section_4_8_2_each_member_gets_the_qos_that_it_was_granted() {
    let broker = start().await;
    let mut leaving = broker.client(v5("leaving")).await;
    leaving.subscribe(SHARED, QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    publisher
        .publish(message("Kitchen/Fridge", "first", QoS::AtLeastOnce))
        .await;
    assert_eq!(leaving.unacknowledged().await.qos, QoS::AtLeastOnce);
    let mut staying = broker.client(v5("staying")).await;
    staying.subscribe(SHARED, QoS::AtMostOnce).await;
    leaving.cut().await;
    let handed_on = staying.message().await;
    assert_eq!(&handed_on.payload[..], b"first");
    assert_eq!(handed_on.qos, QoS::AtMostOnce);
    publisher
        .publish(message("Kitchen/Fridge", "second", QoS::ExactlyOnce))
        .await;
    assert_eq!(staying.message().await.qos, QoS::AtMostOnce);
}

/// A member that has got a message at QoS 2 and not finished with it, another
/// member, and the number of the message.
async fn in_the_middle(broker: &Broker, leaves_at_pubrec: bool) -> (Client, Client, PacketId) {
    let mut leaving = broker.client(kept("leaving")).await;
    leaving.subscribe(SHARED, QoS::ExactlyOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    publisher
        .publish(message("Kitchen/Fridge", "14", QoS::ExactlyOnce))
        .await;
    let got = leaving.unacknowledged().await;
    assert_eq!(got.qos, QoS::ExactlyOnce);
    let id = got.packet_id.unwrap();
    if leaves_at_pubrec {
        let ack = Ack::new(id, ReasonCode::Success);
        leaving.send(Packet::PubRec(ack)).await;
        leaving.pubrel(id).await;
    }
    let mut staying = broker.client(v5("staying")).await;
    staying.subscribe(SHARED, QoS::ExactlyOnce).await;
    (leaving, staying, id)
}

#[tokio::test]
async fn section_4_8_2_a_cut_delivery_at_qos_2_is_finished_with_its_member() {
    for leaves_at_pubrec in [false, true] {
        let broker = start().await;
        let (leaving, mut staying, id) = in_the_middle(&broker, leaves_at_pubrec).await;
        leaving.cut().await;
        staying.has_nothing().await;

        let mut connect = kept("leaving");
        connect.clean_start = false;
        let mut back = broker.client(connect).await;
        if leaves_at_pubrec {
            back.pubrel(id).await;
            let ack = Ack::new(id, ReasonCode::Success);
            back.send(Packet::PubComp(ack)).await;
        } else {
            let again = back.message().await;
            assert_eq!((&*again.payload, again.dup), (&b"14"[..], true));
            assert_eq!(again.packet_id, Some(id), "[MQTT-4.8.2-4]");
        }
        back.has_nothing().await;
        staying.has_nothing().await;
    }
}

#[tokio::test]
async fn section_4_8_2_what_went_out_at_qos_2_goes_to_nobody_else_when_the_session_ends() {
    for leaves_at_pubrec in [false, true] {
        let broker = start().await;
        let (leaving, mut staying, _) = in_the_middle(&broker, leaves_at_pubrec).await;
        leaving.cut().await;
        // A clean start ends the session of before.
        let mut back = broker.client(v5("leaving")).await;
        back.has_nothing().await;
        staying.has_nothing().await;
    }
}

#[tokio::test]
async fn section_4_8_2_what_a_member_refuses_goes_to_nobody_else() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let broker = start().await;
        let mut refusing = broker.client(kept("refusing")).await;
        refusing.subscribe(SHARED, qos).await;
        let mut publisher = broker.client(v5("p")).await;
        publisher
            .publish(message("Kitchen/Fridge", "14", qos))
            .await;
        let id = refusing.unacknowledged().await.packet_id.unwrap();
        let mut staying = broker.client(v5("staying")).await;
        staying.subscribe(SHARED, qos).await;
        let refusal = Ack::new(id, ReasonCode::QuotaExceeded);
        refusing
            .send(match qos {
                QoS::ExactlyOnce => Packet::PubRec(refusal),
                _ => Packet::PubAck(refusal),
            })
            .await;
        refusing.has_nothing().await;
        staying.has_nothing().await;
        // Not when the session ends either [MQTT-4.8.2-6].
        refusing.cut().await;
        broker.client(v5("refusing")).await;
        staying.has_nothing().await;
    }
}

#[tokio::test]
async fn section_3_3_4_a_share_and_another_subscription_bring_a_message_each() {
    let broker = start().await;
    let mut client = broker.client(v5("c")).await;
    for (topics, identifier) in [
        (SHARED, 1),
        ("Kitchen/#", 2),
        ("+/Fridge", 3),
        ("$share/guests/Kitchen/+", 4),
    ] {
        let options = options(QoS::AtLeastOnce);
        client
            .subscribe_with(topics, options, Some(identifier))
            .await;
    }
    let mut publisher = broker.client(v5("p")).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        publisher
            .publish(message("Kitchen/Fridge", "14", qos))
            .await;
        let mut got = Vec::new();
        for _ in 0..3 {
            let publish = client.message().await;
            let identifiers = publish.properties.subscription_identifiers();
            let mut identifiers: Vec<_> = identifiers.collect();
            identifiers.sort_unstable();
            got.push(identifiers);
        }
        got.sort();
        assert_eq!(got, [vec![1], vec![2, 3], vec![4]], "[MQTT-3.3.4-5]");
        client.has_nothing().await;
    }
}

#[tokio::test]
async fn no_retained_messages_and_no_no_local() {
    let broker = start().await;
    let mut publisher = broker.client(v5("p")).await;
    let mut retained = message("Kitchen/Fridge", "14", QoS::AtLeastOnce);
    retained.retain = true;
    publisher.publish(retained).await;
    let mut member = broker.client(v5("m")).await;
    member.subscribe(SHARED, QoS::AtLeastOnce).await;
    member.has_nothing().await;

    let subscription = Subscription {
        filter: filter(SHARED),
        options: SubscriptionOptions {
            no_local: true,
            ..QoS::AtMostOnce.into()
        },
    };
    let id = member.new_id();
    let subscribe = codec::Subscribe {
        packet_id: id,
        properties: codec::Properties::new(),
        subscriptions: vec![subscription],
    };
    // The codec refuses to decode it, but it can be written.
    member.send(codec::Packet::Subscribe(subscribe)).await;
    member.expect_disconnect(ReasonCode::ProtocolError).await;
}

#[tokio::test]
async fn unsubscribing_ends_the_share() {
    let broker = start().await;
    let mut member = broker.client(v5("m")).await;
    member.subscribe(SHARED, QoS::AtLeastOnce).await;
    assert_eq!(
        member.unsubscribe(&["Kitchen/#"]).await,
        [ReasonCode::NoSubscriptionExisted]
    );
    assert_eq!(member.unsubscribe(&[SHARED]).await, [ReasonCode::Success]);
    let mut publisher = broker.client(v5("p")).await;
    let publish = message("Kitchen/Fridge", "14", QoS::AtLeastOnce);
    assert_eq!(
        publisher.publish(publish).await,
        ReasonCode::NoMatchingSubscribers
    );
}
