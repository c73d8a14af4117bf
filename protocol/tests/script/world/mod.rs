//! A client, a server and their drivers, led by bytes of any kind: what the
//! bytes cannot make them do is what the checks say. The fuzz target uses this
//! file too.

#[path = "../../common/conn.rs"]
mod conn;

mod bytes;
mod driving;
mod hostile;
mod observed;
mod reading;

use std::collections::HashSet;
use std::time::Duration;

use ::bytes::BytesMut;
use codec::{Connect, PacketId, Property, ProtocolVersion, QoS, ReasonCode};
use protocol::{Limits, Session, Time, client, server};

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
    /// The client has asked for a clean start since it was connected last.
    is_discarded: bool,
    tokens: u64,
    /// Whether the server's connection has the session.
    is_accepted: bool,
    /// Whether CONNECT names an authentication method.
    authenticates: bool,
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
        let max_inflight = script.pick(&[u16::MAX, 1, 2, 20]);
        let keep_alive = script.pick(&[0, 1, 60, u16::MAX]);
        let traits = script.byte();
        Self {
            now: Time::from_millis(0),
            version,
            client: End::new(Client),
            server: End::new(Server),
            connect: None,
            limits,
            max_inflight,
            keep_alive,
            is_discarded: false,
            tokens: 0,
            is_accepted: false,
            may_lie: traits & 1 > 0,
            authenticates: traits & 2 > 0 && version.is_v5(),
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
        let clean_start = choice & 0x07 == 0x07;
        self.is_discarded |= clean_start;
        self.gives_up |= clean_start;
        let mut connect = Connect::new(self.version, "fuzz");
        connect.clean_start = clean_start;
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
            if self.authenticates {
                properties.push(Property::AuthenticationMethod("fuzz".into()));
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

    /// Delivers until nothing moves; the drivers do their part at once.
    fn settle(&mut self) {
        loop {
            self.drain();
            let moved = [Client, Server].map(|side| {
                let is_any = !self.end(side).link.is_empty();
                self.deliver(side, u8::MAX.into());
                is_any
            });
            if !self.answer(0) && moved == [false, false] {
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
            // A server may remember what a client has thrown away.
            assert!(self.gives_up || self.end(side).session.is_empty());
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
