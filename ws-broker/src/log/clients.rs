//! What is said of a client as it comes and goes.
//!
//! Each line begins as Mosquitto's does, since programs that watch the log
//! look for that; what is more comes after it.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use codec::{ByteString, ProtocolVersion, ReasonCode};
use foldhash::fast::RandomState;

use super::layer::is_2_1;
use super::{debug, error, notice};
use crate::listener::Address;

/// The pairs that are remembered: more would be memory for strangers.
const MAX_PAIRS: usize = 1000;

/// Whom a line is about.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    /// The client identifier.
    pub client: &'a str,
    /// Where it comes from.
    pub address: &'a Address,
    /// What it is called.
    pub user: Option<&'a str>,
}

impl Who<'_> {
    fn name(&self) -> &str {
        self.user.unwrap_or("-")
    }

    /// Says something of it, in a line that has its names as fields too.
    fn notice(&self, topic: Option<&str>, reason: Option<&str>, text: &str) {
        let Who {
            client,
            address,
            user,
        } = self;
        notice!(client, %address, user, topic, reason, "{text}");
    }
}

/// A client or a bridge has come in.
pub(crate) fn connected(
    who: Who<'_>,
    kind: &str,
    version: ProtocolVersion,
    clean_start: bool,
    keep_alive: u16,
) {
    let version = match version {
        ProtocolVersion::V3_1 if is_2_1() => 3,
        ProtocolVersion::V3_1_1 if is_2_1() => 4,
        ProtocolVersion::V3_1 => 1,
        ProtocolVersion::V3_1_1 => 2,
        ProtocolVersion::V5 => 5,
    };
    let user = match who.user {
        Some(user) => format!(", u'{user}'"),
        None => String::new(),
    };
    let clean_start = u8::from(clean_start);
    let text = format!(
        "New {kind} connected from {} as {} (p{version}, c{clean_start}, k{keep_alive}{user}).",
        who.address, who.client
    );
    who.notice(None, None, &text);
}

/// A client is not let in, or not any more: `what` is the reason as the client
/// is told, `why` as its owner is.
pub(crate) fn refused(who: Who<'_>, what: &str, why: &str) {
    thrown_out(who, &format!("disconnected, {what}."), what, why);
}

/// A client's certificate does not say who it is. What Mosquitto says of a
/// proxy's clients has one form only, since 2.0 knows no proxies.
pub(crate) fn nameless(who: Who<'_>, is_behind_proxy: bool, why: &str) {
    let what = ReasonCode::NotAuthorized.text();
    if is_behind_proxy {
        who.notice(None, Some(why), &thrown_out_2_1(who, what, why));
    } else {
        refused(who, what, why);
    }
}

/// A client has broken the protocol: `what` is the reason as the client is
/// told.
pub(crate) fn broke_protocol(who: Who<'_>, what: &str, why: &str) {
    thrown_out(who, "disconnected due to protocol error.", what, why);
}

fn thrown_out(who: Who<'_>, in_2_0: &str, what: &str, why: &str) {
    let Who {
        client, address, ..
    } = who;
    let text = if is_2_1() {
        thrown_out_2_1(who, what, why)
    } else {
        let name = who.name();
        format!("Client {client} {in_2_0} From {address}, user {name}: {why}.")
    };
    who.notice(None, Some(why), &text);
}

fn thrown_out_2_1(who: Who<'_>, what: &str, why: &str) -> String {
    let Who {
        client, address, ..
    } = who;
    let name = who.name();
    format!("Client {client} [{address}] disconnected: {what}. User {name}: {why}.")
}

/// A client has gone, or had to: in the words of Mosquitto 2.0, and the reason
/// in those of 2.1.
pub(crate) fn ended(who: Who<'_>, in_2_0: &str, reason: Option<&str>) {
    let Who {
        client, address, ..
    } = who;
    let text = match reason {
        _ if !is_2_1() => format!("Client {client} {in_2_0}"),
        Some(reason) => format!("Client {client} [{address}] disconnected: {reason}."),
        None => format!("Client {client} [{address}] disconnected."),
    };
    who.notice(None, reason, &text);
}

/// Somebody else has asked for a client to be disconnected.
pub(crate) fn disconnected_by(who: Who<'_>, by: &str) {
    let Who {
        client, address, ..
    } = who;
    let text = if is_2_1() {
        format!(
            "Client {client} [{address}] disconnected: administrative action. {by} has asked for it."
        )
    } else {
        format!("Client {client} disconnected: {by} has asked for it.")
    };
    who.notice(None, Some("administrative action"), &text);
}

/// Reading from a client or writing to it has failed.
pub(crate) fn socket_error(who: Who<'_>, error: &std::io::Error) {
    let (
        Who {
            client, address, ..
        },
        reason,
    ) = (who, error.to_string());
    let text = if is_2_1() {
        format!("Client {client} [{address}] disconnected: {reason}.")
    } else {
        format!("Socket error on client {client}, disconnecting. From {address}: {reason}.")
    };
    who.notice(None, Some(&reason), &text);
}

/// A client may not do something; said loud enough for everybody the first
/// time.
pub(crate) fn denied(who: Who<'_>, what: &str, topic: &str, why: &str, is_first: bool) {
    let Who {
        client,
        address,
        user,
    } = who;
    let text = format!("Denied {what}. From {address}, user {}: {why}.", who.name());
    if is_first {
        who.notice(Some(topic), Some(why), &text);
    } else {
        debug!(client, %address, user, topic, reason = why, "{text}");
    }
}

/// A client subscribes to `filter`, and `others` more, where it may not read.
pub(crate) fn subscribes_in_vain(who: Who<'_>, filter: &str, others: usize) {
    let (
        Who {
            client, address, ..
        },
        name,
    ) = (who, who.name());
    let others = match others {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let text = format!(
        "{client} [{address}], user {name}, subscribes to {filter}{others}, and gets nothing: it \
         may not read there."
    );
    who.notice(Some(filter), Some("not authorised"), &text);
}

/// A client's will to `topic` is one that it may not publish.
pub(crate) fn will_is_forbidden(who: Who<'_>, topic: &str) {
    let (
        Who {
            client, address, ..
        },
        name,
    ) = (who, who.name());
    let text = format!(
        "The will of {client} [{address}], user {name}, is not sent: it may not publish to \
         {topic}."
    );
    who.notice(Some(topic), Some("not authorised"), &text);
}

/// Who has taken whose place. Two that fight over one identifier do so for
/// ever; they are named once.
#[derive(Debug, Default)]
pub(crate) struct Rivals(Mutex<HashSet<Pair, RandomState>>);

/// An identifier and the machines of both, without their ports: those are
/// others each time.
type Pair = (ByteString, [IpAddr; 2]);

impl Rivals {
    /// A client's place is taken by one with the same identifier from another
    /// address.
    pub(crate) fn replaced(&self, who: Who<'_>, by: &Address) {
        let Who {
            client,
            address,
            user,
        } = who;
        let mut text = if is_2_1() {
            format!("Client {client} [{address}] disconnected: session taken over.")
        } else {
            format!("Client {client} already connected, closing old connection.")
        };
        if self.are_new(client, address.ip(), by.ip()) {
            text += &format!(
                " It is at {address}, and {by} takes its place; if both go on, each needs an \
                 identifier of its own."
            );
        }
        error!(client, %address, user, reason = "session taken over", "{text}");
    }

    fn are_new(&self, client: &str, one: IpAddr, other: IpAddr) -> bool {
        let mut pairs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pairs.len() >= MAX_PAIRS {
            pairs.clear();
        }
        pairs.insert((client.into(), [one.min(other), one.max(other)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rivals_are_new_once() {
        let rivals = Rivals::default();
        let ip = |last| IpAddr::from([10, 0, 0, last]);
        let twin = |one, other| rivals.are_new("twin", ip(one), ip(other));
        assert!(twin(1, 2));
        assert!(!twin(2, 1));
        assert!(!twin(1, 2));
        assert!(twin(1, 3));
        assert!(rivals.are_new("other", ip(1), ip(2)));
        for n in 0..2 * MAX_PAIRS {
            rivals.are_new(&n.to_string(), ip(1), ip(2));
        }
        assert!(rivals.0.lock().expect("no panic").len() <= MAX_PAIRS);
    }
}
