//! From HTTP to WebSocket (RFC 6455, section 4.2; MQTT 5.0, section 6).

use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::answer::{Answer, set, text};
use crate::config::Listener;
use crate::connection::Peer;
use crate::log::notice;

/// A WebSocket is granted. To hyper this is an error: it stops where the
/// request ends, and gives the stream back.
#[derive(Debug, thiserror::Error)]
#[error("the connection becomes a WebSocket")]
pub(super) struct Upgrade {
    accept: String,
    protocol: &'static str,
}

impl Upgrade {
    /// The head that answers the request, letter by letter as Mosquitto writes
    /// it: there are devices that look for these words and no others.
    pub(super) fn answer(&self) -> String {
        let Self { accept, protocol } = self;
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        )
    }
}

/// Whether a request is to make its connection a WebSocket.
pub(super) fn is_asked_for(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    *request.method() == Method::GET
        && request.version() >= Version::HTTP_11
        && has_token(headers, header::UPGRADE, "websocket")
        && has_token(headers, header::CONNECTION, "upgrade")
        // Behind the request come frames.
        && request.body().is_end_stream()
}

/// Whether a header that is a list contains `token`, in any case.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        let mut tokens = value.to_str().unwrap_or_default().split(',');
        tokens.any(|t| t.trim().eq_ignore_ascii_case(token))
    })
}

/// Grants a WebSocket on any path, for the subprotocol `mqtt`
/// \[MQTT-6.0.0-3\], or what clients of MQTT 3.1 ask for; an error is the
/// answer that refuses it.
pub(super) fn check(
    headers: &HeaderMap,
    listener: &Listener,
    peer: &Peer,
) -> Result<Upgrade, Box<Answer>> {
    let Peer { address, port, .. } = peer;
    if let Err(origin) = check_origin(headers, &listener.origins) {
        notice!(
            "Refused a WebSocket from {address} on port {port}: origin {origin} is not in \
             websockets_origin."
        );
        return refuse(
            StatusCode::FORBIDDEN,
            "pages of this origin may not connect\n",
        );
    }
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let mut answer = text(StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 only\n");
        set(&mut answer, header::SEC_WEBSOCKET_VERSION, "13");
        return Err(Box::new(answer));
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing\n");
    };
    let protocol = ["mqtt", "mqttv3.1"]
        .into_iter()
        .find(|p| has_token(headers, header::SEC_WEBSOCKET_PROTOCOL, p));
    let Some(protocol) = protocol else {
        notice!(
            "Refused a WebSocket from {address} on port {port}: it is not for subprotocol mqtt."
        );
        return refuse(
            StatusCode::BAD_REQUEST,
            "Sec-WebSocket-Protocol must be mqtt\n",
        );
    };
    Ok(Upgrade {
        accept: derive_accept_key(key.as_bytes()),
        protocol,
    })
}

fn refuse(status: StatusCode, why: &'static str) -> Result<Upgrade, Box<Answer>> {
    Err(Box::new(text(status, why)))
}

/// Whether a page of that origin may connect; an error gives the origin.
///
/// Browsers say where a page comes from, and cannot be made to say something
/// else; what is no browser need not say it. A page of another origin gains
/// nothing that the browser would add for it: the login is in CONNECT, not in
/// a cookie. So any may, as in Mosquitto, unless some are named.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), String> {
    if allowed.is_empty() {
        return Ok(());
    }
    for origin in headers.get_all(header::ORIGIN) {
        if !allowed
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes())
        {
            return Err(String::from_utf8_lossy(origin.as_bytes()).into());
        }
    }
    Ok(())
}
