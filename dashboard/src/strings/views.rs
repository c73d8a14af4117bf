//! The words of the views beside Home.

use super::{grouped, sentence};
use crate::connection::{Refusal, Why};
use crate::credentials::Proof;
use crate::number::display;
use crate::publishing::{Extra, Outcome, Problem};
use crate::route::View;

pub(crate) const VIEWS: &str = "Views";
pub(crate) const SKIP: &str = "Skip to the content";

/// A view's name.
pub(crate) fn view(view: View) -> &'static str {
    match view {
        View::Home => "Home",
        View::Topics => "Topics",
        View::Chart => "Chart",
        View::Publish => "Publish",
        View::Log => "Log",
        View::Broker => BROKER,
        View::Connection => "Connection",
    }
}

pub(crate) const FILTER_TOPICS: &str = "Filter topics";
pub(crate) const TREE: &str = "Topics";
pub(crate) const NO_TOPICS: &str = "No topics yet";
pub(crate) const NO_TOPICS_TEXT: &str =
    "Each topic appears here with its first message, or at once if the broker keeps one for it.";
pub(crate) const NO_MATCH: &str = "No topic has this in its name.";
pub(crate) const CHOOSE: &str = "Choose a topic";
pub(crate) const CHOOSE_TEXT: &str =
    "Its payload, how often it comes, and what came before are shown here.";
pub(crate) const ALL_TOPICS: &str = "All topics";
pub(crate) const UNHEARD: &str = "No message on this topic since the page was opened.";
pub(crate) const RETAINED_MARK: &str = "retained";
pub(crate) const PAYLOAD: &str = "Payload";
pub(crate) const AS_TEXT: &str = "Text";
pub(crate) const AS_JSON: &str = "JSON";
pub(crate) const AS_HEX: &str = "Hex";
pub(crate) const AS_BASE64: &str = "Base64";
pub(crate) const HISTORY: &str = "Before that";
pub(crate) const NO_HISTORY: &str =
    "This is the first message on this topic since the page was opened.";
pub(crate) const MESSAGES: &str = "Messages here";
pub(crate) const RATE: &str = "Rate";
pub(crate) const RECEIVED: &str = "Received";
pub(crate) const QOS: &str = "QoS";
pub(crate) const RETAINED: &str = "Retained";
pub(crate) const YES: &str = "Yes";
pub(crate) const NO: &str = "No";
pub(crate) const SIZE: &str = "Size";
pub(crate) const UNKNOWN: &str = "Not known yet";
pub(crate) const PUBLISH_HERE: &str = "Publish here";
pub(crate) const CLEAR: &str = "Clear retained";
pub(crate) const CLEAR_ALL: &str = "Clear all retained below";
pub(crate) const CLEAR_TEXT: &str = "The broker forgets what it keeps, and sends it to nobody who subscribes from now on. This cannot be undone.";
pub(crate) const CLEAR_YES: &str = "Clear";
pub(crate) const LEAVE_IT: &str = "Leave it";
pub(crate) const CLEARED: &str = "Cleared. The broker keeps nothing here any more.";
pub(crate) const BELOW: &str = "Below it";
pub(crate) const UNCHANGED: &str = "Nothing has changed.";
pub(crate) const MORE_CHANGES: &str = "There are more; the first ones are shown.";

/// What is compared with what.
pub(crate) fn changed_since(clock: &str) -> String {
    ["Changed since ", clock].concat()
}

pub(crate) fn clear_question(count: usize) -> String {
    match count {
        1 => "Clear 1 retained message?".to_owned(),
        n => format!("Clear {} retained messages?", grouped(n as u64)),
    }
}

pub(crate) fn clearing(left: usize) -> String {
    format!("Clearing: {} left…", grouped(left as u64))
}

/// How often a topic comes.
pub(crate) fn rate(a_minute: Option<f64>) -> String {
    match a_minute {
        None => UNKNOWN.to_owned(),
        Some(n) if n >= 120.0 => display(n / 60.0, 1) + " a second",
        Some(n) if n >= 1.0 => display(n, 0) + " a minute",
        Some(n) => display(n * 60.0, 0) + " an hour",
    }
}

/// The size of a payload.
pub(crate) fn bytes(len: usize) -> String {
    match len {
        1 => "1 byte".to_owned(),
        n => grouped(n as u64) + " bytes",
    }
}

pub(crate) fn cut(shown: usize, len: usize) -> String {
    format!("Shortened: the first {} of {}.", bytes(shown), bytes(len))
}

pub(crate) const TOPIC: &str = "Topic";
pub(crate) const TOPIC_HINT: &str = "Kitchen/Lamp";
pub(crate) const VALID_JSON: &str = "Valid JSON";
pub(crate) const BROKEN_JSON: &str = "Begins like JSON, but is none. It is sent as it stands.";
pub(crate) const RETAIN: &str = "Retain";
pub(crate) const RETAIN_TEXT: &str =
    "The broker keeps it and sends it to whoever subscribes later.";
pub(crate) const RETAIN_EMPTY: &str =
    "With an empty payload, this clears what the broker keeps for the topic.";
pub(crate) const SEND: &str = "Publish";
pub(crate) const RECENT: &str = "Sent from here";
pub(crate) const RECENT_NONE: &str =
    "What you publish stands here, with what became of it. This browser keeps it.";
pub(crate) const FORGET_SENT: &str = "Forget these";
pub(crate) const AGAIN: &str = "Edit again";

pub(crate) const PROPERTIES: &str = "Properties of MQTT 5.0";
pub(crate) const PROPERTIES_NONE: &str = "Without properties: the broker speaks MQTT 3.1.1.";

/// What a message says beside its payload.
pub(crate) fn extra(extra: Extra) -> &'static str {
    match extra {
        Extra::ContentType => "Content type",
        Extra::ResponseTopic => "Response topic",
        Extra::Correlation => "Correlation data",
        Extra::Expiry => "Message expiry, seconds",
        Extra::Format => "The payload is text (UTF-8)",
        Extra::User => "User properties, name: value",
    }
}

/// How much it says beside its payload.
pub(crate) fn properties(count: usize) -> String {
    match count {
        1 => "1 property".to_owned(),
        n => format!("{n} properties"),
    }
}

/// What a QoS promises.
pub(crate) fn qos(level: u8) -> &'static str {
    match level {
        0 => "At most once: no answer from the broker.",
        1 => "At least once: the broker acknowledges it.",
        _ => "Exactly once: two round trips.",
    }
}

/// Why a message cannot be sent.
pub(crate) fn problem(problem: Problem) -> &'static str {
    match problem {
        Problem::NoTopic => "Write the topic to publish to.",
        Problem::Wildcard => "A message goes to one topic: + and # are for subscribing only.",
        Problem::Null => "A topic cannot have a null character in it.",
        Problem::TooLong => "A topic can have 65,535 bytes at most.",
        Problem::Expiry => "Write the message expiry in whole seconds.",
        Problem::Response => "Answers go to one topic: + and # are for subscribing only.",
        Problem::User => "Write each user property as name: value, on a line of its own.",
    }
}

/// Why something failed that seldom does.
fn why(why: &Why) -> String {
    let what = match why.code {
        None => "The broker did not answer as it should",
        Some(0x8b) => "The broker is being shut down",
        Some(0x90) => "The broker does not take this topic",
        Some(0x95) => "This is larger than the broker takes",
        Some(0x97) => "The broker has no room for it: a quota is used up",
        Some(0x99) => "The payload is no text, as its properties say",
        Some(0x9a) => "The broker keeps no messages: send it without Retain",
        Some(0x9b) => "The broker does not take this QoS",
        Some(code) => {
            return sentence(&format!(
                "The broker refuses, with the reason code 0x{code:02x}{}",
                own(why)
            ));
        }
    };
    sentence(&[what, &own(why)].concat())
}

/// What the broker says itself, behind what is said of it.
fn own(why: &Why) -> String {
    let words = why.words.as_deref();
    words.map_or_else(String::new, |words| [": ", words].concat())
}

/// What became of a message.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Sending => "Sending…".to_owned(),
        Outcome::Sent => "Sent. At QoS 0 nobody answers.".to_owned(),
        Outcome::Acknowledged => "The broker has it.".to_owned(),
        Outcome::NobodyThere => "The broker has it. Nobody subscribes to this topic.".to_owned(),
        Outcome::NotConnected => {
            "Not sent: there is no connection. It will not be sent later.".to_owned()
        }
        Outcome::NotAllowed => {
            "Refused: this user may not publish to this topic. The broker's acl_file says who may."
                .to_owned()
        }
        Outcome::Failed(reason) => why(reason),
        Outcome::Earlier => "From before this page was loaded.".to_owned(),
    }
}

pub(crate) const PAUSE: &str = "Pause";
pub(crate) const RESUME: &str = "Go on";
pub(crate) const LOG_EXPORT: &str = "Save";
pub(crate) const LOG_EXPORT_TEXT: &str = "Saves what is shown as JSON lines: time, topic, retained, the first 1,000 characters of the payload, its size. The QoS is not known here: the page listens at QoS 0.";
pub(crate) const LOG_FILE: &str = "messages.jsonl";
pub(crate) const FILTER_LOG: &str = "Topic or payload";
pub(crate) const LOG: &str = "Messages, latest first";
pub(crate) const NO_MESSAGES: &str = "No messages yet";
pub(crate) const NO_MESSAGES_TEXT: &str = "They appear here as they come.";
pub(crate) const NO_LOG_MATCH: &str =
    "None of the latest messages has this in its topic or payload.";

/// How much the log shows.
pub(crate) fn log_count(shown: usize, count: u64) -> String {
    format!("{} of {}", grouped(shown as u64), super::messages(count))
}

/// Messages that have come since the log was stopped.
pub(crate) fn paused(since: u64) -> String {
    match since {
        0 => "Paused".to_owned(),
        n => format!("Paused: {} new", grouped(n)),
    }
}

pub(crate) const BROKER: &str = "Broker";
pub(crate) const VERSION: &str = "Protocol";
pub(crate) const CLIENT_ID: &str = "Client identifier";
pub(crate) const PASSWORD_WAY: &str = "Password";
pub(crate) const ANONYMOUS: &str = "Nobody: the broker did not ask";
pub(crate) const TRY_NOW: &str = "Try now";
pub(crate) const LOG_OUT: &str = "Log out";
pub(crate) const OTHER_BROKER: &str = "Another broker";
pub(crate) const OTHER_BROKER_TEXT: &str = "Any broker with a WebSocket listener, such as Mosquitto. The page is loaded again and shows that one.";
pub(crate) const ADDRESS: &str = "Address";
pub(crate) const OPEN: &str = "Open";
pub(crate) const BAD_ADDRESS: &str =
    "Begin with ws:// or wss://, then host and port: ws://192.168.1.20:9001";
pub(crate) const SINCE: &str = "since";
pub(crate) const NOT_LOGGED_IN: &str = "Not logged in";

/// The version of MQTT.
pub(crate) fn version(is_old: bool) -> &'static str {
    if is_old { "MQTT 3.1.1" } else { "MQTT 5.0" }
}

/// The whole protocol.
pub(crate) fn protocol(is_old: bool, is_encrypted: bool) -> String {
    let tls = if is_encrypted { " with TLS" } else { "" };
    [version(is_old), " over WebSocket", tls].concat()
}

/// What the network saw of the password.
pub(crate) fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::None => "None was sent",
        Proof::Scram => "Proved by SCRAM-SHA-256; it never left this page",
        Proof::Password => "Sent, encrypted by TLS",
        Proof::BarePassword => {
            "Sent as it is: anybody on the network can read it. With TLS (wss://) nobody could."
        }
    }
}

/// Why there is no connection, and what one can do about it.
pub(crate) fn refusal(refusal: &Refusal, is_encrypted: bool) -> (String, String) {
    let (what, remedy) = match refusal {
        Refusal::Login(_) => (
            "The broker wants a login",
            "Give a user and a password that are in its password_file.",
        ),
        Refusal::Bare => (super::LOGIN_BARE, super::LOGIN_BARE_TEXT),
        Refusal::Unreachable if is_encrypted => (
            "Nobody answers at this address",
            "See whether the broker runs, and whether this browser trusts its certificate: open the same address with https:// once.",
        ),
        Refusal::Unreachable => (
            "Nobody answers at this address",
            "See whether the broker runs, whether this device is on the same network, and whether a firewall is in between.",
        ),
        Refusal::Lost => (
            "The connection was lost",
            "The broker stopped, or the network did. The page tries again by itself.",
        ),
        Refusal::Blocked => (
            "The browser does not allow this address",
            "A page from https:// may connect to wss:// only. Open the page from http://, or use the broker's TLS port.",
        ),
        Refusal::Version => (
            "The broker speaks neither MQTT 5.0 nor 3.1.1",
            "This page needs one of them. The broker's configuration may say which it takes.",
        ),
        Refusal::Identifier => (
            "The broker does not accept this client identifier",
            "Load the page again to get another one, or see what the broker's configuration allows.",
        ),
        Refusal::Banned => (
            "The broker has shut this client out",
            "Whoever runs the broker can let it in again.",
        ),
        Refusal::Busy => (
            "The broker has no room for one more just now",
            "The page tries again by itself. If it stays so, see max_connections and memory_limit in the broker's configuration.",
        ),
        Refusal::TakenOver => (
            "Another client came with the same client identifier",
            "Two clients with one identifier throw each other out. Load the page again to get another one.",
        ),
        Refusal::Elsewhere(Some(server)) => {
            return (
                "The broker sends its clients to another one".to_owned(),
                format!("It names {server}: give that address below."),
            );
        }
        Refusal::Elsewhere(None) => (
            "The broker sends its clients to another one",
            "It does not say which. Ask whoever runs it.",
        ),
        Refusal::Impostor => (
            "The broker could not prove that it knows this password",
            "It may not be the broker that it says it is. Do not give it the password in any other way.",
        ),
        Refusal::Other(reason) => {
            return (why(reason), "The broker's own log may say more.".to_owned());
        }
    };
    (what.to_owned(), remedy.to_owned())
}
