//! What publishers and subscribers share: a connection that is made anew
//! whenever it is lost, with a session that is kept.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use bytes::BytesMut;
use codec::{Connect, Properties, Property, ProtocolVersion, QoS, Subscription, TopicFilter};
use protocol::client::{Connection, Event};
use protocol::{Session, Time};

/// How long a client waits for the broker before it looks what else there is.
const TICK: Duration = Duration::from_millis(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// What all clients see.
pub(crate) struct World {
    address: SocketAddr,
    started: Instant,
    is_paused: AtomicBool,
    is_over: AtomicBool,
    /// The first thing that went wrong.
    failure: Mutex<Option<String>>,
}

impl World {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            started: Instant::now(),
            is_paused: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            failure: Mutex::default(),
        }
    }

    /// No client connects until [`World::go_on`].
    pub(crate) fn pause(&self) {
        self.is_paused.store(true, Ordering::SeqCst);
    }

    pub(crate) fn go_on(&self) {
        self.is_paused.store(false, Ordering::SeqCst);
    }

    /// A promise was broken.
    pub(crate) fn fail(&self, what: String) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(what);
    }

    /// Fails if a promise was broken.
    pub(crate) fn check(&self) -> Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failure {
            Some(what) => bail!("{what}"),
            None => Ok(()),
        }
    }

    fn now(&self) -> Time {
        let millis = self.started.elapsed().as_millis();
        Time::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

/// What a client does with its connection.
pub(crate) trait Role: Send + 'static {
    /// CONNACK has come.
    fn connected(&mut self, connection: &mut Connection, now: Time);

    /// Something else has come.
    fn event(&mut self, event: Event, connection: &mut Connection, now: Time)
    -> Result<(), String>;

    /// There is time to do something; false to go away for a moment.
    fn tick(&mut self, connection: &mut Connection, now: Time) -> bool;
}

/// Runs a client until the world ends.
pub(crate) fn run(world: &World, id: &str, version: ProtocolVersion, mut role: impl Role) {
    let mut session = Session::new();
    // From the first CONNACK on, the broker has promised to keep the session.
    let mut is_known = false;
    while !world.is_over.load(Ordering::SeqCst) {
        if world.is_paused.load(Ordering::SeqCst) {
            thread::sleep(TICK);
            continue;
        }
        let Ok(stream) = TcpStream::connect(world.address) else {
            thread::sleep(TICK);
            continue;
        };
        let connect = persistent(id, version);
        let now = world.now();
        let taken = std::mem::take(&mut session);
        let mut connection =
            Connection::new(connect, taken, CONNECT_TIMEOUT, now).expect("it can be encoded");
        if let Err(broken) = serve(world, stream, &mut connection, &mut role, &mut is_known) {
            world.fail(format!("{id}: {broken}"));
            return;
        }
        session = connection.into_session();
    }
}

fn persistent(id: &str, version: ProtocolVersion) -> Connect {
    let mut connect = Connect::new(version, id.to_owned());
    connect.clean_start = false;
    connect.keep_alive = 0;
    if version.is_v5() {
        connect.properties = Properties::new().with(Property::SessionExpiryInterval(u32::MAX));
    }
    connect
}

/// Serves one connection until it is lost; an error is a broken promise.
fn serve(
    world: &World,
    mut stream: TcpStream,
    connection: &mut Connection,
    role: &mut impl Role,
    is_known: &mut bool,
) -> Result<(), String> {
    if stream.set_read_timeout(Some(TICK)).is_err() || stream.set_nodelay(true).is_err() {
        return Ok(());
    }
    let (mut input, mut buffer) = (BytesMut::new(), vec![0; 64 << 10]);
    while !world.is_over.load(Ordering::SeqCst) {
        let output = connection.output().split();
        if stream.write_all(&output).is_err() || connection.is_closed() {
            return Ok(());
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => input.extend_from_slice(&buffer[..len]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return Ok(()),
        }
        let now = world.now();
        loop {
            match connection.handle_input(&mut input, now) {
                Ok(None) => break,
                Ok(Some(Event::ConnAck { connack, .. })) => {
                    if connack.reason.is_failure() {
                        return Err(format!("refused: {}", connack.reason.text()));
                    }
                    if *is_known && !connack.session_present {
                        return Err("its session is lost".into());
                    }
                    *is_known = true;
                    role.connected(connection, now);
                }
                Ok(Some(Event::Disconnect(_))) => return Ok(()),
                Ok(Some(event)) => role.event(event, connection, now)?,
                Err(violation) => return Err(format!("the broker sends {violation}")),
            }
        }
        if connection.is_connected() && !role.tick(connection, now) {
            let output = connection.output().split();
            let _ = stream.write_all(&output);
            return Ok(());
        }
    }
    Ok(())
}

/// Looks what a new subscriber gets on a topic: it must be the number that was
/// acknowledged last, or one that was sent later.
pub(crate) fn check_retained(
    world: &World,
    topic: &str,
    acknowledged: Option<u64>,
    sent: u64,
) -> Result<()> {
    let mut stream = TcpStream::connect(world.address)?;
    stream.set_read_timeout(Some(CONNECT_TIMEOUT))?;
    let connect = Connect::new(ProtocolVersion::V5, "looks at what is retained");
    let mut connection = Connection::new(connect, Session::new(), CONNECT_TIMEOUT, world.now())?;
    let (mut input, mut buffer) = (BytesMut::new(), vec![0; 4096]);
    let mut found = None;
    loop {
        stream.write_all(&connection.output().split())?;
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            bail!("the broker closes the connection of who looks at what is retained");
        }
        input.extend_from_slice(&buffer[..len]);
        let now = world.now();
        while let Some(event) = connection.handle_input(&mut input, now)? {
            match event {
                Event::ConnAck { .. } => {
                    let filter = TopicFilter::new(format!("retained/{topic}"))?;
                    let options = QoS::AtLeastOnce.into();
                    let subscription = Subscription { filter, options };
                    connection.subscribe(vec![subscription], Properties::new(), 0, now)?;
                }
                Event::Publish(publish) => found = Some(number(&publish.payload)?),
                // What is retained comes behind SUBACK and before this.
                Event::SubAck { .. } => {
                    let filter = TopicFilter::new("nothing")?;
                    connection.unsubscribe(vec![filter], Properties::new(), 0, now)?;
                }
                Event::UnsubAck { .. } => {
                    let is_kept = found >= acknowledged && found.is_none_or(|n| n < sent);
                    if !is_kept {
                        bail!(
                            "retained for {topic}: {found:?}, acknowledged was {acknowledged:?}, \
                             sent were {sent}"
                        );
                    }
                    return Ok(());
                }
                _ => {}
            }
        }
    }
}

pub(crate) fn number(payload: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(payload)?;
    let number = text.split(' ').next().unwrap_or_default();
    number
        .parse()
        .map_err(|_| anyhow!("a payload that nobody sent: {text:?}"))
}
