//! A bridge's connection while it lasts: reads, routes and writes.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use codec::{DecodeError, Disconnect, FixedHeader, Packet, PacketType, QoS, ReasonCode};
use protocol::{Delivery, Session, Time, Violation, client};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;

use super::Plan;
use super::dial::Stream;
use super::local::{Local, renamed};
use super::terms::Terms;
use crate::config::{Notifications, Start};
use crate::connection::{Step, Storing};
use crate::counters::Tally;
use crate::log;
use crate::memory::Share;
use crate::outbox::Window;
use crate::router::Routes;
use crate::sessions::Command;
use crate::settings::Settings;
use crate::store::{Change, Sent};

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;
/// Packets below this size are copied out of what was read, so that a small
/// message that is kept does not keep a large buffer.
const LARGE_PACKET: usize = 16 << 10;
/// A broker that does not read its answers is not read from either, beyond
/// this many bytes of them.
const MAX_UNSENT: usize = 256 << 10;
/// Deliveries are encoded until this many bytes wait to be written.
const MAX_ENCODED: usize = 256 << 10;
/// How long a bridge works without a pause, before it is the turn of others.
const SLICE: Duration = Duration::from_millis(1);
/// How long the other broker may take to answer CONNECT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const PINGRESP: [u8; 2] = [0xd0, 0];
/// How long the last bytes may take.
const LINGER: Duration = Duration::from_secs(1);
/// How long subscribers that do not drain are waited for.
const HOLD: Duration = Duration::from_millis(500);

/// Why a connection ends, or there is none; displays as a part of a line.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    /// This broker stops.
    #[error("this broker stops")]
    Stop,
    /// The configuration is another one.
    #[error("the configuration has changed")]
    Changed,
    /// There is no connection.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// CONNECT was refused.
    #[error("Connection Refused: {0}")]
    Refused(String),
    /// The same, and there is something else to be tried at once.
    #[error("{0}")]
    TryAgain(String),
    /// The other broker, or the network, closed the connection.
    #[error("the remote broker has closed the connection")]
    Closed,
    /// The other broker says DISCONNECT.
    #[error("the remote broker disconnects: {}", .0.text())]
    Disconnected(ReasonCode),
    /// The other broker broke the protocol, or was silent for too long.
    #[error("protocol error of the remote broker: {0}")]
    Violation(#[from] Violation),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// `memory_limit` is reached.
    #[error("memory_limit is reached")]
    Full,
    /// There was nothing to do for `idle_timeout`.
    #[error("it has exceeded idle timeout")]
    Idle,
    /// The first address answers again.
    #[error("the first address answers again")]
    First,
}

/// Ready when the first address answers again.
pub(super) type Probe = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection to another broker.
pub(super) struct Link<'a> {
    pub(super) local: &'a mut Local,
    pub(super) terms: &'a mut Terms,
    plan: &'a Plan,
    pub(super) settings: Arc<Settings>,
    stream: Box<dyn Stream>,
    pub(super) client: client::Connection,
    scratch: Box<[u8]>,
    input: BytesMut,
    input_share: Share,
    writing: VecDeque<BytesMut>,
    is_unflushed: bool,
    pub(super) routes: Routes,
    storing: Option<Storing>,
    pub(super) tally: Tally,
    pub(super) now: Time,
    /// Since when it is connected.
    pub(super) since: Option<Time>,
    /// When a message came or went.
    pub(super) active_at: Time,
    held_until: Option<Time>,
    probe: Option<Probe>,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Link<'a> {
    /// A connection that was just opened.
    pub(super) fn new(
        local: &'a mut Local,
        terms: &'a mut Terms,
        plan: &'a Plan,
        stream: Box<dyn Stream>,
        probe: Option<Probe>,
    ) -> Result<Self, End> {
        let broker = local.broker.clone();
        let settings = broker.settings();
        let now = broker.clock.now();
        let connect = terms.connect(local, &settings.config);
        let session = local.state.session.take().unwrap_or_default();
        let client = client::Connection::new(connect, *session, CONNECT_TIMEOUT, now);
        let mut client = client.map_err(|error| End::Refused(error.to_string()))?;
        if local.state.stored.is_some() {
            client.defer_handshakes();
        }
        local.be_near(client.version());
        let journal = broker.router.journal();
        Ok(Self {
            storing: journal.map(|journal| Storing::new(journal.clone())),
            routes: Routes::new(Some(local.state.outbox.clone())),
            input_share: Share::new(broker.router.memory().clone()),
            sleep: Box::pin(tokio::time::sleep(CONNECT_TIMEOUT)),
            local,
            terms,
            plan,
            settings,
            stream,
            client,
            scratch: vec![0; READ_SIZE].into(),
            input: BytesMut::new(),
            writing: VecDeque::new(),
            is_unflushed: false,
            tally: Tally::default(),
            now,
            since: None,
            active_at: now,
            held_until: None,
            probe,
        })
    }

    /// Serves until the end, which it gives.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let begin = self.local.broker.clock.now();
        loop {
            self.now = self.local.broker.clock.now();
            let turn = self.turn(cx);
            // Whoever is touched by what was done is told, whatever came of it.
            self.flush();
            self.local.broker.counters.add(&mut self.tally);
            match turn {
                Err(end) => return Poll::Ready(end),
                Ok(false) => return Poll::Pending,
                Ok(true) if self.now - begin >= SLICE => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(true) => {}
            }
        }
    }

    /// Does what can be done; false when nothing can.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        while let Some(command) = self.local.control.poll(cx) {
            match command {
                Command::ShutDown => return Err(End::Stop),
                Command::LookAgain => {
                    self.settings = self.local.broker.settings();
                    if self.plan.is_urgent() {
                        return Err(End::Changed);
                    }
                }
                // Nobody takes a bridge's place, or asks it anything.
                _ => {}
            }
        }
        if let Some(probe) = &mut self.probe
            && probe.as_mut().poll(cx).is_ready()
        {
            return Err(End::First);
        }
        let mut is_busy = self.poll_held(cx);
        is_busy |= self.poll_read(cx)?;
        self.flush();
        is_busy |= self.poll_stored(cx);
        is_busy |= self.poll_write(cx)?;
        // What was taken from the outbox may wait too.
        is_busy |= self.poll_stored(cx);
        is_busy |= self.poll_timeout(cx)?;
        Ok(is_busy)
    }

    fn poll_held(&mut self, cx: &Context<'_>) -> bool {
        if !self.routes.is_held() {
            return false;
        }
        if self.routes.poll_relief(cx).is_pending() {
            if self.now < *self.held_until.get_or_insert(self.now + HOLD) {
                return false;
            }
            self.routes.give_up_holding(true);
        }
        self.held_until = None;
        true
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let unsent: usize = self.writing.iter().map(BytesMut::len).sum();
        let is_full = self.storing.as_ref().is_some_and(Storing::is_full);
        if self.routes.is_held() || unsent > MAX_UNSENT || is_full {
            return Ok(false);
        }
        let mut read = ReadBuf::new(&mut self.scratch);
        match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Err(End::Closed);
            }
            Poll::Ready(read) => read?,
        }
        if read.filled().is_empty() {
            return Err(End::Closed);
        }
        self.tally.bytes_received += read.filled().len() as u64;
        self.input.extend_from_slice(read.filled());
        // A message that is stored counts by itself.
        self.input_share.resize(0);
        self.process()?;
        if !self.input_share.resize(self.input.len()) {
            return Err(End::Full);
        }
        Ok(true)
    }

    /// Handles every whole packet that is there.
    fn process(&mut self) -> Result<(), End> {
        let limit = self.settings.config.max_packet_size;
        let version = self.client.version();
        let id = self.local.id.clone();
        loop {
            let header = FixedHeader::peek(&self.input, limit).map_err(Violation::from)?;
            let Some(header) = header.filter(|h| h.packet_len() <= self.input.len()) else {
                return Ok(());
            };
            let mut packet = self.input.split_to(header.packet_len());
            let body = if header.packet_len() < LARGE_PACKET {
                Bytes::copy_from_slice(&packet[header.len..])
            } else {
                packet.advance(header.len);
                packet.freeze()
            };
            self.tally.packets_received += 1;
            let packet = Packet::decode_body(header, &body, version);
            let mut packet = packet.map_err(|error| refused_or(error, version.is_v5()))?;
            if log::is_debug() {
                log::packets::received(&id, &packet);
            }
            if let Packet::ConnAck(connack) = &mut packet {
                self.terms
                    .narrow(connack, &self.local.config, &self.settings.config);
            }
            if let (Packet::PingReq, true) = (&packet, self.client.is_connected()) {
                // It is not for a server to ask, but Mosquitto answers.
                self.collect_output();
                self.writing.push_back(BytesMut::from(&PINGRESP[..]));
                continue;
            }
            if let Some(event) = self.client.handle_packet(packet, self.now)? {
                self.event(event)?;
            }
        }
    }

    /// Hands over what was collected for subscribers, and submits what is to be
    /// stored.
    fn flush(&mut self) {
        self.routes.flush(&self.local.broker.router);
        if let Some(storing) = &mut self.storing {
            storing.submit();
        }
    }

    /// Submits changes, and takes the step when they, and all before them, are
    /// stored.
    pub(super) fn store(&mut self, changes: impl IntoIterator<Item = Change>, then: Option<Step>) {
        if let Some(storing) = &mut self.storing {
            storing.add(changes, then);
        }
    }

    fn poll_stored(&mut self, cx: &Context<'_>) -> bool {
        let Some(storing) = &mut self.storing else {
            return false;
        };
        let mut is_busy = false;
        while let Some(step) = storing.poll(cx) {
            is_busy = true;
            match step {
                Step::Acknowledge(qos, id, reason) => {
                    self.client.acknowledge(qos, id, reason, self.now);
                }
                Step::Transmit(id) => self.client.transmit(id, self.now),
                Step::Release(id) => self.client.release(id),
                Step::Complete(id) => self.client.complete(id),
                Step::SubAck(_) | Step::UnsubAck(_) => {
                    unreachable!("nobody subscribes over a bridge")
                }
            }
        }
        is_busy
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut is_busy = false;
        loop {
            while self.writing.is_empty() && self.gather(cx) {}
            if self.writing.is_empty() {
                if self.is_unflushed {
                    self.poll_flush(cx)?;
                }
                return Ok(is_busy);
            }
            self.is_unflushed = true;
            let slices: Vec<_> = self.writing.iter().map(|c| IoSlice::new(c)).collect();
            match Pin::new(&mut self.stream).poll_write_vectored(cx, &slices) {
                Poll::Pending => {
                    self.collect_output();
                    self.poll_flush(cx)?;
                    return Ok(is_busy);
                }
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Err(End::Closed),
                Poll::Ready(Ok(written)) => {
                    is_busy = true;
                    self.tally.bytes_sent += written as u64;
                    self.local.state.outbox.note_progress();
                    advance(&mut self.writing, written);
                }
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => {
                self.is_unflushed = self.writing.iter().any(|chunk| !chunk.is_empty());
                Ok(())
            }
            Poll::Ready(Err(_)) => Err(End::Closed),
        }
    }

    /// Collects all that can be sent now. Tells whether the outbox had
    /// anything; if not, the task is woken when it has.
    fn gather(&mut self, cx: &Context<'_>) -> bool {
        if !self.client.is_connected() {
            self.collect_output();
            return false;
        }
        let mut took_some = false;
        while self.client.output().len() < MAX_ENCODED
            && let Some(delivery) = self
                .local
                .backlog
                .pop_front_if(|d| d.qos == QoS::AtMostOnce || self.client.window() > 0)
        {
            took_some = true;
            self.send(delivery);
        }
        // What is live may replace what is retained, so it comes behind it.
        if self.local.backlog.is_empty() {
            let window = Window {
                messages: self.client.window(),
                bytes: usize::MAX,
                is_idle: true,
            };
            let (mut chunks, mut deliveries) = (VecDeque::new(), Vec::new());
            let outbox = &self.local.state.outbox;
            outbox.take(window, &mut chunks, &mut deliveries, cx);
            debug_assert!(chunks.is_empty(), "only the bridge can encode");
            took_some |= !deliveries.is_empty();
            for mut delivery in deliveries {
                match renamed(&self.local.config, &delivery.message) {
                    Some(message) => {
                        delivery.message = message;
                        self.send(delivery);
                    }
                    None => self.done(&delivery),
                }
            }
        }
        if let Some(storing) = &mut self.storing {
            storing.submit();
        }
        self.collect_output();
        took_some
    }

    /// Sends a delivery whose topic is the other broker's.
    fn send(&mut self, mut delivery: Delivery) {
        let number = delivery.token;
        let was_stored = delivery.qos > QoS::AtMostOnce && number > 0;
        delivery.qos = delivery.qos.min(self.terms.max_qos);
        delivery.retain &= self.terms.retains;
        delivery.subscription_identifiers = None;
        let (qos, payload) = (delivery.qos, delivery.message.payload.len() as u64);
        let stored = self.local.state.stored.as_ref().map(|stored| stored.id);
        let published = self.client.publish(delivery, self.now);
        if let (Some(id), true) = (stored, was_stored) {
            match published {
                Ok(Some(packet_id)) => {
                    let sent = Change::Sent(id, number, Sent::Published(packet_id));
                    // Not before its packet identifier is stored.
                    let transmit = Step::Transmit(packet_id);
                    self.store([sent], (qos == QoS::ExactlyOnce).then_some(transmit));
                }
                _ => self.store([Change::Done(id, number)], None),
            }
        }
        if published.is_ok() {
            self.active_at = self.now;
            self.tally.publishes_sent += 1;
            self.tally.payload_sent += payload;
        } else {
            self.local.broker.router.count_dropped(1);
        }
    }

    /// Nothing more is to be done for a delivery.
    fn done(&mut self, delivery: &Delivery) {
        if delivery.qos > QoS::AtMostOnce {
            self.delivered(delivery.token);
        }
        self.local.broker.router.count_dropped(1);
    }

    /// Moves what the protocol has encoded to what is being written.
    fn collect_output(&mut self) {
        let output = self.client.output();
        if output.is_empty() {
            return;
        }
        let output = std::mem::take(output);
        if log::is_debug() {
            log::packets::sent(&self.local.id, self.client.version(), &output);
        }
        self.writing.push_back(output);
    }

    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let idle = (self.local.config.start == Start::Lazy && self.since.is_some())
            .then(|| self.active_at + self.local.config.idle_timeout);
        if idle.is_some_and(|at| at <= self.now) {
            return Err(End::Idle);
        }
        let due = self.client.poll_timeout();
        if due.is_some_and(|at| at <= self.now) {
            self.client.handle_timeout(self.now)?;
            return Ok(true);
        }
        let next = [due, idle, self.held_until].into_iter().flatten().min();
        let Some(next) = next else {
            return Ok(false);
        };
        let at = self.local.broker.clock.instant(next);
        if self.sleep.deadline() != at {
            self.sleep.as_mut().reset(at);
        }
        Ok(self.sleep.as_mut().poll(cx).is_ready())
    }

    /// Says goodbye in good order. Whoever is told of the bridge's state at the
    /// other broker is told by its will.
    pub(super) async fn close(&mut self) {
        let wants_will = self.local.config.notifications == Notifications::Both;
        let reason = match (wants_will, self.client.version().is_v5()) {
            (true, true) => Some(ReasonCode::DisconnectWithWill),
            (true, false) => None,
            (false, _) => Some(ReasonCode::Success),
        };
        if let Some(reason) = reason
            && self.client.is_connected()
        {
            // It has no properties that could be too long.
            let _ = self.client.disconnect(Disconnect::new(reason));
        }
        self.collect_output();
        let _ = tokio::time::timeout(LINGER, async {
            while let Some(chunk) = self.writing.pop_front() {
                self.stream.write_all(&chunk).await?;
            }
            self.stream.shutdown().await
        })
        .await;
    }

    /// What outlives the connection.
    pub(super) fn into_session(self) -> Session {
        self.client.into_session()
    }
}

/// Removes what was written.
fn advance(writing: &mut VecDeque<BytesMut>, mut written: usize) {
    while let Some(chunk) = writing.front_mut() {
        if written < chunk.len() {
            chunk.advance(written);
            return;
        }
        written -= chunk.len();
        writing.pop_front();
    }
}

/// A CONNACK with a code that 3.x does not have is a refusal all the same.
fn refused_or(error: DecodeError, is_v5: bool) -> End {
    match error {
        DecodeError::ReasonCode {
            packet: PacketType::ConnAck,
            ..
        } if !is_v5 => End::Refused("unknown reason".into()),
        error => Violation::from(error).into(),
    }
}
