use std::net::SocketAddr;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;

use super::client::Link;
use super::{Client, soon};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A WebSocket client that does what it is told, right or wrong.
pub(crate) struct WebSocket {
    stream: Box<dyn Link>,
    input: BytesMut,
    /// The head of the answer that opened it.
    pub(crate) head: String,
}

/// Sends a request, and gives the answer's head and body. The connection is
/// closed by the broker, or the length is in the head.
pub(crate) async fn request(address: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let stream = TcpStream::connect(address).await.expect("it accepts");
    request_over(stream, request).await
}

/// As [`request`], on a stream that is there already.
pub(crate) async fn request_over(mut stream: impl Link, request: &str) -> (String, Vec<u8>) {
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut input = BytesMut::new();
    let head = soon("an answer", head(&mut stream, &mut input)).await;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a number"));
    let has_body = !request.starts_with("HEAD") && !head.starts_with("HTTP/1.1 304");
    while has_body && input.len() < length {
        let read = soon("the body", stream.read_buf(&mut input)).await;
        assert!(read.expect("no reset") > 0, "the body is whole");
    }
    (head, input.to_vec())
}

/// The head of an answer. Names are in lower case, as hyper writes them, but
/// for those of a granted WebSocket.
async fn head(stream: &mut impl Link, input: &mut BytesMut) -> String {
    loop {
        if let Some(at) = input.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = input.split_to(at + 4);
            return String::from_utf8(head.to_vec()).expect("text");
        }
        let read = stream.read_buf(input).await.expect("no reset");
        assert!(read > 0, "closed without an answer: {input:?}");
    }
}

impl WebSocket {
    /// Opens a WebSocket for MQTT.
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        let socket = Self::ask(address, path, "Sec-WebSocket-Protocol: mqtt\r\n").await;
        assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
        socket
    }

    /// Asks for a WebSocket, with more headers.
    pub(crate) async fn ask(address: SocketAddr, path: &str, headers: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("it accepts");
        stream.set_nodelay(true).expect("a working socket");
        Self::ask_over(stream, path, headers).await
    }

    /// As [`WebSocket::ask`], on a stream that is there already.
    pub(crate) async fn ask_over(
        mut stream: impl Link + 'static,
        path: &str,
        headers: &str,
    ) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\n\
             Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        let mut input = BytesMut::new();
        let head = soon("an answer", head(&mut stream, &mut input)).await;
        Self {
            stream: Box::new(stream),
            input,
            head,
        }
    }

    /// Sends one frame, the last of its message.
    pub(crate) async fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.send_part(opcode, payload, true).await;
    }

    /// Sends one frame.
    pub(crate) async fn send_part(&mut self, opcode: u8, payload: &[u8], is_last: bool) {
        let frame = frame(opcode, payload, is_last);
        self.send_raw(&frame).await;
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        let sent = soon("the broker to read", self.stream.write_all(bytes)).await;
        sent.expect("the connection is open");
    }

    /// The next frame; `None` when the broker has closed.
    pub(crate) async fn receive(&mut self) -> Option<(u8, BytesMut)> {
        loop {
            if let Some(frame) = take_frame(&mut self.input) {
                return Some(frame);
            }
            let read = soon("a frame", self.stream.read_buf(&mut self.input)).await;
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// An MQTT client on this WebSocket; each of its writes is one frame.
    pub(crate) fn into_client(self) -> Client {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(self.bridge(far));
        Client::over(near)
    }

    async fn bridge(mut self, mut far: DuplexStream) {
        let mut output = BytesMut::with_capacity(1 << 16);
        loop {
            while let Some((opcode, payload)) = take_frame(&mut self.input) {
                if opcode == CLOSE {
                    return;
                }
                assert_eq!(opcode, BINARY, "[MQTT-6.0.0-4]");
                if far.write_all(&payload).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                read = self.stream.read_buf(&mut self.input) => {
                    if read.unwrap_or(0) == 0 {
                        return;
                    }
                }
                read = far.read_buf(&mut output) => {
                    if read.unwrap_or(0) == 0 {
                        let _ = self.stream.shutdown().await;
                        return;
                    }
                    self.send(BINARY, &output.split()).await;
                    output.reserve(1 << 16);
                }
            }
        }
    }
}

/// A client's frame. All frames of clients are masked; the mask is 0.
fn frame(opcode: u8, payload: &[u8], is_last: bool) -> BytesMut {
    let mut frame = BytesMut::with_capacity(payload.len() + 14);
    frame.put_u8(opcode | u8::from(is_last) << 7);
    match payload.len() {
        len @ 0..126 => frame.put_u8(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            frame.put_u8(0x80 | 126);
            frame.put_u16(len as u16);
        }
        len => {
            frame.put_u8(0x80 | 127);
            frame.put_u64(len as u64);
        }
    }
    frame.put_u32(0);
    frame.put_slice(payload);
    frame
}

/// Takes a server's frame, which is whole and not masked.
fn take_frame(input: &mut BytesMut) -> Option<(u8, BytesMut)> {
    let mut rest = &input[..];
    let first = rest.try_get_u8().ok()?;
    assert_eq!(first & 0xf0, 0x80, "one frame is one message");
    let len = match rest.try_get_u8().ok()? {
        126 => usize::from(rest.try_get_u16().ok()?),
        127 => usize::try_from(rest.try_get_u64().ok()?).expect("a length"),
        len => usize::from(len),
    };
    if rest.len() < len {
        return None;
    }
    let header = input.len() - rest.len();
    input.advance(header);
    Some((first & 0x0f, input.split_to(len)))
}
