//! From bytes to packets.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use codec::{
    Connect, DecodeError, FixedHeader, Packet, PacketId, PacketType, Properties, Publish,
    PublishView, ReasonCode,
};
use protocol::server;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connection, End, Phase};
use crate::log;

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;
/// A client that does not read its answers is not read from either, beyond
/// this many bytes of them.
pub(super) const MAX_UNSENT: usize = 256 << 10;
/// Packets of this size and more are kept in the memory they were received
/// in; smaller ones are copied out, so that a small message that is kept does
/// not keep a large buffer.
const LARGE_PACKET: usize = 16 << 10;
/// A packet of which this much has come counts as a sign of life with every
/// part of it: on a slow line it may take longer than the keep alive.
const LONG_PACKET: usize = 1000;

thread_local! {
    /// Where all connections of a thread read to, so that an idle one needs no
    /// buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
}

/// Reads once, at most [`READ_SIZE`] bytes; 0 at the end of the stream.
fn poll_read_into<T: AsyncRead + Unpin>(
    stream: &mut T,
    scratch: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut buf = ReadBuf::new(scratch);
    ready!(Pin::new(stream).poll_read(cx, &mut buf))?;
    Poll::Ready(Ok(buf.filled().len()))
}

/// Reads once and throws away what came.
pub(super) fn poll_read_away<T: AsyncRead + Unpin>(
    stream: &mut T,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    SCRATCH.with_borrow_mut(|scratch| poll_read_into(stream, scratch, cx))
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Reads once, and handles every whole packet that is there; tells whether
    /// there was anything.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if !self.wants_input() {
            return Ok(false);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let len = match poll_read_into(&mut self.stream, scratch, cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(0)) => return Err(End::Closed),
                Poll::Ready(Ok(len)) => len,
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(End::Closed);
                }
                Poll::Ready(Err(error)) => return Err(End::Io(error)),
            };
            self.tally.bytes_received += len as u64;
            self.now = self.broker.clock.now();
            let read = &scratch[..len];
            if self.input.is_empty() {
                let used = self.process(read)?;
                self.input.extend_from_slice(&read[used..]);
            } else {
                self.input.extend_from_slice(read);
                // A message that is stored counts by itself.
                self.input_share.resize(0);
                self.process_input()?;
            }
            if self.input.len() > LONG_PACKET {
                self.server.handle_activity(self.now);
            }
            if !self.input_share.resize(self.input.len()) {
                self.disconnect(ReasonCode::QuotaExceeded);
                return Err(End::Full);
            }
            Ok(true)
        })
    }

    /// Whether more may be read: not while CONNECT waits for its answer, not
    /// while subscribers are to drain first, not from one that does not read,
    /// not while much is to be stored first, and not while it waits for
    /// answers.
    fn wants_input(&self) -> bool {
        let unsent: usize = self.writing.iter().map(bytes::BytesMut::len).sum();
        let is_full = self
            .storing
            .as_ref()
            .is_some_and(|storing| storing.is_full());
        self.server.takes_packets()
            && !self.routes.is_held()
            && unsent < MAX_UNSENT
            && !is_full
            && !self.is_asking()
    }

    /// Handles the whole packets that have been put aside.
    pub(super) fn process_input(&mut self) -> Result<(), End> {
        while self.takes_packets() && !self.input.is_empty() {
            let limit = self.server.limits().maximum_packet_size;
            let Some(header) = whole_packet(&mut self.server, &self.input, limit)? else {
                break;
            };
            if header.packet_len() >= LARGE_PACKET {
                let mut packet = self.input.split_to(header.packet_len()).freeze();
                packet.advance(header.len);
                self.tally.packets_received += 1;
                self.packet(header, &packet)?;
            } else {
                let mut input = std::mem::take(&mut self.input);
                let used = self.process(&input)?;
                input.advance(used);
                self.input = input;
            }
        }
        if self.input.is_empty() {
            self.input = bytes::BytesMut::new();
        }
        Ok(())
    }

    /// Handles the whole packets at the front of `bytes`; gives their length.
    fn process(&mut self, bytes: &[u8]) -> Result<usize, End> {
        let limit = self.server.limits().maximum_packet_size;
        let mut used = 0;
        while self.takes_packets() {
            let rest = &bytes[used..];
            let Some(header) = whole_packet(&mut self.server, rest, limit)? else {
                break;
            };
            let packet = &rest[..header.packet_len()];
            used += packet.len();
            self.tally.packets_received += 1;
            if !self.handle_in_place(header, packet)? {
                let body = Bytes::copy_from_slice(&packet[header.len..]);
                self.packet(header, &body)?;
            }
        }
        Ok(used)
    }

    fn takes_packets(&self) -> bool {
        self.server.takes_packets() && !matches!(self.phase, Phase::Closing { .. })
    }

    /// Handles what comes most, without decoding more of it than is needed: a
    /// PUBLISH without properties, and a PUBACK. False if it is something else.
    #[inline]
    fn handle_in_place(&mut self, header: FixedHeader, packet: &[u8]) -> Result<bool, End> {
        if !self.server.is_connected() || log::is_debug() {
            return Ok(false);
        }
        match header.packet_type {
            PacketType::PubAck => self.puback_in_place(packet),
            // Neither RETAIN nor DUP, and the topic is the router's.
            PacketType::Publish
                if header.flags & 0b1001 == 0
                    && header.is_shortest()
                    && self.server.mount().is_none() =>
            {
                let version = self.server.version();
                let view = PublishView::parse(header.flags, &packet[header.len..], version);
                let view = view.map_err(|error| self.malformed(error))?;
                // An empty topic stands for an alias.
                if !view.properties.is_empty() || view.topic.is_empty() {
                    return Ok(false);
                }
                match view.packet_id {
                    None => self.publish_in_place(&view, packet),
                    Some(packet_id) => self.publish_acknowledged(&view, packet_id),
                }
            }
            _ => Ok(false),
        }
    }

    fn malformed(&mut self, error: DecodeError) -> End {
        End::Violation(self.server.handle_decode_error(error))
    }

    /// A PUBACK without reason code.
    #[inline]
    fn puback_in_place(&mut self, packet: &[u8]) -> Result<bool, End> {
        let &[_, 2, high, low] = packet else {
            return Ok(false);
        };
        let Some(id) = PacketId::new(u16::from_be_bytes([high, low])) else {
            return Ok(false);
        };
        let token = self.server.handle_puback(id, self.now);
        if let Some(number) = token.map_err(End::Violation)? {
            self.delivered(number);
        }
        Ok(true)
    }

    /// Routes a QoS 0 PUBLISH from where it was received, without owning any
    /// of it.
    #[inline]
    fn publish_in_place(&mut self, view: &PublishView<'_>, packet: &[u8]) -> Result<bool, End> {
        if !self.is_size_allowed(view.payload.len()) {
            return Ok(false);
        }
        let version = self.server.version();
        let router = &self.broker.router;
        let now = self.now;
        let routed = self.routes.publish_view(router, view, packet, version, now);
        let violation = |violation| End::Violation(self.server.handle_violation(violation));
        if routed.map_err(violation)?.is_none() {
            return Ok(false);
        }
        self.tally.publishes_received += 1;
        self.tally.payload_received += view.payload.len() as u64;
        self.server.handle_activity(self.now);
        Ok(true)
    }

    /// A PUBLISH at QoS 1 or 2 to a topic that this client has published to
    /// before: its name is shared.
    fn publish_acknowledged(
        &mut self,
        view: &PublishView<'_>,
        packet_id: PacketId,
    ) -> Result<bool, End> {
        if !self.is_size_allowed(view.payload.len()) {
            return Ok(false);
        }
        let Some(topic) = self.routes.remembered(&self.broker.router, view.topic) else {
            return Ok(false);
        };
        self.tally.publishes_received += 1;
        self.tally.payload_received += view.payload.len() as u64;
        let now = self.now;
        let is_new = self.server.handle_publish(view.qos, packet_id, false, now);
        if is_new.map_err(End::Violation)? {
            self.publish(
                Publish {
                    dup: false,
                    qos: view.qos,
                    retain: false,
                    topic,
                    packet_id: Some(packet_id),
                    properties: Properties::new(),
                    payload: Bytes::copy_from_slice(view.payload),
                },
                now,
            )?;
        }
        Ok(true)
    }

    /// Whether a payload is within `message_size_limit`.
    pub(super) fn is_size_allowed(&self, payload: usize) -> bool {
        let limit = self.settings.config.message_size_limit;
        limit == 0 || payload <= limit
    }

    fn packet(&mut self, header: FixedHeader, body: &Bytes) -> Result<(), End> {
        let packet = match Packet::decode_body(header, body, self.server.version()) {
            Ok(packet) => packet,
            Err(error) if header.packet_type == PacketType::Connect => {
                let version = Connect::peek_version(body);
                return Err(End::Violation(
                    self.server.handle_connect_error(error, version),
                ));
            }
            Err(error) => return Err(End::Violation(self.server.handle_decode_error(error))),
        };
        if let Packet::Publish(publish) = &packet {
            self.tally.publishes_received += 1;
            self.tally.payload_received += publish.payload.len() as u64;
        }
        if log::is_debug()
            && let Phase::Connected(client) = &self.phase
        {
            log::packets::received(&client.id, &packet);
        }
        let now = self.now;
        match self.server.handle_packet(packet, now) {
            Ok(None) => Ok(()),
            Ok(Some(event)) => self.event(event, now),
            Err(violation) => Err(End::Violation(violation)),
        }
    }
}

/// The header of the packet at the front of `bytes`, if all of it is there.
#[inline]
fn whole_packet(
    server: &mut server::Connection,
    bytes: &[u8],
    limit: usize,
) -> Result<Option<FixedHeader>, End> {
    match FixedHeader::peek(bytes, limit) {
        Ok(Some(header)) => {
            server.handle_header(header).map_err(End::Violation)?;
            Ok((header.packet_len() <= bytes.len()).then_some(header))
        }
        Ok(None) => Ok(None),
        Err(error) => Err(End::Violation(server.handle_decode_error(error))),
    }
}
