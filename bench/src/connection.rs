//! One client: opened while waiting for each answer, then used without waiting.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mio::{Registry, Token};
use rustls::ClientConfig;

use crate::mqtt::{self, Packet};
use crate::stream::{self, Session, Stream};
use crate::websocket::{self, Frames};

/// How much is read, and is gathered before it is written, at a time.
pub(crate) const BATCH: usize = 64 * 1024;
/// How much goes in one WebSocket frame: what a client packs that has much to
/// send, some fifty small messages.
const FRAME: usize = 4 * 1024;
/// How long the broker may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the broker listens, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    pub(crate) websocket: bool,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Whether the sessions of subscribers are kept.
    pub(crate) keeps: bool,
}

/// A client's connection.
pub(crate) struct Connection {
    stream: Stream,
    frames: Option<Frames>,
    /// The front of a packet whose rest has not come yet.
    rest: Vec<u8>,
    /// Packets that are not in a frame yet. Without WebSocket, nothing.
    packets: Vec<u8>,
    /// What is to be written, from `written` on.
    out: Vec<u8>,
    written: usize,
    /// Whether a read may find something.
    pub(crate) readable: bool,
    writable: bool,
}

impl Connection {
    /// Connects, and subscribes when there is a filter.
    pub(crate) fn open(
        broker: &Broker,
        client: &str,
        filter: Option<(&str, u8)>,
    ) -> Result<Connection> {
        let socket = TcpStream::connect(broker.address)
            .with_context(|| format!("cannot connect to {}", broker.address))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut opening = Opening {
            socket: &socket,
            session: broker.tls.as_ref().map(stream::session).transpose()?,
            frames: None,
        };
        if broker.websocket {
            opening.upgrade(broker.address)?;
        }
        // Who subscribes has a session to keep, if any has.
        let is_kept = broker.keeps && filter.is_some();
        opening.ask(&mqtt::connect(client, is_kept), 0x20)?;
        if let Some((filter, qos)) = filter {
            opening.ask(&mqtt::subscribe(filter, qos), 0x90)?;
        }
        let Opening {
            frames, session, ..
        } = opening;
        Ok(Connection {
            stream: Stream::new(socket, session)?,
            frames,
            rest: Vec::new(),
            packets: Vec::new(),
            out: Vec::new(),
            written: 0,
            readable: true,
            writable: true,
        })
    }

    /// Has its events come with this token.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.stream.register(registry, token)
    }

    /// Takes note of an event.
    pub(crate) fn note(&mut self, event: &mio::event::Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable();
    }

    /// Reads once, and hands over each whole packet, with where to put answers.
    pub(crate) fn read(
        &mut self,
        scratch: &mut Scratch,
        mut each: impl FnMut(Packet<'_>, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let Scratch { raw, packets } = scratch;
        let known = self.rest.len();
        let read = match self.stream.read(&mut raw[known..]) {
            Ok(0) => bail!("the broker closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error).context("cannot read"),
        };
        // Nothing is left when there was less than asked for: saves a read.
        self.readable = read == raw.len() - known || !self.stream.is_plain();
        let mut bytes = match &mut self.frames {
            Some(frames) => {
                packets.clear();
                packets.extend_from_slice(&self.rest);
                frames.open(&raw[known..known + read], packets, &mut self.out)?;
                &packets[..]
            }
            None => {
                raw[..known].copy_from_slice(&self.rest);
                &raw[..known + read]
            }
        };
        let answers = match self.frames {
            Some(_) => &mut self.packets,
            None => &mut self.out,
        };
        while let Some((packet, size)) = mqtt::decode(bytes)? {
            each(packet, answers)?;
            bytes = &bytes[size..];
        }
        self.rest.clear();
        self.rest.extend_from_slice(bytes);
        ensure!(
            self.rest.len() < BATCH,
            "a packet of more than {BATCH} bytes"
        );
        self.end_frame();
        Ok(())
    }

    /// Where packets are put that are to be sent.
    pub(crate) fn packets(&mut self) -> &mut Vec<u8> {
        match self.frames {
            Some(_) => &mut self.packets,
            None => &mut self.out,
        }
    }

    /// Ends a WebSocket frame, if it is full.
    pub(crate) fn end_full_frame(&mut self) {
        if self.packets.len() >= FRAME {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        if let Some(frames) = &mut self.frames
            && !self.packets.is_empty()
        {
            frames.seal(&self.packets, &mut self.out);
            self.packets.clear();
        }
    }

    /// How many bytes wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.out.len() - self.written
    }

    /// Whether [`Connection::flush`] may get something done.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Has the next [`Connection::flush`] try, for one that gets no events.
    pub(crate) fn expect_room(&mut self) {
        self.writable = true;
    }

    /// Writes once, as much as goes.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.end_frame();
        if !self.writable || self.waiting() == 0 && !self.stream.holds_back() {
            return Ok(());
        }
        match self.stream.write(&self.out[self.written..]) {
            Ok(written) => {
                self.written += written;
                if self.waiting() == 0 && !self.stream.holds_back() {
                    self.out.clear();
                    self.written = 0;
                } else {
                    self.writable = false;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot write"),
        }
        Ok(())
    }
}

/// Room for reading that all connections share.
pub(crate) struct Scratch {
    raw: Vec<u8>,
    packets: Vec<u8>,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch {
            raw: vec![0; 2 * BATCH],
            packets: Vec::new(),
        }
    }
}

/// A connection whose every step is waited for.
struct Opening<'a> {
    socket: &'a TcpStream,
    session: Option<Session>,
    frames: Option<Frames>,
}

impl Opening<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        stream::read_waiting(self.socket, self.session.as_mut(), buf)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        stream::write_waiting(self.socket, self.session.as_mut(), bytes)
    }

    fn upgrade(&mut self, address: SocketAddr) -> Result<()> {
        self.write(websocket::upgrade(&address.to_string()).as_bytes())?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            ensure!(
                self.read(&mut byte).context("no upgrade")? > 0,
                "no upgrade"
            );
            answer.push(byte[0]);
        }
        ensure!(
            answer.starts_with(b"HTTP/1.1 101"),
            "no upgrade: {}",
            String::from_utf8_lossy(&answer)
        );
        self.frames = Some(Frames::default());
        Ok(())
    }

    /// Sends a packet and waits until it is granted.
    fn ask(&mut self, packet: &[u8], answer: u8) -> Result<()> {
        let mut out = Vec::new();
        match &mut self.frames {
            Some(frames) => frames.seal(packet, &mut out),
            None => out.extend_from_slice(packet),
        }
        self.write(&out)?;
        let (mut bytes, mut pongs) = (Vec::new(), Vec::new());
        let mut raw = [0; 256];
        loop {
            if let Some((packet, size)) = mqtt::decode(&bytes)? {
                let granted = matches!(packet, Packet::Answer(kind, code) if kind == answer && code < 0x80 && (kind != 0x20 || code == 0));
                ensure!(granted, "refused: {packet:?}");
                ensure!(size == bytes.len(), "more than was asked for");
                return Ok(());
            }
            let read = self.read(&mut raw).context("no answer")?;
            ensure!(read > 0, "the broker closed the connection");
            match &mut self.frames {
                Some(frames) => frames.open(&raw[..read], &mut bytes, &mut pongs)?,
                None => bytes.extend_from_slice(&raw[..read]),
            }
        }
    }
}
