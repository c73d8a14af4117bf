//! From HTTP to WebSocket (RFC 6455, section 4.2; MQTT 5.0, section 6).

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::answer::{Answer, empty, set, text};
use crate::config::Listener;
use crate::connection::Peer;
use crate::log::notice;

pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
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
pub(super) fn answer(headers: &HeaderMap, listener: &Listener, peer: &Peer) -> Answer {
    let Peer { address, port, .. } = peer;
    if let Err(origin) = check_origin(headers, &listener.origins) {
        notice!(
            "Refused a WebSocket from {address} on port {port}: origin {origin} is not in \
             websockets_origin."
        );
        return text(
            StatusCode::FORBIDDEN,
            "pages of this origin may not connect\n",
        );
    }
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
        notice!(
            "Refused a WebSocket from {address} on port {port}: it is not for subprotocol mqtt."
        );
        return text(
            StatusCode::BAD_REQUEST,
            "Sec-WebSocket-Protocol must be mqtt\n",
        );
    };
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
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
