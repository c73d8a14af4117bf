use codec::{PacketType, RetainHandling, TopicFilter, UnsubAck};

use super::*;
use crate::core::subscribe::Subscribed;
use crate::{Bounds, Error};

const GRANTED: ReasonCode = ReasonCode::GrantedQoS1;
const REFUSED: ReasonCode = ReasonCode::NotAuthorized;

impl Pair {
    fn subscribe(&mut self, filter: &str) -> Subscribed {
        let filter = TopicFilter::new(filter).unwrap();
        self.core
            .subscribe(
                &filter,
                QoS::AtLeastOnce.into(),
                Properties::new(),
                self.now,
            )
            .unwrap()
    }

    /// Subscribes, and the broker grants it.
    fn subscribed(&mut self, filter: &str) -> Subscribed {
        self.heard();
        let mut subscribed = self.subscribe(filter);
        for packet in self.heard() {
            if let Packet::Subscribe(subscribe) = packet {
                self.grant(&subscribe, &[GRANTED]);
            }
        }
        assert_eq!(
            outcome(&mut subscribed.granted),
            Some(Ok(ReasonCode::GrantedQoS1))
        );
        subscribed
    }
}

fn filters(subscribe: &Subscribe) -> Vec<&str> {
    subscribe
        .subscriptions
        .iter()
        .map(|s| s.filter.as_str())
        .collect()
}

fn topics(subscribed: &Subscribed) -> Vec<String> {
    let topic = |message: crate::Message| message.topic.to_string();
    read(&subscribed.mailbox).into_iter().map(topic).collect()
}

#[test]
fn overlapping_filters_bring_a_message_to_each_stream_once() {
    let mut pair = Pair::connected(Options::new(URL));
    let kitchen = pair.subscribed("Kitchen/#");
    let fridges = pair.subscribed("+/Fridge");
    let again = pair.subscribed("+/Fridge");
    for topic in ["Kitchen", "Kitchen/Fridge", "Cellar/Fridge", "Cellar"] {
        pair.say(&publish(topic, QoS::AtMostOnce, 0));
    }
    assert_eq!(topics(&kitchen), ["Kitchen", "Kitchen/Fridge"]);
    assert_eq!(topics(&fridges), ["Kitchen/Fridge", "Cellar/Fridge"]);
    assert_eq!(topics(&again), ["Kitchen/Fridge", "Cellar/Fridge"]);
}

/// PUBLISH as it comes from a broker for these subscriptions.
fn copy(topic: &str, identifiers: &[u32]) -> Packet {
    let Packet::Publish(mut copy) = publish(topic, QoS::AtMostOnce, 0) else {
        unreachable!("it is a PUBLISH");
    };
    for identifier in identifiers {
        copy.properties
            .push(Property::SubscriptionIdentifier(*identifier));
    }
    Packet::Publish(copy)
}

#[test]
fn overlapping_filters_are_told_apart_by_identifiers() {
    let mut pair = Pair::connected(Options::new(URL));
    let kitchen = pair.subscribed("Kitchen/#");
    let _apart = pair.subscribed("Cellar");
    pair.heard();
    let fridges = pair.subscribe("+/Fridge");
    let asked: Vec<_> = pair
        .heard()
        .into_iter()
        .map(|packet| match packet {
            Packet::Subscribe(s) => (
                s.subscriptions[0].filter.to_string(),
                s.properties.subscription_identifier(),
                s.subscriptions[0].options.retain_handling,
            ),
            other => panic!("{other:?}"),
        })
        .collect();
    // The first is asked for again, without its retained messages.
    assert_eq!(
        asked,
        [
            ("Kitchen/#".into(), Some(1), RetainHandling::DoNotSend),
            ("+/Fridge".into(), Some(2), RetainHandling::Send),
        ]
    );
    // Two copies, one for both, and one with an identifier of an older life.
    for identifiers in [&[1][..], &[2], &[2, 1], &[7]] {
        pair.say(&copy("Kitchen/Fridge", identifiers));
    }
    assert_eq!(topics(&kitchen).len(), 3);
    assert_eq!(topics(&fridges).len(), 3);
    // An identifier of an older life may be one of this.
    pair.say(&copy("Kitchen/Oven", &[2]));
    assert_eq!((topics(&kitchen).len(), topics(&fridges).len()), (1, 0));
}

#[test]
fn where_there_are_no_identifiers_none_are_asked_for() {
    let v3 = Options::new(URL).version(ProtocolVersion::V3_1_1);
    let none = Property::SubscriptionIdentifierAvailable(false);
    for (options, properties) in [
        (v3, Properties::new()),
        (Options::new(URL), Properties::new().with(none)),
    ] {
        let mut pair = Pair::new(options);
        pair.open();
        pair.accept_with(false, properties);
        let _all = pair.subscribed("#");
        let _one = pair.subscribe("a");
        let subscribe = pair.heard_subscribe();
        assert_eq!(filters(&subscribe), ["a"], "nothing is asked for again");
        assert!(subscribe.properties.is_empty());
    }
}

#[test]
fn a_refused_subscription_is_an_error() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.heard();
    let mut subscribed = pair.subscribe("secret/#");
    let subscribe = pair.heard_subscribe();
    pair.grant(&subscribe, &[REFUSED]);
    assert!(matches!(
        outcome(&mut subscribed.granted),
        Some(Err(Error::Refused {
            reason: REFUSED,
            ..
        }))
    ));
    pair.reopen();
    pair.accept(false);
    let types: Vec<_> = pair.heard().iter().map(Packet::packet_type).collect();
    assert_eq!(types, [PacketType::Connect], "it is not asked for again");
}

#[test]
fn subscribing_waits_for_a_connection() {
    let mut pair = Pair::new(Options::new(URL));
    let mut subscribed = pair.subscribe("a");
    pair.open();
    pair.accept(false);
    let subscribe = pair.heard_subscribe();
    pair.grant(&subscribe, &[ReasonCode::Success]);
    assert_eq!(
        outcome(&mut subscribed.granted),
        Some(Ok(ReasonCode::Success))
    );
}

#[test]
fn after_a_lost_session_all_are_restored_in_one_packet() {
    let mut pair = Pair::connected(Options::new(URL));
    let all = ["a", "b/#", "c"].map(|filter| pair.subscribed(filter));
    pair.reopen();
    pair.accept(false);
    let subscribe = pair.heard_subscribe();
    assert_eq!(filters(&subscribe), ["a", "b/#", "c"]);
    let events = pair.core.listen(pair.now);
    pair.grant(&subscribe, &[GRANTED, REFUSED, GRANTED]);
    let told = read(&events);
    assert!(
        matches!(&told[..], [_, Event::SubscriptionRefused { filter, .. }] if filter.as_str() == "b/#")
    );
    pair.say(&publish("c", QoS::AtMostOnce, 0));
    assert_eq!(topics(&all[2]), ["c"], "the stream goes on");

    pair.reopen();
    pair.accept(false);
    assert_eq!(
        filters(&pair.heard_subscribe()).len(),
        3,
        "it is asked for again"
    );
}

#[test]
fn a_kept_session_needs_only_what_was_not_answered() {
    let mut pair = Pair::connected(Options::new(URL).session_expiry(60));
    let _given = pair.subscribed("given");
    let _asked = pair.subscribe("asked");
    pair.reopen();
    let _new = pair.subscribe("new");
    pair.accept(true);
    assert_eq!(filters(&pair.heard_subscribe()), ["asked", "new"]);
}

#[test]
fn user_properties_go_with_their_filter_each_time() {
    let user = |value: &'static str| Property::UserProperty(("who".into(), value.into()));
    let properties = Properties::new().with(user("b")).with(user("a"));
    let mut pair = Pair::connected(Options::new(URL));
    let _plain = ["a", "b"].map(|filter| pair.subscribed(filter));
    let filter = TopicFilter::new("c").unwrap();
    let qos = QoS::AtLeastOnce.into();
    let _stream = pair
        .core
        .subscribe(&filter, qos, properties.clone(), pair.now);
    let subscribe = pair.heard_subscribe();
    assert_eq!(subscribe.properties, properties);
    pair.grant(&subscribe, &[GRANTED]);
    pair.reopen();
    pair.accept(false);
    let heard = pair.heard();
    assert!(
        matches!(&heard[..], [Packet::Connect(_), Packet::Subscribe(plain), Packet::Subscribe(s)]
        if filters(plain) == ["a", "b"] && plain.properties.is_empty()
            && filters(s) == ["c"] && s.properties == properties),
        "{heard:?}"
    );

    for (filter, properties) in [("a", Properties::new()), ("c", properties.clone())] {
        let filter = TopicFilter::new(filter).unwrap();
        let _ = pair.core.unsubscribe(filter, properties.clone(), pair.now);
        let heard = pair.heard();
        assert!(
            matches!(&heard[..], [Packet::Unsubscribe(u)] if u.properties == properties),
            "{heard:?}"
        );
    }
}

#[test]
fn the_brokers_packet_size_is_respected() {
    let mut pair = Pair::new(Options::new(URL));
    let mut all: Vec<_> = (10..50)
        .map(|n| pair.subscribe(&format!("topic/{n}")))
        .collect();
    let mut too_long = pair.subscribe(&"x".repeat(100));
    pair.open();
    let size = Property::MaximumPacketSize(64);
    pair.accept_with(false, Properties::new().with(size));
    let mut asked = 0;
    for packet in pair.heard() {
        if let Packet::Subscribe(subscribe) = packet {
            let count = subscribe.subscriptions.len();
            pair.grant(&subscribe, &vec![GRANTED; count]);
            asked += count;
        }
    }
    assert_eq!(asked, 40);
    assert!(
        all.iter_mut()
            .all(|s| outcome(&mut s.granted) == Some(Ok(ReasonCode::GrantedQoS1)))
    );
    assert_eq!(outcome(&mut too_long.granted), Some(Err(Error::TooLarge)));
}

#[test]
fn the_last_stream_takes_the_subscription_with_it() {
    let mut pair = Pair::connected(Options::new(URL));
    let first = pair.subscribed("a");
    let second = pair.subscribed("a");
    pair.core.drop_stream(first.key, pair.now);
    assert_eq!(pair.heard(), []);
    pair.core.drop_stream(second.key, pair.now);
    assert!(matches!(&pair.heard()[..], [Packet::Unsubscribe(u)] if u.filters[0].as_str() == "a"));
    pair.reopen();
    pair.accept(false);
    assert_eq!(pair.heard().len(), 1, "CONNECT alone");
}

#[test]
fn unsubscribing_ends_all_streams_of_the_filter_and_waits_for_the_answer() {
    let mut pair = Pair::connected(Options::new(URL));
    let subscribed = pair.subscribed("a");
    let filter = TopicFilter::new("a").unwrap();
    let mut gone = pair
        .core
        .unsubscribe(filter, Properties::new(), pair.now)
        .unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(
        subscribed.mailbox.poll_next(&mut context),
        Poll::Ready(None)
    ));
    let heard = pair.heard();
    let [Packet::Unsubscribe(unsubscribe)] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(outcome(&mut gone), None);
    pair.say(&Packet::UnsubAck(UnsubAck {
        packet_id: unsubscribe.packet_id,
        reasons: vec![ReasonCode::Success],
        properties: Properties::new(),
    }));
    assert_eq!(outcome(&mut gone), Some(Ok(ReasonCode::Success)));
}

#[test]
fn a_kept_session_hears_of_what_was_dropped_while_away() {
    let mut pair = Pair::connected(Options::new(URL).session_expiry(60));
    let dropped = pair.subscribed("dropped");
    let replaced = pair.subscribed("replaced");
    pair.reopen();
    pair.core.drop_stream(dropped.key, pair.now);
    pair.core.drop_stream(replaced.key, pair.now);
    let _again = pair.subscribe("replaced");
    pair.heard();
    pair.accept(true);
    let heard = pair.heard();
    assert!(
        matches!(&heard[..], [Packet::Unsubscribe(u), Packet::Subscribe(s)]
        if u.filters.len() == 1 && u.filters[0].as_str() == "dropped" && filters(s) == ["replaced"])
    );
}

#[test]
fn an_unsubscribe_without_an_answer_is_sent_again_unless_it_is_wanted_again() {
    let mut pair = Pair::connected(Options::new(URL).session_expiry(60));
    let gone = pair.subscribed("gone");
    let back = pair.subscribed("back");
    pair.core.drop_stream(gone.key, pair.now);
    pair.core.drop_stream(back.key, pair.now);
    assert_eq!(pair.heard().len(), 2);
    let _back = pair.subscribed("back");
    pair.reopen();
    pair.heard();
    pair.accept(true);
    let heard = pair.heard();
    assert!(matches!(&heard[..], [Packet::Unsubscribe(u)]
        if u.filters.len() == 1 && u.filters[0].as_str() == "gone"));
}

#[test]
fn the_last_word_on_a_filter_counts() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.heard();
    let mut first = pair.subscribe("a");
    let refused = pair.heard_subscribe();
    let mut second = pair.subscribe("a");
    let granted = pair.heard_subscribe();
    pair.grant(&refused, &[REFUSED]);
    assert_eq!(outcome(&mut first.granted), None);
    pair.grant(&granted, &[GRANTED]);
    for subscribed in [&mut first, &mut second] {
        assert_eq!(
            outcome(&mut subscribed.granted),
            Some(Ok(ReasonCode::GrantedQoS1))
        );
    }
}

#[test]
fn what_was_not_acknowledged_on_one_connection_is_not_on_the_next() {
    let bounds = Bounds {
        messages: 1,
        bytes: 1000,
    };
    let options = Options::new(URL).session_expiry(60).stream_bounds(bounds);
    let mut pair = Pair::connected(options);
    let slow = pair.subscribed("a");
    pair.say(&publish("a", QoS::AtLeastOnce, 1));
    pair.reopen();
    pair.accept(true);
    pair.heard();
    pair.say(&publish("a", QoS::AtLeastOnce, 2));
    pair.say(&publish("a", QoS::AtLeastOnce, 1));
    read(&slow.mailbox);
    pair.core.acknowledge(pair.now);
    let ids: Vec<_> = pair
        .heard()
        .into_iter()
        .map(|packet| match packet {
            Packet::PubAck(ack) => ack.packet_id.get(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [2, 1]);
}

#[test]
fn messages_are_acknowledged_unless_a_stream_is_full() {
    let bounds = Bounds {
        messages: 2,
        bytes: 1000,
    };
    let mut pair = Pair::connected(Options::new(URL).stream_bounds(bounds));
    let slow = pair.subscribed("a");
    let acknowledged = |pair: &mut Pair, id| {
        pair.say(&publish("a", QoS::AtLeastOnce, id));
        pair.heard().len()
    };
    assert_eq!(acknowledged(&mut pair, 1), 1);
    assert_eq!(acknowledged(&mut pair, 2), 0);
    assert_eq!(acknowledged(&mut pair, 3), 0);
    assert_eq!(topics(&slow).len(), 3, "nothing is lost");
    pair.core.acknowledge(pair.now);
    assert_eq!(pair.heard().len(), 2);
}

#[test]
fn a_packet_may_come_in_pieces_and_several_at_once() {
    let mut pair = Pair::connected(Options::new(URL));
    let subscribed = pair.subscribed("a");
    let mut bytes = bytes::BytesMut::new();
    for id in 1..=3 {
        publish("a", QoS::AtLeastOnce, id)
            .encode(pair.version, &mut bytes)
            .unwrap();
    }
    for piece in bytes.chunks(5) {
        pair.core.input().extend_from_slice(piece);
        pair.core.handle_input(pair.now);
    }
    assert_eq!(topics(&subscribed).len(), 3);
    assert_eq!(
        pair.heard().len(),
        3,
        "acknowledgements gather in the output"
    );
}
