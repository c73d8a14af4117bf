use std::collections::VecDeque;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Message, PATIENCE, Version};

/// Packet types, in the first half of a packet's first byte.
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBREL: u8 = 6;
const PUBCOMP: u8 = 7;
const SUBSCRIBE: u8 = 8;
const SUBACK: u8 = 9;
const UNSUBSCRIBE: u8 = 10;
const UNSUBACK: u8 = 11;
const PINGREQ: u8 = 12;
const PINGRESP: u8 = 13;
const DISCONNECT: u8 = 14;

/// Who connects, and how.
#[derive(Clone, Debug)]
pub struct Login {
    /// MQTT 3.1.1 or 5.0.
    pub version: Version,
    /// Client identifier.
    pub id: String,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Whether nothing is left of the session when it ends.
    pub clean: bool,
    /// Seconds.
    pub keep_alive: u16,
    /// What is said when the client dies.
    pub will: Option<Message>,
}

impl Login {
    /// A clean session of nobody in particular.
    #[must_use]
    pub fn new(version: Version, id: &str) -> Login {
        Login {
            version,
            id: id.to_owned(),
            user: None,
            password: None,
            clean: true,
            keep_alive: 60,
            will: None,
        }
    }

    /// The same with a user name.
    #[must_use]
    pub fn named(self, user: Option<&str>) -> Login {
        Login {
            user: user.map(str::to_owned),
            ..self
        }
    }
}

/// A client that is nothing but bytes on a socket: for what no library does,
/// or does in its own order. It answers nothing by itself.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    is_v5: bool,
    last_id: u16,
    /// Messages that came while something else was waited for, with their
    /// packet identifiers.
    messages: VecDeque<(Message, Vec<u8>)>,
}

impl Raw {
    /// Opens a connection, without a word.
    ///
    /// # Panics
    /// If nobody listens.
    pub async fn open(port: u16) -> Raw {
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        let stream = stream.unwrap_or_else(|error| panic!("port {port}: {error}"));
        // Else it waits for what the broker has not to say.
        stream.set_nodelay(true).expect("it is a socket of TCP");
        Raw {
            stream,
            is_v5: false,
            last_id: 0,
            messages: VecDeque::new(),
        }
    }

    /// Connects; the reason code of CONNACK says whether it was allowed.
    pub async fn connect(port: u16, login: &Login) -> (Raw, u8) {
        let mut raw = Raw::open(port).await;
        raw.is_v5 = login.version == Version::V5;
        let mut body = Vec::new();
        put_text(&mut body, b"MQTT");
        body.push(login.version as u8);
        let mut flags = u8::from(login.clean) << 1;
        if let Some(will) = &login.will {
            flags |= 4 | will.qos << 3 | u8::from(will.retain) << 5;
        }
        flags |= u8::from(login.password.is_some()) << 6 | u8::from(login.user.is_some()) << 7;
        body.push(flags);
        body.extend(login.keep_alive.to_be_bytes());
        raw.put_no_properties(&mut body);
        put_text(&mut body, login.id.as_bytes());
        if let Some(will) = &login.will {
            raw.put_no_properties(&mut body);
            put_text(&mut body, will.topic.as_bytes());
            put_text(&mut body, &will.payload);
        }
        for text in [&login.user, &login.password].into_iter().flatten() {
            put_text(&mut body, text.as_bytes());
        }
        raw.send(CONNECT << 4, &body).await;
        let connack = raw.find(CONNACK).await;
        (raw, connack[1])
    }

    /// Connects, and is let in.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn connected(port: u16, login: &Login) -> Raw {
        let (raw, code) = Raw::connect(port, login).await;
        assert_eq!(code, 0, "{login:?} is refused");
        raw
    }

    /// Subscribes; the codes of SUBACK.
    pub async fn subscribe(&mut self, filters: &[(&str, u8)]) -> Vec<u8> {
        let mut body = self.new_id().to_be_bytes().to_vec();
        self.put_no_properties(&mut body);
        for (filter, qos) in filters {
            put_text(&mut body, filter.as_bytes());
            body.push(*qos);
        }
        self.send(SUBSCRIBE << 4 | 2, &body).await;
        let suback = self.find(SUBACK).await;
        suback[if self.is_v5 { 3 } else { 2 }..].to_vec()
    }

    /// Unsubscribes, and waits for the answer.
    pub async fn unsubscribe(&mut self, filter: &str) {
        let mut body = self.new_id().to_be_bytes().to_vec();
        self.put_no_properties(&mut body);
        put_text(&mut body, filter.as_bytes());
        self.send(UNSUBSCRIBE << 4 | 2, &body).await;
        self.find(UNSUBACK).await;
    }

    /// Publishes, and waits until that is done; the reason code of PUBACK or
    /// PUBREC, which is 0 in 3.1.1 and for QoS 0.
    pub async fn publish(&mut self, message: &Message) -> u8 {
        let id = self.send_publish(message).await;
        match message.qos {
            0 => 0,
            1 => self.acknowledged(PUBACK, id).await,
            _ => {
                let code = self.acknowledged(PUBREC, id).await;
                if code < 0x80 {
                    self.send(PUBREL << 4 | 2, &id.to_be_bytes()).await;
                    self.acknowledged(PUBCOMP, id).await;
                }
                code
            }
        }
    }

    /// As [`Raw::publish`] at QoS 1 for each, a few at a time; the codes.
    pub async fn publish_all(&mut self, messages: &[Message]) -> Vec<u8> {
        let mut codes = Vec::new();
        // Brokers take at least so many.
        for some in messages.chunks(10) {
            let mut ids = Vec::new();
            for message in some {
                ids.push(self.send_publish(message).await);
            }
            for id in ids {
                codes.push(self.acknowledged(PUBACK, id).await);
            }
        }
        codes
    }

    /// All messages that are here or on their way, of what the broker has
    /// passed on by now. Two round trips, since the first answer may overtake
    /// messages.
    pub async fn settle(&mut self) -> Vec<Message> {
        for _ in 0..2 {
            self.ping().await;
        }
        self.messages
            .drain(..)
            .map(|(message, _)| message)
            .collect()
    }

    /// A round trip.
    pub async fn ping(&mut self) {
        self.send(PINGREQ << 4, &[]).await;
        self.find(PINGRESP).await;
    }

    /// The next message, acknowledged to the end.
    pub async fn message(&mut self) -> Message {
        let (message, id) = match self.messages.pop_front() {
            Some(message) => message,
            None => {
                let (first, body) = self.receive().await;
                assert_eq!(first >> 4, PUBLISH, "{body:?}");
                self.read_publish(first, &body)
            }
        };
        match message.qos {
            0 => {}
            1 => self.send(PUBACK << 4, &id).await,
            _ => {
                self.send(PUBREC << 4, &id).await;
                self.find(PUBREL).await;
                self.send(PUBCOMP << 4, &id).await;
            }
        }
        message
    }

    /// Goes, in 5.0 with its will if it is to be sent; returns when the broker
    /// has closed the connection too.
    pub async fn leave(mut self, with_will: bool) {
        let reason: &[u8] = if with_will { &[0x04] } else { &[] };
        self.send(DISCONNECT << 4, reason).await;
        self.closed().await;
    }

    /// Waits until the broker has closed the connection.
    ///
    /// # Panics
    /// If it does not.
    pub async fn closed(mut self) {
        let mut rest = Vec::new();
        let end = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await;
        // It may be reset, which is an end too.
        assert!(end.is_ok(), "the broker does not close the connection");
    }

    fn new_id(&mut self) -> u16 {
        self.last_id += 1;
        self.last_id
    }

    fn put_no_properties(&self, body: &mut Vec<u8>) {
        if self.is_v5 {
            body.push(0);
        }
    }

    async fn send_publish(&mut self, message: &Message) -> u16 {
        let mut body = Vec::new();
        put_text(&mut body, message.topic.as_bytes());
        let mut id = 0;
        if message.qos > 0 {
            id = self.new_id();
            body.extend(id.to_be_bytes());
        }
        self.put_no_properties(&mut body);
        body.extend(&message.payload);
        let first = PUBLISH << 4 | message.qos << 1 | u8::from(message.retain);
        self.send(first, &body).await;
        id
    }

    async fn acknowledged(&mut self, kind: u8, id: u16) -> u8 {
        let ack = self.find(kind).await;
        assert_eq!(ack[..2], id.to_be_bytes(), "answers come in order");
        ack.get(2).copied().unwrap_or(0)
    }

    async fn send(&mut self, first: u8, body: &[u8]) {
        let mut packet = vec![first];
        let mut length = body.len();
        loop {
            let digit = u8::try_from(length % 128).expect("below 128");
            length /= 128;
            packet.push(digit | u8::from(length > 0) << 7);
            if length == 0 {
                break;
            }
        }
        packet.extend(body);
        let sent = self.stream.write_all(&packet).await;
        sent.unwrap_or_else(|error| panic!("the broker does not read: {error}"));
    }

    /// The body of the next packet of a kind; messages before it are kept.
    async fn find(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let (first, body) = self.receive().await;
            if first >> 4 == kind {
                return body;
            }
            assert_eq!(
                first >> 4,
                PUBLISH,
                "instead of packet type {kind}: {body:?}"
            );
            let message = self.read_publish(first, &body);
            self.messages.push_back(message);
        }
    }

    async fn receive(&mut self) -> (u8, Vec<u8>) {
        let packet = async {
            let first = self.stream.read_u8().await?;
            let (mut length, mut shift) = (0, 0);
            loop {
                let digit = self.stream.read_u8().await?;
                length |= usize::from(digit & 0x7f) << shift;
                shift += 7;
                if digit < 0x80 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await?;
            Ok::<_, std::io::Error>((first, body))
        };
        let packet = timeout(PATIENCE, packet).await;
        let packet = packet.expect("the broker does not answer");
        packet.unwrap_or_else(|error| panic!("the broker has closed the connection: {error}"))
    }

    /// A message, and its packet identifier if it has one.
    fn read_publish(&self, first: u8, body: &[u8]) -> (Message, Vec<u8>) {
        let (topic, mut rest) =
            body[2..].split_at(usize::from(u16::from_be_bytes([body[0], body[1]])));
        let qos = first >> 1 & 3;
        let mut id = Vec::new();
        if qos > 0 {
            id = rest[..2].to_vec();
            rest = &rest[2..];
        }
        if self.is_v5 {
            rest = &rest[1 + usize::from(rest[0])..];
        }
        let message = Message {
            topic: String::from_utf8_lossy(topic).into_owned(),
            qos,
            retain: first & 1 == 1,
            payload: rest.to_vec(),
        };
        (message, id)
    }
}

fn put_text(body: &mut Vec<u8>, text: &[u8]) {
    let length = u16::try_from(text.len()).expect("MQTT has no longer ones");
    body.extend(length.to_be_bytes());
    body.extend(text);
}
