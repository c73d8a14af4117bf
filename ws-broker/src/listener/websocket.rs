//! MQTT over WebSocket (section 6): binary frames as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The most that goes into one frame: what a browser takes in one event.
const MAX_FRAME: usize = 64 << 10;

/// A WebSocket that is read and written as bytes: packets need not align with
/// frames \[MQTT-6.0.0-2\], and each write is one frame.
pub(super) struct ByteStream<S> {
    socket: WebSocketStream<S>,
    /// What is left of the frame last received.
    frame: Bytes,
    /// Whether a frame was put into the socket and not yet flushed.
    is_unflushed: bool,
}

/// How large frames and messages may be. A frame may be as large as a packet,
/// and hold several.
pub(super) fn config(max_packet_size: usize) -> WebSocketConfig {
    let limit = max_packet_size.saturating_add(MAX_FRAME);
    WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * MAX_FRAME)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit))
}

impl<S> ByteStream<S> {
    pub(super) const fn new(socket: WebSocketStream<S>) -> Self {
        Self {
            socket,
            frame: Bytes::new(),
            is_unflushed: false,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut has_read = false;
        // Many small frames that are there already are one read.
        while buf.remaining() > 0 {
            if self.frame.is_empty() {
                match Pin::new(&mut self.socket).poll_next(cx) {
                    Poll::Pending if has_read => break,
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(Message::Binary(frame)))) => self.frame = frame,
                    Poll::Ready(Some(Ok(Message::Text(_)))) => {
                        return Poll::Ready(Err(text_frame()));
                    }
                    // Reading on answers a close, and then comes to the end.
                    Poll::Ready(Some(Ok(
                        Message::Ping(_) | Message::Pong(_) | Message::Close(_),
                    ))) => {}
                    Poll::Ready(None | Some(Ok(Message::Frame(_)))) => break,
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(failure(error));
                    }
                }
                continue;
            }
            let len = self.frame.len().min(buf.remaining());
            buf.put_slice(&self.frame[..len]);
            self.frame.advance(len);
            has_read = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ByteStream<S> {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        frame: impl FnOnce() -> (Bytes, usize),
    ) -> Poll<io::Result<usize>> {
        // The socket holds one frame at a time, so that what waits for a slow
        // client is bounded by its outbox, not here.
        if self.is_unflushed {
            ready!(self.poll_flushed(cx))?;
        }
        let (frame, len) = frame();
        let sent = Pin::new(&mut self.socket).start_send(Message::Binary(frame));
        sent.map_err(io::Error::other)?;
        self.is_unflushed = true;
        if let Poll::Ready(Err(error)) = self.poll_flushed(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(len))
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.socket).poll_flush(cx));
        self.is_unflushed = false;
        Poll::Ready(flushed.map_err(io::Error::other))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ByteStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, || {
            let len = bytes.len().min(MAX_FRAME);
            (Bytes::copy_from_slice(&bytes[..len]), len)
        })
    }

    /// All that fits into one frame.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, || {
            let total: usize = slices.iter().map(|slice| slice.len()).sum();
            let len = total.min(MAX_FRAME);
            let mut frame = BytesMut::with_capacity(len);
            for slice in slices {
                let room = len - frame.len();
                frame.extend_from_slice(&slice[..slice.len().min(room)]);
            }
            (frame.freeze(), len)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flushed(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket)
            .poll_close(cx)
            .map_err(io::Error::other)
    }
}

/// MQTT comes in binary frames only \[MQTT-6.0.0-1\].
fn text_frame() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a WebSocket text frame")
}

fn failure(error: Error) -> io::Result<()> {
    match error {
        // The end of the stream, in more or less good order.
        Error::ConnectionClosed | Error::AlreadyClosed => Ok(()),
        Error::Io(error) => Err(error),
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => Ok(()),
        error => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}
