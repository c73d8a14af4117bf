//! What the dashboard asks the broker: requests and answers below
//! `$dashboard`, and who may ask.

use bytes::Bytes;
use codec::{Connect, Disconnect, Packet, Property, Publish, QoS, ReasonCode, TopicName, Will};
use serde_json::{Value, json};
use ws_broker::access::Acl;

use crate::common::{Broker, Client, WebSocket, encode, message, start, start_with, v3_1_1, v5};

/// A client that asks.
pub(crate) struct Page {
    pub(crate) client: Client,
    /// Where its answers go.
    pub(crate) answers: String,
    asked: u32,
}

/// A request, and where its answer goes.
pub(crate) fn request(name: &str, payload: impl Into<Bytes>, response: &str) -> Publish {
    let topic = format!("$dashboard/request/{name}");
    let mut request = message(&topic, payload, QoS::AtMostOnce);
    let response = Property::ResponseTopic(response.into());
    request.properties.push(response);
    request
}

/// The error code in an answer.
pub(crate) fn code(answer: &Value) -> &str {
    let text = answer["text"].as_str().expect("a line for people");
    assert!(!text.is_empty() && !text.contains('\n'), "{text}");
    answer["error"].as_str().expect("an error")
}

impl Page {
    pub(crate) async fn new(mut client: Client, id: &str) -> Self {
        let answers = format!("$dashboard/answer/{id}");
        let granted = client.subscribe(&answers, QoS::AtMostOnce).await;
        assert_eq!(granted, ReasonCode::Success, "whatever the rules say");
        Self {
            client,
            answers,
            asked: 0,
        }
    }

    pub(crate) async fn connect(broker: &Broker, connect: Connect) -> Self {
        let id = connect.client_id.to_string();
        Self::new(broker.client(connect).await, &id).await
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&mut self, name: &str, payload: Value) -> Value {
        self.ask_with(name, payload.to_string()).await
    }

    pub(crate) async fn ask_with(&mut self, name: &str, payload: impl Into<Bytes>) -> Value {
        self.send(name, payload).await;
        self.answer().await
    }

    /// Asks, and waits for nothing.
    pub(crate) async fn send(&mut self, name: &str, payload: impl Into<Bytes>) {
        self.asked += 1;
        let mut request = request(name, payload, &self.answers);
        let correlation = Property::CorrelationData(self.asked.to_string().into());
        request.properties.push(correlation);
        self.client.send_publish(request).await;
    }

    /// The answer to the last request.
    pub(crate) async fn answer(&mut self) -> Value {
        let answers = self.answers.clone();
        let answer = self
            .client
            .find(|packet| match packet {
                Packet::Publish(publish) if *publish.topic == *answers => Some(publish.clone()),
                _ => None,
            })
            .await;
        let correlation = answer.properties.correlation_data();
        assert_eq!(correlation, Some(&Bytes::from(self.asked.to_string())));
        assert!(!answer.retain && answer.qos == QoS::AtMostOnce);
        serde_json::from_slice(&answer.payload).expect("JSON")
    }
}

/// As whoever has this name.
pub(crate) fn user(name: &str) -> Connect {
    let mut connect = v5(name);
    connect.username = Some(name.into());
    connect
}

/// A broker with these rules.
pub(crate) async fn ruled(acl: &str) -> Broker {
    let acl = Acl::parse(acl).unwrap();
    start_with(|config| config.security.acl = acl).await
}

#[tokio::test]
async fn info_says_who_one_is_and_what_the_broker_is() {
    let broker = start().await;
    let mut page = Page::connect(&broker, user("ada")).await;
    let info = page.ask_with("info", "").await;
    assert_eq!(info["api"], 1);
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (&info["client"], &info["user"]),
        (&json!("ada"), &json!("ada"))
    );
    assert_eq!(
        info["addresses"],
        json!([]),
        "only this machine can connect"
    );
    let listener = |port: u16, protocol| json!({"port": port, "protocol": protocol, "tls": false, "address": "127.0.0.1"});
    let listeners = [
        listener(broker.tcp.port(), "mqtt"),
        listener(broker.web.port(), "websockets"),
    ];
    assert_eq!(info["listeners"], json!(listeners));
    assert_eq!(
        (&info["persistence"], &info["retain"]),
        (&json!(false), &json!(true))
    );
    let may = json!({
        "clients": true, "disconnect": true, "layout_read": true, "layout_write": true,
    });
    assert_eq!(info["may"], may, "without rules everybody may");
    let (started, now) = (info["started"].as_u64(), info["now"].as_u64());
    assert!(started > Some(1_700_000_000_000) && started <= now);

    let mut nobody = Page::connect(&broker, v5("nobody")).await;
    assert_eq!(nobody.ask("info", json!({})).await["user"], Value::Null);
}

#[tokio::test]
async fn info_has_the_addresses_where_others_reach_a_listener() {
    let broker = start_with(|config| {
        config.listeners[0].bind = ws_broker::config::Bind::All;
    })
    .await;
    let address = ([127, 0, 0, 1], broker.tcp.port()).into();
    let mut client = Client::open(address).await;
    client.connect(v5("page")).await;
    let mut page = Page::new(client, "page").await;
    let info = page.ask("info", json!({})).await;
    let own = if_addrs::get_if_addrs().unwrap();
    let own = own.iter().map(if_addrs::Interface::ip);
    let own = own.filter(|ip| ip.is_ipv4() && !ip.is_loopback());
    let own: Vec<_> = own.map(|ip| ip.to_string()).collect();
    assert_eq!(info["addresses"], json!(own));
    let listeners = info["listeners"].as_array().unwrap();
    assert_eq!(listeners.len(), 2, "both families are one");
    assert_eq!(listeners[0].get("address"), None, "it is everywhere");
}

#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    for (name, payload, expected) in [
        ("nothing", "{}", "unknown"),
        ("info/more", "{}", "unknown"),
        ("subscribers", "", "malformed"),
        ("subscribers", "{", "malformed"),
        ("subscribers", "[]x", "malformed"),
        ("subscribers", "{\"topics\":1}", "malformed"),
        ("recent", "{\"topics\":[\"a\"],\"since\":-1}", "malformed"),
        ("clients", "{\"limit\":0}", "malformed"),
        ("clients", "{\"limit\":201}", "malformed"),
        ("disconnect", "{}", "malformed"),
        ("layout", "{\"name\":\"home\",\"revision\":0}", "malformed"),
    ] {
        let answer = page.ask_with(name, payload).await;
        assert_eq!(code(&answer), expected, "{name} {payload}");
    }
    let not_utf8 = page.ask_with("clients", &b"{\"after\":\"\xff\"}"[..]).await;
    assert_eq!(code(&not_utf8), "malformed");
    for (name, most) in [("subscribers", 512), ("recent", 256)] {
        let topics = |count| json!({"topics": vec!["t"; count]});
        assert_eq!(page.ask(name, topics(most)).await.get("error"), None);
        assert_eq!(code(&page.ask(name, topics(most + 1)).await), "malformed");
    }
    let long = format!("{{}}{}", " ".repeat(65_534));
    assert_eq!(page.ask_with("info", long.clone()).await["api"], 1);
    assert_eq!(code(&page.ask_with("info", long + " ").await), "too_large");
}

#[tokio::test]
async fn an_answer_goes_to_the_asker_alone_and_only_where_it_listens() {
    let broker = start().await;
    let mut other = broker.client(v5("other")).await;
    for filter in ["#", "$dashboard/#", "answers", "$share/g/answers"] {
        other.subscribe(filter, QoS::AtLeastOnce).await;
    }
    let mut asker = broker.client(v5("asker")).await;
    let asked = |response: &str| {
        let mut request = request("info", "{}", response);
        request.qos = QoS::AtLeastOnce;
        request.retain = true;
        request
    };
    let unheard = ReasonCode::NoMatchingSubscribers;
    assert_eq!(asker.publish(asked("answers")).await, unheard);
    asker.subscribe("$share/g/answers", QoS::AtMostOnce).await;
    assert_eq!(
        asker.publish(asked("answers")).await,
        unheard,
        "not its own"
    );
    for (filter, response) in [("answers", "answers"), ("a/+/#", "a/b/c")] {
        asker
            .subscribe_with(filter, codec::QoS::AtLeastOnce.into(), Some(7))
            .await;
        assert_eq!(asker.publish(asked(response)).await, ReasonCode::Success);
        let answer = asker.message().await;
        assert_eq!(&*answer.topic, response);
        assert_eq!(answer.properties.correlation_data(), None);
        let identifiers: Vec<_> = answer.properties.subscription_identifiers().collect();
        assert_eq!(identifiers, [7], "[MQTT-3.3.4-3]");
        assert!(asker.unsubscribe(&[filter]).await[0] == ReasonCode::Success);
        assert_eq!(asker.publish(asked(response)).await, unheard);
    }
    other.has_nothing().await;
    let mut late = broker.client(v5("late")).await;
    late.subscribe("$dashboard/#", QoS::AtMostOnce).await;
    late.has_nothing().await;
}

#[tokio::test]
async fn a_request_needs_a_response_topic() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let mut target = broker.client(v5("target")).await;
    let payload = "{\"client\":\"target\"}";
    let bare = message("$dashboard/request/disconnect", payload, QoS::AtLeastOnce);
    let reason = ReasonCode::ImplementationSpecificError;
    assert_eq!(page.client.publish(bare).await, reason);
    let mut old = broker.client(v3_1_1("old")).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        old.publish(message("$dashboard/request/disconnect", payload, qos))
            .await;
    }
    old.ping().await;
    target.ping().await;
}

#[tokio::test]
async fn requests_are_answered_at_every_qos_and_acknowledged_with_the_answer() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut info = request("info", "{}", &page.answers);
        info.qos = qos;
        assert_eq!(page.client.publish(info).await, ReasonCode::Success);
        let answer = page.client.message().await;
        assert_eq!(*answer.topic, *page.answers);
    }
}

#[tokio::test]
async fn nobody_publishes_below_dashboard_but_the_broker() {
    let broker = start().await;
    let mut witness = broker.client(v5("witness")).await;
    witness.subscribe("$dashboard/#", QoS::AtMostOnce).await;
    let mut client = broker.client(v5("c")).await;
    client.subscribe("answers", QoS::AtMostOnce).await;
    for topic in [
        "$dashboard",
        "$dashboard/",
        "$dashboard/request",
        "$dashboard/layout/home",
        "$dashboard/answer/witness",
        "$dashboard/x/request/info",
    ] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut publish = message(topic, "{}", qos);
            publish.retain = true;
            let response = Property::ResponseTopic("answers".into());
            publish.properties.push(response);
            let reason = client.publish(publish).await;
            assert_eq!(reason, ReasonCode::NotAuthorized, "{topic}");
            let plain = message(topic, "{}", qos);
            assert_eq!(
                client.publish(plain).await,
                ReasonCode::NotAuthorized,
                "{topic}"
            );
        }
        client.publish(message(topic, "{}", QoS::AtMostOnce)).await;
        let mut connect = v5("will");
        connect.will = Some(Will {
            topic: TopicName::new(topic).unwrap(),
            payload: "{}".into(),
            qos: QoS::AtMostOnce,
            retain: true,
            properties: codec::Properties::new(),
        });
        let mut refused = broker.open().await;
        refused.send_connect(connect).await;
        refused.expect_refusal(ReasonCode::NotAuthorized).await;
    }
    // By a topic alias too.
    let topic = TopicName::new("$dashboard/answer/witness").unwrap();
    for topic in [topic, TopicName::alias()] {
        let mut publish = message("x", "{}", QoS::AtLeastOnce);
        publish.topic = topic;
        publish.properties.push(Property::TopicAlias(1));
        assert_eq!(client.publish(publish).await, ReasonCode::NotAuthorized);
    }
    witness.has_nothing().await;
    client
        .publish(message("$dashboards", "x", QoS::AtLeastOnce))
        .await;
    client.disconnect().await;
}

#[tokio::test]
async fn rules_say_who_may_ask_what_and_everybody_may_hear_its_own_answers() {
    let broker = ruled(
        "user admin\ntopic write $dashboard/request/#\ntopic read $dashboard/layout/#\n\
         topic deny $dashboard/request/disconnect\nuser reader\ntopic read $dashboard/layout/#\n",
    )
    .await;
    let mut admin = Page::connect(&broker, user("admin")).await;
    let mut reader = Page::connect(&broker, user("reader")).await;
    let mut nobody = Page::connect(&broker, v5("nobody")).await;
    let may = |clients, disconnect, read, write| {
        json!({
            "clients": clients, "disconnect": disconnect,
            "layout_read": read, "layout_write": write,
        })
    };
    for (page, expected) in [
        (&mut admin, may(true, false, true, true)),
        (&mut reader, may(false, false, true, false)),
        (&mut nobody, may(false, false, false, false)),
    ] {
        let info = page.ask("info", json!({})).await;
        assert_eq!(info["may"], expected);
        let target = json!({"client": "nobody"});
        let layout = json!({"name": "home", "revision": 0, "layout": {}});
        for (name, payload, is_allowed) in [
            ("clients", json!({}), &expected["clients"]),
            ("subscriptions", target.clone(), &expected["clients"]),
            ("disconnect", target, &expected["disconnect"]),
            ("layout", layout, &expected["layout_write"]),
        ] {
            let answer = page.ask(name, payload).await;
            let expected = if is_allowed == &json!(true) {
                Value::Null
            } else {
                json!("not_allowed")
            };
            assert_eq!(answer["error"], expected, "{name}");
        }
    }
    // A topic that is not theirs to read is none to be answered on.
    nobody.client.subscribe("#", QoS::AtMostOnce).await;
    let mut request = request("info", "{}", "elsewhere");
    request.qos = QoS::AtLeastOnce;
    let reason = nobody.client.publish(request).await;
    assert_eq!(reason, ReasonCode::NoMatchingSubscribers);
}

#[tokio::test]
async fn through_a_mount_point_there_is_no_answer_but_why() {
    let broker = start_with(|config| {
        let mount = protocol::Mount::new("floor/").unwrap();
        config.listeners[0].mount_point = Some(mount);
    })
    .await;
    let mut page = Page::connect(&broker, v5("page")).await;
    for name in ["info", "disconnect", "nothing"] {
        let answer = page.ask(name, json!({"client": "page"})).await;
        assert_eq!(code(&answer), "unavailable");
    }
}

#[tokio::test]
async fn who_asks_without_reading_is_read_from_no_more_and_holds_up_nobody() {
    let broker = start().await;
    let mut publisher = broker.client(v5("publisher")).await;
    let long = format!("{}1", "x".repeat(240));
    for n in 0..100 {
        let payload = format!("{{\"{long}\":{n}}}");
        publisher
            .send_publish(message(&format!("t/{n}"), payload, QoS::AtMostOnce))
            .await;
    }
    publisher.ping().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let topics: Vec<_> = (0..100).map(|n| format!("t/{n}")).collect();
    let question = json!({ "topics": topics }).to_string();
    let one = request("recent", question, &page.answers);
    let many = encode(&Packet::Publish(one), codec::ProtocolVersion::V5).repeat(20_000);
    assert!(!page.client.sends_soon(&many).await, "it is not read from");
    publisher.ping().await;
    // It is served when it reads.
    for _ in 0..20 {
        let answer = page.client.message().await;
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["topics"].as_object().unwrap().len(), 100);
    }
}

#[tokio::test]
async fn many_requests_in_one_piece_are_answered_in_order() {
    let broker = start().await;
    let mut client = WebSocket::open(broker.web, "/").await.into_client();
    client.connect(v5("page")).await;
    let mut page = Page::new(client, "page").await;
    let mut bytes = Vec::new();
    for n in 0..300 {
        let name = if n % 3 == 0 { "subscriptions" } else { "info" };
        let mut one = request(name, "{\"client\":\"page\"}", &page.answers);
        let correlation = Property::CorrelationData(n.to_string().into());
        one.properties.push(correlation);
        bytes.extend(encode(&Packet::Publish(one), codec::ProtocolVersion::V5));
    }
    page.client.send_bytes(&bytes).await;
    for n in 0..300 {
        let answer = page.client.message().await;
        let correlation = answer.properties.correlation_data();
        assert_eq!(correlation, Some(&Bytes::from(n.to_string())));
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        let key = if n % 3 == 0 { "subscriptions" } else { "api" };
        assert!(answer.get(key).is_some(), "{answer}");
    }
    let disconnect = Packet::Disconnect(Disconnect::new(ReasonCode::Success));
    page.client.send(disconnect).await;
}

#[tokio::test]
async fn an_answer_is_no_longer_than_the_client_takes() {
    let broker = start().await;
    let mut connect = v5("page");
    connect.properties.push(Property::MaximumPacketSize(300));
    let mut page = Page::connect(&broker, connect).await;
    let topics: Vec<_> = (0..40).map(|n| format!("topic/{n}")).collect();
    let answer = page.ask("subscribers", json!({ "topics": topics })).await;
    assert_eq!(code(&answer), "too_large");
    // Where not even that fits, there is no answer.
    let mut connect = v5("tiny");
    connect.properties.push(Property::MaximumPacketSize(60));
    let mut tiny = broker.client(connect).await;
    tiny.subscribe("a", QoS::AtMostOnce).await;
    let mut request = request("info", "{}", "a");
    request.qos = QoS::AtLeastOnce;
    assert_eq!(tiny.publish(request).await, ReasonCode::Success);
    tiny.has_nothing().await;
}
