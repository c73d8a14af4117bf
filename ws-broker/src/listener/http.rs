//! The WebSocket port: HTTP, WebSocket upgrades, the dashboard.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{page, websocket};
use crate::broker::Broker;
use crate::config::Listener;
use crate::connection::{Connection, Peer};
use crate::listener::Place;
use crate::log::notice;

/// How long a browser may take to send a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) type Answer = Response<Full<Bytes>>;

/// Serves one connection of a browser, until it closes or the WebSocket that
/// it becomes does.
pub(super) async fn serve<S>(broker: Arc<Broker>, listener: Arc<Listener>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (upgraded, mut upgrades) = tokio::sync::mpsc::channel(1);
    let config = websocket::config(broker.settings().config.max_packet_size);
    let service = service_fn(|mut request| {
        let answer = answer(&broker, &request);
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let _ = upgraded.try_send(hyper::upgrade::on(&mut request));
        }
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    // A browser that goes away in the middle is no news.
    if served.is_err() {
        return;
    }
    let Ok(upgrade) = upgrades.try_recv() else {
        return;
    };
    let Ok(stream) = upgrade.await else {
        return;
    };
    let socket =
        WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config)).await;
    let place = Place::new(&broker, None);
    let stream = websocket::ByteStream::new(socket);
    Connection::new(broker, listener, stream, peer, place).await;
}

fn answer(broker: &Broker, request: &Request<Incoming>) -> Answer {
    if is_upgrade(request.headers()) {
        return upgrade(request);
    }
    match *request.method() {
        Method::GET | Method::HEAD if request.uri().path() == "/ca.crt" => authority(broker),
        Method::GET | Method::HEAD => page::get(request.uri().path(), request.headers()),
        _ => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
            set(&mut answer, header::ALLOW, "GET, HEAD");
            answer
        }
    }
}

/// The certificate that a device is to trust, so that it offers to install it.
fn authority(broker: &Broker) -> Answer {
    let Some(certificate) = broker.settings().http_ca.clone() else {
        return text(StatusCode::NOT_FOUND, "there is no http_cafile\n");
    };
    let mut answer = Response::new(Full::new(certificate));
    set(
        &mut answer,
        header::CONTENT_TYPE,
        "application/x-x509-ca-cert",
    );
    set(&mut answer, header::CACHE_CONTROL, "no-store");
    set(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, header::UPGRADE, "websocket")
        && has_token(headers, header::CONNECTION, "upgrade")
}

/// Whether a header that is a list contains `token`, in any case.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        let mut tokens = value.to_str().unwrap_or_default().split(',');
        tokens.any(|t| t.trim().eq_ignore_ascii_case(token))
    })
}

/// Accepts a WebSocket on any path, for the subprotocol `mqtt`
/// \[MQTT-6.0.0-3\], or what clients of MQTT 3.1 ask for.
fn upgrade(request: &Request<Incoming>) -> Answer {
    let headers = request.headers();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let mut answer = text(StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 only\n");
        set(&mut answer, header::SEC_WEBSOCKET_VERSION, "13");
        return answer;
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return text(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing\n");
    };
    let protocols = header::SEC_WEBSOCKET_PROTOCOL;
    let protocol = ["mqtt", "mqttv3.1"]
        .into_iter()
        .find(|p| has_token(headers, protocols.clone(), p));
    let Some(protocol) = protocol else {
        notice!("Refused a WebSocket without subprotocol mqtt.");
        return text(
            StatusCode::BAD_REQUEST,
            "Sec-WebSocket-Protocol must be mqtt\n",
        );
    };
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    set(&mut answer, header::CONNECTION, "Upgrade");
    set(&mut answer, header::UPGRADE, "websocket");
    set(&mut answer, protocols, protocol);
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        answer
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

/// An answer in plain text.
pub(super) fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
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
