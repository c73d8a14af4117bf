//! A client, a server and their drivers, led by bytes of any kind: what the
//! bytes cannot make them do is what the checks say. The fuzz target uses this
//! file too.

#[path = "../../common/conn.rs"]
mod conn;

mod bytes;
mod hostile;
mod observed;
mod reading;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ::bytes::BytesMut;
use codec::{
    ConnAck, Connect, Disconnect, PacketId, Properties, Property, ProtocolVersion, QoS, ReasonCode,
    TopicName,
};
use protocol::{Delivery, Limits, Message, PublishError, Session, Time, client, server};

use bytes::Script;
use conn::{Client, Conn, Server, Side};
use observed::Observed;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Long scripts find nothing that short ones do not.
const MAX_STEPS: usize = 400;
const TOPICS: [&str; 4] = ["a", "Kitchen/Fridge", "Kitchen/AirQuality", "$SYS/uptime"];

struct End {
    conn: Option<Conn>,
    /// Of the last connection, while there is none.
    session: Session,
    /// Written and not yet arrived at the other end.
    link: BytesMut,
    /// Arrived and not yet read.
    input: BytesMut,
    /// To be acknowledged on this connection.
    pending: Vec<(QoS, PacketId)>,
    observed: Observed,
    /// How many publishes it takes at a time.
    receive_maximum: u16,
    /// The newest token received at each QoS, and all of them.
    newest: [u64; 3],
    received: HashSet<u64>,
    /// Published at QoS 1 and 2, in order.
    published: Vec<u64>,
}

impl End {
    fn new(side: Side) -> Self {
        Self {
            conn: None,
            session: Session::new(),
            link: BytesMut::new(),
            input: BytesMut::new(),
            pending: Vec::new(),
            observed: Observed::new(side),
            receive_maximum: u16::MAX,
            newest: [0; 3],
            received: HashSet::new(),
            published: Vec::new(),
        }
    }
}

struct World {
    now: Time,
    version: ProtocolVersion,
    client: End,
    server: End,
    /// CONNECT that the server's driver has not answered.
    connect: Option<Box<Connect>>,
    /// What the server accepts.
    limits: Limits,
    max_inflight: u16,
    keep_alive: u16,
    clean_start: bool,
    tokens: u64,
    /// Whether the server's connection has the session.
    is_accepted: bool,
    /// Whether the script may put words into an end's mouth.
    may_lie: bool,
    /// Neither end was told a thing that the other did not say, and neither
    /// has forgotten anything.
    is_honest: bool,
    /// Messages may be refused, given up, or thrown away with their session.
    gives_up: bool,
}

/// Runs the script in `input`.
pub(crate) fn run(input: &[u8]) {
    let script = &mut Script::new(input);
    let mut world = World::new(script);
    world.open(0);
    for _ in 0..MAX_STEPS {
        if script.is_over() {
            break;
        }
        world.step(script);
    }
    world.finish();
}

impl World {
    fn new(script: &mut Script<'_>) -> Self {
        let version = script.pick(&[
            ProtocolVersion::V5,
            ProtocolVersion::V3_1_1,
            ProtocolVersion::V3_1,
        ]);
        let mut limits = Limits {
            receive_maximum: script.pick(&[u16::MAX, 1, 2, 20]),
            maximum_packet_size: script.pick(&[Limits::NONE.maximum_packet_size, 64, 200]),
            topic_alias_maximum: script.pick(&[0, 1, 2, u16::MAX]),
        };
        if !version.is_v5() {
            // The server has no way to tell it.
            limits.maximum_packet_size = Limits::NONE.maximum_packet_size;
        }
        Self {
            now: Time::from_millis(0),
            version,
            client: End::new(Client),
            server: End::new(Server),
            connect: None,
            limits,
            max_inflight: script.pick(&[u16::MAX, 1, 2, 20]),
            keep_alive: script.pick(&[0, 1, 60, u16::MAX]),
            clean_start: false,
            tokens: 0,
            is_accepted: false,
            may_lie: script.byte() & 1 > 0,
            is_honest: true,
            gives_up: false,
        }
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Client => &mut self.client,
            Server => &mut self.server,
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 16 {
            0 | 1 => self.deliver(Client, script.byte().into()),
            2 | 3 => self.deliver(Server, script.byte().into()),
            4 => self.publish(Client, script),
            5 => self.publish(Server, script),
            6 => self.acknowledge(script),
            7 => {
                self.cut();
                self.open(script.byte());
            }
            8 => {
                let millis = script.pick(&[1, 500, 1_000, 1_500, 10_000, 30_000, 90_000, u64::MAX]);
                self.advance(Duration::from_millis(millis));
            }
            9 => self.request(script),
            10 => self.answer_connect(script),
            11 => self.serve(script),
            12 => self.raw(script),
            13 => self.made_up(script),
            14 => self.disturb(script),
            _ => self.settle(),
        }
        self.drain();
    }

    /// Opens a connection. `choice` says whether the client starts clean, and
    /// what it accepts.
    fn open(&mut self, choice: u8) {
        self.clean_start |= choice & 0x07 == 0x07;
        let mut connect = Connect::new(self.version, "fuzz");
        connect.clean_start = self.clean_start;
        connect.keep_alive = self.keep_alive;
        if self.version.is_v5() {
            let properties = &mut connect.properties;
            properties.push(Property::SessionExpiryInterval(u32::MAX));
            properties.push(Property::TopicAliasMaximum(u16::from(choice >> 6)));
            if let Some(size) = [None, Some(16), Some(64), Some(200)][usize::from(choice >> 3 & 3)]
            {
                properties.push(Property::MaximumPacketSize(size));
                self.gives_up = true;
            }
            self.client.receive_maximum = u16::MAX;
            if choice & 0x20 > 0 {
                properties.push(Property::ReceiveMaximum(2));
                self.client.receive_maximum = 2;
            }
        }
        if self.version.is_v5() {
            self.server.receive_maximum = self.limits.receive_maximum;
        }
        let session = std::mem::take(&mut self.client.session);
        self.client.observed.check(&session);
        let client = client::Connection::new(connect, session, CONNECT_TIMEOUT, self.now);
        self.client.conn = Some(Conn::Client(client.expect("it is short")));
        let server = server::Connection::new(self.limits, CONNECT_TIMEOUT, self.now);
        self.server.conn = Some(Conn::Server(server));
        for side in [Client, Server] {
            self.end(side).observed.begin();
        }
        self.drain();
    }

    /// The connection breaks: what is under way is lost, both ends keep their
    /// sessions.
    fn cut(&mut self) {
        for side in [Client, Server] {
            self.take_session(side);
            let end = self.end(side);
            end.conn = None;
            end.input.clear();
            end.link.clear();
        }
        self.connect = None;
    }

    /// Takes the session from an end, as another connection of the same
    /// client does; the server's last packets are still on their way.
    fn take_session(&mut self, side: Side) {
        self.drain();
        let end = match side {
            Client => &mut self.client,
            Server => &mut self.server,
        };
        end.pending.clear();
        end.session = match end.conn.take() {
            Some(Conn::Client(conn)) => conn.into_session(),
            Some(Conn::Server(mut conn)) if self.is_accepted => {
                self.is_accepted = false;
                let session = conn.take_session();
                assert!(conn.is_closed() && conn.poll_timeout().is_none());
                assert!(conn.take_session().is_empty());
                end.conn = Some(Conn::Server(conn));
                session
            }
            other => {
                end.conn = other;
                return;
            }
        };
        end.observed.check(&end.session);
    }

    fn publish(&mut self, from: Side, script: &mut Script<'_>) {
        let (choice, len) = (script.byte(), script.byte());
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(choice % 3)];
        self.tokens += 1;
        let mut payload = self.tokens.to_be_bytes().to_vec();
        payload.push(choice >> 2 & 3);
        payload.resize(9 + usize::from(len), b'x');
        let topic = TopicName::new(TOPICS[usize::from(payload[8])]).expect("it is one");
        let mut message = Message::new(topic, payload);
        if choice & 0x10 > 0 {
            message.expires_at = Some(self.now + Duration::from_secs(u64::from(len % 4)));
        }
        let mut delivery = Delivery::new(Arc::new(message), qos);
        delivery.token = self.tokens;
        delivery.retain = choice & 0x20 > 0;
        if from == Server && choice & 0x40 > 0 {
            delivery.subscription_identifiers = Some([1, 200].into());
        }
        self.drain();
        let now = self.now;
        let end = self.end(from);
        let Some(conn) = &mut end.conn else {
            return;
        };
        let window = conn.window();
        assert!(window <= usize::from(end.observed.peer.receive_maximum));
        match conn.publish(delivery, now) {
            Ok(id) => {
                assert_eq!(id.is_some(), qos != QoS::AtMostOnce);
                if id.is_some() {
                    assert_eq!(conn.window(), window - 1);
                    let token = self.tokens;
                    self.end(from).published.push(token);
                }
            }
            Err(error) => {
                assert!(conn.output().is_empty(), "{error} and written");
                assert_eq!(conn.window(), window);
                if error == PublishError::WindowFull {
                    assert_eq!(window, 0);
                }
            }
        }
    }

    fn acknowledge(&mut self, script: &mut Script<'_>) {
        let choice = script.byte();
        let side = if choice & 1 == 0 { Client } else { Server };
        let now = self.now;
        let end = match side {
            Client => &mut self.client,
            Server => &mut self.server,
        };
        let (Some(conn), false) = (&mut end.conn, end.pending.is_empty()) else {
            return;
        };
        let (qos, id) = end
            .pending
            .remove(usize::from(choice >> 2) % end.pending.len());
        let reason = if choice & 2 > 0 {
            self.gives_up = true;
            ReasonCode::QuotaExceeded
        } else {
            ReasonCode::Success
        };
        conn.acknowledge(qos, id, reason, now);
    }

    /// Time passes; the ends do what they must, once.
    fn advance(&mut self, duration: Duration) {
        self.drain();
        self.now = self.now + duration;
        let now = self.now;
        for side in [Client, Server] {
            let Some(conn) = &mut self.end(side).conn else {
                continue;
            };
            let is_due = conn.poll_timeout().is_some_and(|at| at <= now);
            let result = conn.handle_timeout(now);
            assert!(is_due || result.is_ok() && conn.output().is_empty());
            let next = conn.poll_timeout();
            let is_later = next.is_none_or(|at| at > now || now == Time::from_millis(u64::MAX));
            assert!(is_later, "{side:?} would be woken for nothing");
        }
    }

    fn request(&mut self, script: &mut Script<'_>) {
        self.drain();
        let (now, choice) = (self.now, script.byte());
        self.tokens += 1;
        let token = self.tokens;
        let Some(Conn::Client(conn)) = &mut self.client.conn else {
            return;
        };
        let filter = || codec::TopicFilter::new("Kitchen/#").expect("it is one");
        let done = match choice % 4 {
            0 => {
                let subscription = codec::Subscription {
                    filter: filter(),
                    options: QoS::AtLeastOnce.into(),
                };
                conn.subscribe(vec![subscription], Properties::new(), token, now)
            }
            1 => conn.unsubscribe(vec![filter()], Properties::new(), token, now),
            2 => return conn.ping(now),
            _ => {
                let mut disconnect = Disconnect::new(ReasonCode::Success);
                if conn.version().is_v5() {
                    let expiry = Property::SessionExpiryInterval(choice.into());
                    disconnect.properties.push(expiry);
                }
                return conn.disconnect(disconnect).expect("it is short");
            }
        };
        if done.is_ok() {
            let written = &conn.output()[..];
            let id = u16::from_be_bytes([written[2], written[3]]);
            let id = PacketId::new(id).expect("it is one");
            self.client.observed.request(token, id);
        } else {
            assert!(conn.output().is_empty());
        }
    }

    fn answer_connect(&mut self, script: &mut Script<'_>) {
        let choice = script.byte();
        if let Some(connect) = self.connect.take() {
            self.answer(&connect, choice);
        }
    }

    /// The server's driver answers CONNECT; mostly it accepts.
    fn answer(&mut self, connect: &Connect, choice: u8) {
        let now = self.now;
        let (is_honest, max_inflight) = (self.is_honest, self.max_inflight);
        let end = &mut self.server;
        let Some(Conn::Server(conn)) = &mut end.conn else {
            return;
        };
        if choice & 0x0f == 0x0f {
            return conn.refuse(ReasonCode::ServerBusy, Properties::new());
        }
        let mut session = std::mem::take(&mut end.session);
        if connect.clean_start {
            session = Session::new();
            end.observed.forget();
            self.gives_up = true;
        }
        let mut connack = ConnAck::new(!connect.clean_start, ReasonCode::Success);
        if choice & 0x10 > 0 {
            connack.properties.push(Property::ServerKeepAlive(3));
        }
        if choice & 0x60 == 0x60 && connect.version.is_v5() {
            connack.properties.push(Property::MaximumQoS(1));
            self.gives_up = true;
        }
        if choice & 0x80 > 0 {
            conn.limit_topic_aliases(1);
        }
        end.observed.peer.receive_maximum =
            end.observed.peer.receive_maximum.min(max_inflight).max(1);
        self.is_accepted = true;
        let given_up = conn.accept(session, connack, max_inflight, now);
        assert!(given_up.is_empty() || self.gives_up || !is_honest);
        for token in given_up {
            end.observed.give_up(token);
        }
    }

    /// What a server does of its own accord.
    fn serve(&mut self, script: &mut Script<'_>) {
        let (now, choice) = (self.now, script.byte());
        if choice % 3 == 0 {
            // A takeover: the same client has come back on another
            // connection, and this one is told so.
            if let Some(Conn::Server(conn)) = &mut self.server.conn
                && self.is_accepted
            {
                conn.disconnect(Disconnect::new(ReasonCode::SessionTakenOver));
                self.take_session(Server);
            }
            return;
        }
        let Some(Conn::Server(conn)) = &mut self.server.conn else {
            return;
        };
        if choice % 3 == 1 {
            conn.disconnect(Disconnect::new(ReasonCode::ServerShuttingDown));
        } else {
            conn.handle_activity(now);
        }
    }

    /// Delivers until nothing moves; the drivers do their part at once.
    fn settle(&mut self) {
        loop {
            self.drain();
            let moved = [Client, Server].map(|side| {
                let is_any = !self.end(side).link.is_empty();
                self.deliver(side, u8::MAX.into());
                is_any
            });
            let connect = self.connect.take();
            if let Some(connect) = &connect {
                self.answer(connect, 0);
            }
            if connect.is_none() && moved == [false, false] {
                return;
            }
        }
    }

    /// When both ends were honest, all that was published arrives in the end.
    fn finish(&mut self) {
        self.cut();
        if !self.is_honest {
            return;
        }
        self.open(0);
        loop {
            self.settle();
            let now = self.now;
            let mut is_idle = true;
            for side in [Client, Server] {
                let end = self.end(side);
                for (qos, id) in std::mem::take(&mut end.pending) {
                    is_idle = false;
                    let conn = end.conn.as_mut().expect("it is open");
                    conn.acknowledge(qos, id, ReasonCode::Success, now);
                }
            }
            if is_idle {
                break;
            }
        }
        for side in [Client, Server] {
            let end = self.end(side);
            assert!(end.conn.as_ref().is_some_and(Conn::is_connected));
            assert!(end.observed.is_idle(), "{side:?} has something left");
            self.take_session(side);
            assert!(self.end(side).session.is_empty());
        }
        for side in [Client, Server] {
            let end = self.end(side);
            let published = std::mem::take(&mut end.published);
            assert!(
                published
                    .iter()
                    .all(|token| end.observed.over.contains(token))
            );
            let arrived = &self.end(side.other()).received;
            let is_all = published.iter().all(|token| arrived.contains(token));
            assert!(is_all || self.gives_up);
        }
    }
}
