//! What to do about an error.

use codec::ReasonCode;

use crate::{Error, Operation};

impl Error {
    /// What to look at or to do, in a sentence or two; `None` where the error
    /// says it all.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Unreachable { url } | Self::ConnectTimeout { url, .. } => {
                Some(about_address(url))
            }
            Self::Blocked { url, reason } => Some(about_refusal(url, reason)),
            Self::Refused {
                operation, reason, ..
            } => about_reason(*operation, *reason).map(str::to_owned),
            Self::Disconnected { reason, .. } => about_end(*reason).map(str::to_owned),
            other => about_use(other).map(str::to_owned),
        }
    }
}

/// The host, the port if there is one, and the path of a URL.
fn parts(url: &str) -> (&str, Option<&str>, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // An IPv6 address has colons of its own, in brackets.
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port), path),
        _ => (authority, None, path),
    }
}

/// Nothing came back. A browser does not tell a page why; its console often
/// tells the user.
fn about_address(url: &str) -> String {
    let (host, port, path) = parts(url);
    if matches!(port, Some("1883" | "8883")) {
        return format!(
            "port {} is for MQTT over TCP, which browsers do not speak: use the broker's port \
             for WebSockets (often 9001, 8083 or 8084; in mosquitto.conf: `listener 9001`, \
             then `protocol websockets`)",
            port.unwrap_or_default(),
        );
    }
    let mut advice = String::from("look into the browser's console, which often says more");
    if url.starts_with("wss:") {
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        advice += &format!(
            "; open https://{host}{port}/ in this browser: if it warns of the certificate, that \
             is the reason"
        );
    }
    if matches!(path, "" | "/") {
        advice += "; many brokers want the path /mqtt";
    }
    advice
}

/// The browser does not even try.
fn about_refusal(url: &str, reason: &str) -> String {
    if reason.contains("is not defined") {
        return "this JavaScript has no WebSocket: Node has one from version 22 on, and before \
                that with --experimental-websocket"
            .into();
    }
    if url.starts_with("ws:") {
        return "a page that came over https may only use wss: (mixed content); give the broker a \
                certificate, or load the page over http"
            .into();
    }
    "the address must begin with ws:// or wss://".into()
}

const fn about_reason(operation: Operation, reason: ReasonCode) -> Option<&'static str> {
    Some(match (operation, reason) {
        (Operation::Connect, ReasonCode::BadUserNameOrPassword) => {
            "check user name and password against the broker's password file"
        }
        (Operation::Connect, ReasonCode::NotAuthorized) => {
            "check user name and password: the broker wants some or others, or does not let this user \
             in"
        }
        (Operation::Connect, ReasonCode::UnsupportedProtocolVersion) => {
            "the broker speaks an older MQTT: try version 3.1.1"
        }
        (Operation::Connect, ReasonCode::ClientIdentifierNotValid) => {
            "leave the client identifier out, or take letters and digits only"
        }
        (Operation::Connect, ReasonCode::BadAuthenticationMethod) => {
            "the broker does not know this method: log in with user name and password"
        }
        (Operation::Publish | Operation::Subscribe, ReasonCode::NotAuthorized) => {
            "the broker's access list (acl_file) does not give this topic to this user"
        }
        _ => return None,
    })
}

const fn about_end(reason: ReasonCode) -> Option<&'static str> {
    Some(match reason {
        ReasonCode::SessionTakenOver => {
            "another client has the same client identifier: give each its own, or none"
        }
        ReasonCode::PacketTooLarge => "a message is larger than the broker takes",
        _ => return None,
    })
}

const fn about_use(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::NotConnected => {
            "wait for the connection, or let messages wait for it: see the option `offline`"
        }
        Error::QueueFull => {
            "wait for the outcome of a publish before the next one, or choose what is dropped: see \
             the option for overflow"
        }
        Error::WrongSubprotocol { .. } => {
            "no MQTT broker has this path: use the broker's own, often /mqtt; a proxy before it \
             must pass Sec-WebSocket-Protocol on"
        }
        Error::TextFrame => "something that is no MQTT broker may listen there",
        Error::NeedsVersion5 => "connect with version 5",
        Error::ConnectionLost { code: 1006 } => "the broker was stopped, or the network was cut",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use codec::Properties;

    use super::*;

    fn unreachable(url: &str) -> String {
        let url = url.into();
        Error::Unreachable { url }.advice().unwrap()
    }

    #[test]
    fn the_port_for_tcp_is_recognised() {
        assert!(unreachable("ws://broker:1883/").contains("MQTT over TCP"));
        assert!(unreachable("wss://[::1]:8883").contains("port 8883"));
        assert!(!unreachable("ws://broker:9001/").contains("MQTT over TCP"));
        assert!(!unreachable("ws://[fe80::1883]/").contains("MQTT over TCP"));
    }

    #[test]
    fn a_certificate_is_named_where_there_is_one_and_a_path_where_there_is_none() {
        let advice = unreachable("wss://broker.example:8084");
        assert!(advice.contains("https://broker.example:8084/"), "{advice}");
        assert!(advice.contains("/mqtt"), "{advice}");
        let advice = unreachable("ws://broker.example:8083/mqtt");
        assert!(!advice.contains("certificate"), "{advice}");
        assert!(!advice.contains("path"), "{advice}");
    }

    #[test]
    fn mixed_content_a_bad_address_and_no_websocket_are_told_apart() {
        let blocked = |url: &str, reason: &str| {
            let (url, reason) = (url.into(), reason.into());
            Error::Blocked { url, reason }.advice().unwrap()
        };
        assert!(blocked("ws://b/", "insecure").contains("mixed content"));
        assert!(blocked("mqtt://b/", "bad scheme").contains("ws://"));
        assert!(blocked("ws://b/", "WebSocket is not defined").contains("Node"));
    }

    #[test]
    fn refusals_and_ends_say_where_to_look() {
        let refused = |operation, reason| {
            Error::refused(operation, reason, &Properties::new())
                .advice()
                .unwrap_or_default()
        };
        let bad = refused(Operation::Connect, ReasonCode::BadUserNameOrPassword);
        assert!(bad.contains("password file"));
        let denied = refused(Operation::Subscribe, ReasonCode::NotAuthorized);
        assert!(denied.contains("acl_file"));
        assert_eq!(refused(Operation::Connect, ReasonCode::ServerBusy), "");
        let taken_over = Error::Disconnected {
            reason: ReasonCode::SessionTakenOver,
            properties: Properties::new(),
        };
        assert!(taken_over.advice().unwrap().contains("same client"));
        let timeout = Duration::from_secs(1);
        assert_eq!(Error::NoAnswer { timeout }.advice(), None);
    }
}
