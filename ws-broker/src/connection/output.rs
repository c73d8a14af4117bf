//! From what waits to bytes on the wire.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use codec::{FixedHeader, QoS};
use protocol::{Delivery, PublishError, server};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stored::Step;
use super::{Connection, End, Phase};
use crate::counters::Tally;
use crate::log;
use crate::outbox::Window;
use crate::store::{Change, Sent};

/// Chunks written by one system call.
const MAX_SLICES: usize = 64;
/// Deliveries are encoded until this many bytes wait to be written.
const MAX_ENCODED: usize = 256 << 10;

/// Writes once; removes what was written, and gives its length. `writing` is
/// not empty.
pub(super) fn poll_write_some<T: AsyncWrite + Unpin>(
    stream: &mut T,
    writing: &mut VecDeque<BytesMut>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    let written = if let [chunk] = writing.make_contiguous() {
        stream.poll_write(cx, chunk)
    } else {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(writing.iter()) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        stream.poll_write_vectored(cx, &slices[..count])
    };
    let total = ready!(written)?;
    let mut written = total;
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    while let Some(chunk) = writing.front_mut() {
        if written < chunk.len() {
            chunk.advance(written);
            break;
        }
        written -= chunk.len();
        writing.pop_front();
    }
    Poll::Ready(Ok(total))
}

/// What `limit`, `max_inflight_bytes`, leaves for publishes to come.
fn bytes_window(server: &server::Connection, limit: usize) -> Window {
    let mut window = Window {
        messages: 0,
        bytes: usize::MAX,
        is_idle: true,
    };
    if limit > 0 {
        let inflight = server.inflight_bytes();
        window.bytes = limit.saturating_sub(inflight);
        window.is_idle = inflight == 0;
    }
    window
}

/// How many packets `encoded` holds, all whole.
fn count_packets(encoded: &[u8]) -> u64 {
    let mut rest = encoded;
    let mut count = 0;
    while let Ok(Some(header)) = FixedHeader::peek(rest, usize::MAX) {
        count += 1;
        rest = rest.get(header.packet_len()..).unwrap_or_default();
    }
    count
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Takes what waits, and writes as much as can be written; tells whether
    /// anything was.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut is_busy = false;
        loop {
            // What was taken may all have expired or be too large.
            while self.writing.is_empty() && self.gather(cx) {}
            if self.writing.is_empty() {
                if self.is_unflushed {
                    self.poll_flush(cx)?;
                }
                return Ok(is_busy);
            }
            self.is_unflushed = true;
            match poll_write_some(&mut self.stream, &mut self.writing, cx) {
                Poll::Pending => {
                    // Acknowledgements pile up behind what is being written:
                    // they are counted, so that reading stops in time.
                    self.collect_own_output();
                    return self.poll_flush(cx).map(|()| is_busy);
                }
                Poll::Ready(Ok(written)) => {
                    is_busy = true;
                    self.tally.bytes_sent += written as u64;
                    if let Phase::Connected(client) = &self.phase {
                        client.state.outbox.note_progress();
                    }
                }
                Poll::Ready(Err(_)) => return Err(End::Closed),
            }
            if self.writing.is_empty() {
                self.poll_flush(cx)?;
            }
        }
    }

    /// Streams that frame or encrypt may hold something back; the task is woken
    /// when they can go on with it.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => {
                self.is_unflushed = false;
                Ok(())
            }
            Poll::Ready(Err(_)) => Err(End::Closed),
        }
    }

    /// Collects all that can be sent now. Tells whether the outbox had
    /// anything; if not, the task is woken when it has.
    fn gather(&mut self, cx: &Context<'_>) -> bool {
        let Phase::Connected(client) = &mut self.phase else {
            self.collect_own_output();
            return false;
        };
        let now = self.broker.clock.now();
        let mut lost = 0;
        let mut sent = Tally::default();
        let stored = client.state.stored.as_ref().map(|stored| stored.id);
        let outbox = &client.state.outbox;
        let (mut changes, mut transmits) = (Vec::new(), Vec::new());
        let mut send = |server: &mut server::Connection, delivery: Delivery| {
            let payload = delivery.message.payload.len() as u64;
            let (qos, number) = (delivery.qos, delivery.token);
            let published = server.publish(delivery, now);
            if let (Some(id), true) = (stored, qos > QoS::AtMostOnce) {
                changes.push(match published {
                    Ok(Some(packet_id)) => Change::Sent(id, number, Sent::Published(packet_id)),
                    _ => {
                        outbox.forget(number);
                        Change::Done(id, number)
                    }
                });
                // Not before its packet identifier is stored.
                let transmit = published.ok().flatten();
                transmits.extend(transmit.filter(|_| qos == QoS::ExactlyOnce));
            }
            match published {
                Ok(_) => {
                    sent.publishes_sent += 1;
                    sent.payload_sent += payload;
                }
                Err(error) => {
                    debug_assert!(matches!(
                        error,
                        PublishError::Expired | PublishError::TooLarge | PublishError::Hidden
                    ));
                    lost += u64::from(error != PublishError::Hidden);
                }
            }
        };
        while self.server.output().len() < MAX_ENCODED
            && let Some(delivery) = self
                .backlog
                .pop_front_if(|d| d.qos == QoS::AtMostOnce || self.server.window() > 0)
        {
            send(&mut self.server, delivery);
        }
        let window = if self.backlog.is_empty() {
            self.server.window()
        } else {
            0
        };
        let window = Window {
            messages: window,
            ..bytes_window(&self.server, self.settings.config.max_inflight_bytes)
        };
        let mut chunks = VecDeque::new();
        let mut deliveries = Vec::new();
        // What is live may replace what is retained, so it comes behind it.
        let is_behind = !self.backlog.is_empty() && self.server.output().len() >= MAX_ENCODED;
        if !is_behind {
            let qos0 = outbox.take(window, &mut chunks, &mut deliveries, cx);
            self.tally.packets_sent += u64::from(qos0.messages);
            self.tally.publishes_sent += u64::from(qos0.messages);
            self.tally.payload_sent += u64::from(qos0.payload);
        }
        let took_some = !deliveries.is_empty() || !chunks.is_empty();
        for delivery in deliveries {
            send(&mut self.server, delivery);
        }
        if !changes.is_empty() {
            self.store(changes, None);
            for packet_id in transmits {
                self.store([], Some(Step::Transmit(packet_id)));
            }
            if let Some(storing) = &mut self.storing {
                storing.submit();
            }
        }
        self.tally += sent;
        self.broker.router.count_dropped(lost);
        self.collect_own_output();
        if log::is_debug()
            && let Phase::Connected(client) = &self.phase
        {
            for chunk in &chunks {
                log::packets::sent(&client.id, self.server.version(), chunk);
            }
        }
        self.writing.append(&mut chunks);
        took_some
    }

    /// Moves what the protocol has encoded to what is being written.
    fn collect_own_output(&mut self) {
        match &self.phase {
            Phase::Connected(client) => {
                let id = client.id.clone();
                self.collect_output(&id);
            }
            _ => self.collect_output(""),
        }
    }

    /// As above, for the log lines of `client`; of one without a name it is the
    /// address that they have.
    pub(super) fn collect_output(&mut self, client: &str) {
        let output = self.server.output();
        if output.is_empty() {
            return;
        }
        let output = std::mem::take(output);
        self.tally.packets_sent += count_packets(&output);
        if log::is_debug() {
            let address;
            let client = if client.is_empty() {
                address = self.control.address.without_port();
                &address
            } else {
                client
            };
            log::packets::sent(client, self.server.version(), &output);
        }
        self.writing.push_back(output);
    }
}
