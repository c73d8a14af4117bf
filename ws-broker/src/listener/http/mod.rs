//! The WebSocket port: HTTP, WebSocket upgrades, the dashboard.

mod answer;
mod coding;
mod folder;
mod metrics;
mod page;
mod upgrade;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::websocket;
use crate::broker::Broker;
use crate::config::Listener;
use crate::connection::{Connection, Peer};
use crate::listener::Place;
use answer::{Answer, empty, full, set, text};
use upgrade::Upgrade;

/// How long a browser may take to send a request, and to think of the next.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest head of a request, unless `websockets_headers_size` says
/// otherwise; and the least that is read of one.
const HEAD_SIZE: usize = 16 << 10;
const LEAST_HEAD_SIZE: usize = 8 << 10;

/// What one connection of a browser is served with.
struct Site {
    broker: Arc<Broker>,
    listener: Arc<Listener>,
    peer: Peer,
    /// The longest head of a request, bytes.
    head_size: usize,
}

/// Serves one connection of a browser, until it closes or the WebSocket that
/// it becomes does.
pub(super) async fn serve<S>(broker: Arc<Broker>, listener: Arc<Listener>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let settings = broker.settings();
    let config = websocket::config(settings.config.max_packet_size);
    let head_size = settings.config.http_head_size.unwrap_or(HEAD_SIZE);
    drop(settings);
    let site = Arc::new(Site {
        broker,
        listener,
        peer,
        head_size,
    });
    // In a box, which a WebSocket need not keep.
    let Some((stream, early)) = Box::pin(requests(stream, site.clone())).await else {
        return;
    };
    let Some(Site {
        broker,
        listener,
        peer,
        ..
    }) = Arc::into_inner(site)
    else {
        return;
    };
    let socket =
        WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await;
    let place = Place::new(&broker, None);
    let stream = websocket::ByteStream::new(socket);
    Connection::new(broker, listener, stream, peer, place).await;
}

/// Answers requests, until one makes the connection a WebSocket: gives the
/// stream, and what the client has sent behind that request.
async fn requests<S>(stream: S, site: Arc<Site>) -> Option<(S, Vec<u8>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head_size = site.head_size.max(LEAST_HEAD_SIZE);
    let service = service_fn(|request| {
        let site = site.clone();
        Box::pin(async move { site.answer(&request).await })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .max_buf_size(head_size)
        .serve_connection(TokioIo::new(stream), service);
    let error = (&mut connection).await.err()?;
    // Another is a browser's that goes away in the middle, which is no news.
    let answer = error.source()?.downcast_ref().map(Upgrade::answer)?;
    let http1::Parts { io, read_buf, .. } = connection.into_parts();
    let mut stream = io.into_inner();
    let answered = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await
    };
    let answered = tokio::time::timeout(REQUEST_TIMEOUT, answered).await;
    answered.ok()?.ok()?;
    Some((stream, read_buf.to_vec()))
}

impl Site {
    async fn answer(&self, request: &Request<Incoming>) -> Result<Answer, Upgrade> {
        if head_len(request) > self.head_size {
            return Ok(text(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the head of the request is too long\n",
            ));
        }
        if upgrade::is_asked_for(request) {
            return match upgrade::check(request.headers(), &self.listener, &self.peer) {
                Ok(upgrade) => Err(upgrade),
                Err(refusal) => Ok(*refusal),
            };
        }
        Ok(self.page(request).await)
    }

    /// The answer to what is no upgrade.
    async fn page(&self, request: &Request<Incoming>) -> Answer {
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
            set(&mut answer, header::ALLOW, "GET, HEAD");
            return answer;
        }
        match (request.uri().path(), &self.listener.http_dir) {
            ("/health", _) => self.health(),
            ("/metrics", _) => self.metrics(request.headers()).await,
            ("/ca.crt", None) => self.authority(),
            ("/ca.crt", _) if self.broker.settings().http_ca.is_some() => self.authority(),
            (path, Some(folder)) => folder::get(folder, path, request.headers()).await,
            (path, None) => page::get(path, request.headers()),
        }
    }

    /// The certificate that a device is to trust, so that it offers to install
    /// it.
    fn authority(&self) -> Answer {
        let Some(certificate) = self.broker.settings().http_ca.clone() else {
            return text(StatusCode::NOT_FOUND, "there is no http_cafile\n");
        };
        let mut answer = empty(StatusCode::OK);
        *answer.body_mut() = full(certificate);
        set(
            &mut answer,
            header::CONTENT_TYPE,
            "application/x-x509-ca-cert",
        );
        set(&mut answer, header::CACHE_CONTROL, "no-store");
        set(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        answer
    }

    /// Whether the broker does all that it should.
    fn health(&self) -> Answer {
        let journal = self.broker.router.journal();
        let mut answer = if journal.is_some_and(|journal| journal.is_failing()) {
            text(
                StatusCode::SERVICE_UNAVAILABLE,
                "what is to be stored cannot be\n",
            )
        } else {
            text(StatusCode::OK, "ok\n")
        };
        set(&mut answer, header::CACHE_CONTROL, "no-store");
        answer
    }
}

/// The length of a request's head, or a little less.
fn head_len(request: &Request<Incoming>) -> usize {
    let headers = request.headers().iter();
    let fields = headers.map(|(name, value)| name.as_str().len() + ": \r\n".len() + value.len());
    let uri = request.uri();
    let target = uri
        .path_and_query()
        .map_or(1, |target| target.as_str().len());
    let line = request.method().as_str().len() + target + "  HTTP/1.1\r\n".len();
    line + fields.sum::<usize>() + "\r\n".len()
}

#[cfg(test)]
mod tests;
