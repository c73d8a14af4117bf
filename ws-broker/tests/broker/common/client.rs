use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use codec::{
    Ack, ConnAck, Connect, Disconnect, Packet, PacketId, Properties, Property, ProtocolVersion,
    Publish, QoS, ReasonCode, Subscribe, Subscription, SubscriptionOptions, TopicFilter, TopicName,
    Unsubscribe,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::soon;

/// A stream of bytes to a broker.
pub(crate) trait Link: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Link for T {}

/// A client that does what it is told, right or wrong.
pub(crate) struct Client {
    link: Box<dyn Link>,
    input: BytesMut,
    /// Packets that came while another was awaited.
    stash: VecDeque<Packet>,
    version: ProtocolVersion,
    next_id: PacketId,
    /// What the broker said to CONNECT.
    pub(crate) connack: ConnAck,
}

/// A CONNECT of MQTT 3.1 for a new session.
pub(crate) fn v3_1(id: &str) -> Connect {
    Connect::new(ProtocolVersion::V3_1, id)
}

/// A CONNECT of MQTT 3.1.1 for a new session.
pub(crate) fn v3_1_1(id: &str) -> Connect {
    Connect::new(ProtocolVersion::V3_1_1, id)
}

/// A CONNECT of MQTT 5.0 for a new session.
pub(crate) fn v5(id: &str) -> Connect {
    Connect::new(ProtocolVersion::V5, id)
}

/// A PUBLISH, to be given a packet identifier when it is sent.
pub(crate) fn message(topic: &str, payload: impl Into<Bytes>, qos: QoS) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: TopicName::new(topic).expect("a topic name"),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.into(),
    }
}

pub(crate) fn filter(filter: &str) -> TopicFilter {
    TopicFilter::new(filter).expect("a topic filter")
}

/// Subscription options with nothing but a QoS.
pub(crate) fn options(qos: QoS) -> SubscriptionOptions {
    qos.into()
}

pub(crate) fn encode(packet: &Packet, version: ProtocolVersion) -> BytesMut {
    let mut bytes = BytesMut::new();
    packet.encode(version, &mut bytes).expect("a valid packet");
    bytes
}

impl Client {
    /// A connection without CONNECT.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let link = soon("a connection", TcpStream::connect(address)).await;
        let link = link.expect("the broker accepts");
        link.set_nodelay(true).expect("a working socket");
        Self::over(link)
    }

    /// A client on a stream that is there already.
    pub(crate) fn over(link: impl Link + 'static) -> Self {
        Self {
            link: Box::new(link),
            input: BytesMut::new(),
            stash: VecDeque::new(),
            version: ProtocolVersion::V3_1_1,
            next_id: PacketId::MIN,
            connack: ConnAck::new(false, ReasonCode::Success),
        }
    }

    /// Connects; the broker must accept.
    pub(crate) async fn connect(&mut self, connect: Connect) {
        self.send_connect(connect).await;
        self.connected().await;
    }

    /// Sends CONNECT and does not wait for its answer.
    pub(crate) async fn send_connect(&mut self, connect: Connect) {
        self.version = connect.version;
        self.send(Packet::Connect(Box::new(connect))).await;
    }

    /// Waits until the broker accepts.
    pub(crate) async fn connected(&mut self) {
        match self.next().await {
            Some(Packet::ConnAck(connack)) if connack.reason == ReasonCode::Success => {
                self.connack = connack;
            }
            other => panic!("CONNACK expected, not {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let bytes = encode(&packet, self.version);
        self.send_bytes(&bytes).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let sent = soon("the broker to read", self.link.write_all(bytes)).await;
        sent.expect("the connection is open");
    }

    /// As [`Client::send_bytes`], to a broker that may close meanwhile.
    pub(crate) async fn try_send_bytes(&mut self, bytes: &[u8]) -> bool {
        let sent = soon("the broker to read", self.link.write_all(bytes)).await;
        sent.is_ok()
    }

    /// Sends unless the broker has stopped reading. Half a second without any
    /// progress is taken for that.
    pub(crate) async fn sends_soon(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let write = self.link.write(rest);
            match tokio::time::timeout(Duration::from_millis(500), write).await {
                Ok(sent) => rest = &rest[sent.expect("the connection is open")..],
                Err(_) => return false,
            }
        }
        true
    }

    /// Takes the broker's answers to be of `version`.
    pub(crate) fn speak(&mut self, version: ProtocolVersion) {
        self.version = version;
    }

    /// The next packet, in the order in which they came; `None` when the
    /// broker has closed.
    pub(crate) async fn next(&mut self) -> Option<Packet> {
        match self.stash.pop_front() {
            Some(packet) => Some(packet),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Option<Packet> {
        loop {
            let packet = Packet::decode(&mut self.input, self.version, usize::MAX);
            if let Some(packet) = packet.expect("the broker sends valid packets") {
                return Some(packet);
            }
            let read = self.link.read_buf(&mut self.input);
            if soon("a packet", read).await.expect("no reset") == 0 {
                assert!(self.input.is_empty(), "half a packet: {:?}", self.input);
                return None;
            }
        }
    }

    /// Bytes as they come; empty when the broker has closed.
    pub(crate) async fn read_bytes(&mut self) -> BytesMut {
        if self.input.is_empty() {
            let read = self.link.read_buf(&mut self.input);
            soon("bytes", read).await.expect("no reset");
        }
        self.input.split()
    }

    /// The next packet that `wanted` takes; those before it are kept.
    pub(crate) async fn find<T>(&mut self, mut wanted: impl FnMut(&Packet) -> Option<T>) -> T {
        if let Some(at) = self.stash.iter().position(|p| wanted(p).is_some()) {
            let packet = self.stash.remove(at).expect("it is there");
            return wanted(&packet).expect("as before");
        }
        loop {
            let packet = self.read().await.expect("the connection is open");
            match wanted(&packet) {
                Some(found) => return found,
                None => self.stash.push_back(packet),
            }
        }
    }

    /// The broker closes, and says nothing before.
    pub(crate) async fn expect_close(mut self) {
        let next = self.next().await;
        assert_eq!(next, None, "the connection is closed without a word");
    }

    /// The broker closes, after a DISCONNECT.
    pub(crate) async fn expect_disconnect(mut self, reason: ReasonCode) {
        let next = self.next().await;
        let disconnect = Packet::Disconnect(Disconnect::new(reason));
        assert_eq!(next, Some(disconnect));
        self.expect_close().await;
    }

    /// The broker refuses the client, and closes.
    pub(crate) async fn expect_refusal(mut self, reason: ReasonCode) {
        match self.next().await {
            Some(Packet::ConnAck(connack)) => {
                let code = |reason: ReasonCode| match self.version {
                    ProtocolVersion::V5 => reason.as_u8(),
                    _ => reason.to_v3_connect(),
                };
                assert_eq!(code(connack.reason), code(reason));
                assert!(!connack.session_present, "[MQTT-3.2.2-6]");
            }
            other => panic!("CONNACK expected, not {other:?}"),
        }
        self.expect_close().await;
    }

    pub(crate) fn new_id(&mut self) -> PacketId {
        let id = self.next_id;
        self.next_id = id.next();
        id
    }

    /// Sends a PUBLISH and nothing more; gives its packet identifier.
    pub(crate) async fn send_publish(&mut self, mut publish: Publish) -> Option<PacketId> {
        if publish.qos > QoS::AtMostOnce && publish.packet_id.is_none() {
            publish.packet_id = Some(self.new_id());
        }
        let id = publish.packet_id;
        self.send(Packet::Publish(publish)).await;
        id
    }

    /// Publishes, with the whole handshake; gives what the broker says.
    pub(crate) async fn publish(&mut self, publish: Publish) -> ReasonCode {
        let qos = publish.qos;
        let Some(id) = self.send_publish(publish).await else {
            // A round trip, so that it has been routed as well.
            self.ping().await;
            return ReasonCode::Success;
        };
        if qos == QoS::AtLeastOnce {
            return self.puback(id).await;
        }
        let reason = self.pubrec(id).await;
        if !reason.is_failure() {
            self.send(Packet::PubRel(Ack::new(id, ReasonCode::Success)))
                .await;
            self.pubcomp(id).await;
        }
        reason
    }

    pub(crate) async fn puback(&mut self, id: PacketId) -> ReasonCode {
        self.find(|packet| match packet {
            Packet::PubAck(ack) if ack.packet_id == id => Some(ack.reason),
            _ => None,
        })
        .await
    }

    pub(crate) async fn pubrec(&mut self, id: PacketId) -> ReasonCode {
        self.find(|packet| match packet {
            Packet::PubRec(ack) if ack.packet_id == id => Some(ack.reason),
            _ => None,
        })
        .await
    }

    pub(crate) async fn pubrel(&mut self, id: PacketId) -> ReasonCode {
        self.find(|packet| match packet {
            Packet::PubRel(ack) if ack.packet_id == id => Some(ack.reason),
            _ => None,
        })
        .await
    }

    pub(crate) async fn pubcomp(&mut self, id: PacketId) -> ReasonCode {
        self.find(|packet| match packet {
            Packet::PubComp(ack) if ack.packet_id == id => Some(ack.reason),
            _ => None,
        })
        .await
    }

    /// A round trip.
    pub(crate) async fn ping(&mut self) {
        self.send(Packet::PingReq).await;
        self.find(|packet| matches!(packet, Packet::PingResp).then_some(()))
            .await;
    }

    pub(crate) async fn subscribe(&mut self, topics: &str, qos: QoS) -> ReasonCode {
        self.subscribe_with(topics, options(qos), None).await
    }

    pub(crate) async fn subscribe_with(
        &mut self,
        topics: &str,
        options: SubscriptionOptions,
        identifier: Option<u32>,
    ) -> ReasonCode {
        let packet_id = self.new_id();
        self.send(Packet::Subscribe(Subscribe {
            packet_id,
            properties: identifier
                .map(Property::SubscriptionIdentifier)
                .into_iter()
                .collect(),
            subscriptions: vec![Subscription {
                filter: filter(topics),
                options,
            }],
        }))
        .await;
        let reasons = self
            .find(|packet| match packet {
                Packet::SubAck(ack) if ack.packet_id == packet_id => Some(ack.reasons.clone()),
                _ => None,
            })
            .await;
        assert_eq!(reasons.len(), 1);
        reasons[0]
    }

    /// Unsubscribes; gives the codes, of which 3.x has none.
    pub(crate) async fn unsubscribe(&mut self, topics: &[&str]) -> Vec<ReasonCode> {
        let packet_id = self.new_id();
        self.send(Packet::Unsubscribe(Unsubscribe {
            packet_id,
            properties: Properties::new(),
            filters: topics.iter().map(|topics| filter(topics)).collect(),
        }))
        .await;
        self.find(|packet| match packet {
            Packet::UnsubAck(ack) if ack.packet_id == packet_id => Some(ack.reasons.clone()),
            _ => None,
        })
        .await
    }

    /// The next message, which is acknowledged.
    pub(crate) async fn message(&mut self) -> Publish {
        let publish = self.unacknowledged().await;
        if let Some(id) = publish.packet_id {
            self.acknowledge(publish.qos, id).await;
        }
        publish
    }

    /// The next message, which is not acknowledged.
    pub(crate) async fn unacknowledged(&mut self) -> Publish {
        self.find(|packet| match packet {
            Packet::Publish(publish) => Some(publish.clone()),
            _ => None,
        })
        .await
    }

    /// Acknowledges a message, with the whole handshake.
    pub(crate) async fn acknowledge(&mut self, qos: QoS, id: PacketId) {
        let ack = Ack::new(id, ReasonCode::Success);
        if qos == QoS::AtLeastOnce {
            self.send(Packet::PubAck(ack)).await;
        } else {
            self.send(Packet::PubRec(ack.clone())).await;
            self.pubrel(id).await;
            self.send(Packet::PubComp(ack)).await;
        }
    }

    /// Topic and payload of the next message, which is acknowledged.
    pub(crate) async fn text(&mut self) -> (String, String) {
        let publish = self.message().await;
        let payload = std::str::from_utf8(&publish.payload).expect("text");
        (publish.topic.to_string(), payload.into())
    }

    /// Payloads of the next `count` messages, which are acknowledged.
    pub(crate) async fn payloads(&mut self, count: usize) -> Vec<String> {
        let mut payloads = Vec::new();
        for _ in 0..count {
            payloads.push(self.text().await.1);
        }
        payloads
    }

    /// What is on its way to this client, of messages that the broker has
    /// routed already. Two round trips: the answer to the first may overtake
    /// messages, the second starts behind them.
    pub(crate) async fn settle(&mut self) -> Vec<Packet> {
        self.ping().await;
        self.ping().await;
        self.stash.drain(..).collect()
    }

    /// Nothing is on its way to this client.
    pub(crate) async fn has_nothing(&mut self) {
        assert_eq!(self.settle().await, []);
    }

    /// Goes in good order; returns when the broker has closed as well, so that
    /// its session is parked.
    pub(crate) async fn disconnect(self) {
        self.disconnect_with(Disconnect::new(ReasonCode::Success))
            .await;
    }

    /// As [`Client::disconnect`], with more to say.
    pub(crate) async fn disconnect_with(mut self, disconnect: Disconnect) {
        self.send(Packet::Disconnect(disconnect)).await;
        while self.next().await.is_some() {}
    }

    /// Closes without a word; returns when the broker has closed as well.
    pub(crate) async fn cut(mut self) {
        self.link.shutdown().await.expect("the connection is open");
        while self.next().await.is_some() {}
    }
}
