//! What CONNACK says the broker has, and what it asks for (section 3.2.2.3).

use codec::{Disconnect, TopicFilter};

use super::*;
use crate::core::Published;
use crate::core::subscribe::Subscribed;
use crate::{Bounds, Error, Message, Operation};

/// A client of a broker that offers this.
fn offered(options: Options, property: Property) -> Pair {
    let mut pair = Pair::new(options);
    pair.open();
    pair.accept_with(false, Properties::new().with(property));
    pair.heard();
    pair
}

fn subscribe(pair: &mut Pair, filter: &TopicFilter) -> Subscribed {
    let qos = QoS::AtLeastOnce.into();
    let none = Properties::new();
    pair.core.subscribe(filter, qos, none, pair.now).unwrap()
}

fn message(topic: &str) -> Message {
    Message::new(topic, "x").unwrap()
}

#[test]
fn section_3_2_2_3_4_and_5_what_is_not_supported_is_not_sent() {
    let mut pair = offered(Options::new(URL), Property::MaximumQoS(1));
    let mut publish = |message| pair.core.publish(message, pair.now);
    let refused = publish(message("t").qos(QoS::ExactlyOnce));
    assert!(matches!(refused, Err(Error::QoSNotSupported)));
    let taken = publish(message("t").qos(QoS::AtLeastOnce));
    assert!(matches!(taken, Ok(Published::Pending(_))));
    assert_eq!(pair.heard_publishes().len(), 1);

    let mut pair = offered(Options::new(URL), Property::RetainAvailable(false));
    let refused = pair.core.publish(message("t").retain(true), pair.now);
    assert!(matches!(refused, Err(Error::RetainNotSupported)));
    assert_eq!(pair.heard(), []);
}

#[test]
fn section_3_2_2_3_11_and_13_subscriptions_that_are_not_supported_are_not_asked_for() {
    for (property, refused, reason) in [
        (
            Property::WildcardSubscriptionAvailable(false),
            &["a/#", "+", "$share/s/a/+"][..],
            ReasonCode::WildcardSubscriptionsNotSupported,
        ),
        (
            Property::SharedSubscriptionAvailable(false),
            &["$share/s/a", "$share/s/a/+"],
            ReasonCode::SharedSubscriptionsNotSupported,
        ),
    ] {
        let mut pair = offered(Options::new(URL), property);
        for filter in refused {
            let filter = TopicFilter::new(*filter).unwrap();
            let mut subscribed = subscribe(&mut pair, &filter);
            let error = outcome(&mut subscribed.granted).expect("at once");
            let expected = Error::refused(Operation::Subscribe, reason, &Properties::new());
            assert_eq!(error, Err(expected), "{filter}");
        }
        assert_eq!(pair.heard(), []);
        let filter = TopicFilter::new("a").unwrap();
        let mut subscribed = subscribe(&mut pair, &filter);
        let subscribe = pair.heard_subscribe();
        pair.grant(&subscribe, &[ReasonCode::GrantedQoS1]);
        assert_eq!(
            outcome(&mut subscribed.granted),
            Some(Ok(ReasonCode::GrantedQoS1))
        );
    }
}

#[test]
fn a_broker_that_loses_a_feature_refuses_what_it_gave() {
    let mut pair = Pair::connected(Options::new(URL));
    let filter = TopicFilter::new("a/#").unwrap();
    let _stream = subscribe(&mut pair, &filter);
    let subscribe = pair.heard_subscribe();
    pair.grant(&subscribe, &[ReasonCode::GrantedQoS1]);
    let events = pair.core.listen(pair.now);
    pair.reopen();
    let none = Property::WildcardSubscriptionAvailable(false);
    pair.accept_with(false, Properties::new().with(none));
    assert_eq!(pair.heard().len(), 1, "CONNECT alone");
    assert!(names(&read(&events)).contains(&"refused"));
}

#[test]
fn section_3_2_2_3_8_topics_get_as_many_aliases_as_the_broker_takes() {
    let mut pair = offered(Options::new(URL), Property::TopicAliasMaximum(1));
    for topic in ["a", "a", "b", "a"] {
        pair.core.publish(message(topic), pair.now).unwrap();
    }
    let sent = pair.heard_publishes();
    let sent: Vec<_> = sent
        .iter()
        .map(|p| (p.topic.as_str(), p.properties.topic_alias()))
        .collect();
    let expected = [("a", Some(1)), ("", Some(1)), ("b", None), ("", Some(1))];
    assert_eq!(sent, expected);
    // They are gone with the connection.
    pair.reopen();
    pair.accept(false);
    pair.core.publish(message("a"), pair.now).unwrap();
    let sent = pair.heard_publishes();
    assert_eq!(sent[0].topic.as_str(), "a");
    assert!(sent[0].properties.is_empty());
}

#[test]
fn section_3_1_2_11_5_the_broker_may_set_as_many_aliases_as_it_was_told() {
    let mut pair = Pair::new(Options::new(URL).topic_alias_maximum(2));
    pair.open();
    let heard = pair.heard();
    assert!(
        matches!(&heard[..], [Packet::Connect(c)] if c.properties.topic_alias_maximum() == Some(2))
    );
    pair.accept(false);
    let filter = TopicFilter::new("#").unwrap();
    let all = subscribe(&mut pair, &filter);
    let aliased = |topic: TopicName, alias| {
        let Packet::Publish(mut publish) = publish("a", QoS::AtMostOnce, 0) else {
            unreachable!("it is a PUBLISH");
        };
        publish.topic = topic;
        publish.properties.push(Property::TopicAlias(alias));
        Packet::Publish(publish)
    };
    pair.say(&aliased(TopicName::new("a").unwrap(), 2));
    pair.say(&aliased(TopicName::alias(), 2));
    let messages = read(&all.mailbox);
    assert_eq!(messages.len(), 2);
    for message in messages {
        assert_eq!(message.topic.as_str(), "a");
        assert!(message.properties.is_empty());
    }
    pair.heard();
    pair.say(&aliased(TopicName::new("b").unwrap(), 3));
    let goodbye = Disconnect::new(ReasonCode::TopicAliasInvalid);
    assert_eq!(pair.heard(), [Packet::Disconnect(goodbye)]);
}

#[test]
fn section_3_1_2_11_a_broker_that_sends_more_than_it_was_told_is_left() {
    let small = Options::new(URL).maximum_packet_size(10);
    let few = Options::new(URL).receive_maximum(1).stream_bounds(Bounds {
        messages: 1,
        bytes: 1000,
    });
    for (options, topic, reason) in [
        (small, "a topic too long", ReasonCode::PacketTooLarge),
        (few, "t", ReasonCode::ReceiveMaximumExceeded),
    ] {
        let mut pair = Pair::connected(options);
        let filter = TopicFilter::new("t").unwrap();
        // Nobody reads, so nothing is acknowledged.
        let _unread = subscribe(&mut pair, &filter);
        pair.say(&publish("t", QoS::AtMostOnce, 0));
        pair.say(&publish("t", QoS::AtLeastOnce, 1));
        pair.heard();
        assert!(pair.core.is_connected());
        pair.say(&publish(topic, QoS::AtLeastOnce, 2));
        let goodbye = Disconnect::new(reason);
        assert_eq!(pair.heard(), [Packet::Disconnect(goodbye)]);
        assert!(!pair.core.is_connected());
    }
}

#[test]
fn section_3_2_2_3_14_the_brokers_keep_alive_counts() {
    let options = Options::new(URL).keep_alive(60);
    let mut pair = offered(options, Property::ServerKeepAlive(5));
    pair.pass(Duration::from_secs(4));
    assert_eq!(pair.heard(), []);
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.heard(), [Packet::PingReq]);
}

#[test]
fn section_3_2_2_3_7_the_broker_may_be_asked_for_a_name() {
    let options = Options::new(URL).named_by_broker().session_expiry(60);
    let mut pair = Pair::new(options);
    pair.open();
    assert!(matches!(&pair.heard()[..], [Packet::Connect(c)] if c.client_id.is_empty()));
    let assigned = Property::AssignedClientIdentifier("auto-1".into());
    pair.accept_with(false, Properties::new().with(assigned));
    assert_eq!(pair.core.client_id(), "auto-1");
    pair.reopen();
    assert!(matches!(&pair.heard()[..], [Packet::Connect(c)] if c.client_id == "auto-1"));

    // Before 5.0 it would not tell.
    let options = Options::new(URL)
        .named_by_broker()
        .version(ProtocolVersion::V3_1_1);
    assert!(!Pair::new(options).core.client_id().is_empty());
}

#[test]
fn section_3_3_2_3_3_time_in_the_queue_counts_for_the_expiry() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.heard();
    pair.core.set_congested(true, pair.now);
    let expiring = |seconds| message("t").property(Property::MessageExpiryInterval(seconds));
    let mut waits = |seconds| match pair.core.publish(expiring(seconds), pair.now) {
        Ok(Published::Pending(outcome)) => outcome,
        other => panic!("{other:?}"),
    };
    let (mut sent, mut late) = (waits(10), waits(3));
    pair.pass(Duration::from_secs(4));
    pair.core.set_congested(false, pair.now);
    let heard = pair.heard_publishes();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].properties.message_expiry_interval(), Some(6));
    assert_eq!(outcome(&mut sent), Some(Ok(ReasonCode::Success)));
    assert_eq!(outcome(&mut late), Some(Err(Error::Expired)));
}
