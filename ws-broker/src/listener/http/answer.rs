//! Answers, and what is in them.

use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::buf::Reader;
use bytes::{Buf as _, Bytes, BytesMut};
use flate2::bufread::GzDecoder;
use http_body_util::{Either, Full};
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

/// How much of a file is in memory at a time.
const CHUNK: usize = 64 << 10;

pub(super) type Body = Either<Full<Bytes>, Either<FileBody, Unpacked>>;
pub(super) type Answer = Response<Body>;

/// A file that is read while it is sent.
#[derive(Debug)]
pub(super) struct FileBody {
    file: File,
    left: u64,
}

impl hyper::body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let len = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
        let mut chunk = BytesMut::zeroed(len);
        let mut buf = ReadBuf::new(&mut chunk);
        if let Err(error) = ready!(Pin::new(&mut self.file).poll_read(cx, &mut buf)) {
            return Poll::Ready(Some(Err(error)));
        }
        let read = buf.filled().len();
        if read == 0 {
            // It is shorter than it was.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        chunk.truncate(read);
        self.left -= read as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A file in gzip that is unpacked while it is sent, so that no more of it is in
/// memory than whoever asks for it has read.
#[derive(Debug)]
pub(super) struct Unpacked {
    gzip: Box<GzDecoder<Reader<Bytes>>>,
    left: u64,
}

impl hyper::body::Body for Unpacked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let len = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
        let mut chunk = BytesMut::zeroed(len);
        if let Err(error) = self.gzip.read_exact(&mut chunk) {
            return Poll::Ready(Some(Err(error)));
        }
        self.left -= len as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The first `len` bytes of a file.
pub(super) fn file(file: File, len: u64) -> Body {
    Either::Right(Either::Left(FileBody { file, left: len }))
}

/// What is in a file in gzip, which ends with its length (RFC 1952, 2.3.1).
pub(super) fn unpacked(gzip: Bytes) -> Body {
    let len = gzip.last_chunk().copied().map_or(0, u32::from_le_bytes);
    Either::Right(Either::Right(Unpacked {
        gzip: Box::new(GzDecoder::new(gzip.reader())),
        left: len.into(),
    }))
}

/// What is all in memory.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// An answer without anything in it.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(full(Bytes::new()));
    debug_assert!(answer.body().is_end_stream());
    *answer.status_mut() = status;
    answer
}

/// An answer in plain text.
pub(super) fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = empty(status);
    *answer.body_mut() = full(text);
    set(
        &mut answer,
        header::CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    set(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &'static str) {
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

/// What kind of file has that name.
pub(super) fn content_type(name: &str) -> HeaderValue {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let kind = if kind.type_() == mime_guess::mime::TEXT {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_a_kind() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b.js", "text/javascript; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("page_bg.wasm", "application/wasm"),
            ("icon.svg", "image/svg+xml"),
            ("icon.png", "image/png"),
            ("favicon.ico", "image/x-icon"),
            ("app.webmanifest", "application/manifest+json"),
            ("data.json", "application/json"),
            ("robots.txt", "text/plain; charset=utf-8"),
            ("README", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), kind, "{name}");
        }
    }
}
