use std::time::Duration;

use codec::{EncodeError, InvalidTopic, Properties, ReasonCode};
use protocol::{PublishError, Violation};

/// What went wrong, and whose doing it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No WebSocket could be opened. A browser tells a page no more than this.
    #[error(
        "cannot reach {url}: no broker listens there, it does not speak MQTT over WebSocket, \
         the network is down, or (wss) its certificate is not trusted"
    )]
    Unreachable {
        /// The address that was tried.
        url: String,
    },
    /// A server speaks WebSocket at this address, and not with the subprotocol
    /// `mqtt` \[MQTT-6.0.0-4\]: no broker has this path, or a proxy before it
    /// does not pass the subprotocol on. Known from a second attempt, without
    /// one, that follows when the first does not come about.
    #[error("a server at {url} speaks WebSocket, but not with the subprotocol mqtt")]
    WrongSubprotocol {
        /// The address that was tried.
        url: String,
    },
    /// The browser refuses to try: the address is no WebSocket URL, or a page
    /// loaded over https asks for ws instead of wss.
    #[error("the browser refuses to connect to {url}: {reason}")]
    Blocked {
        /// The address that was asked for.
        url: String,
        /// The browser's words.
        reason: String,
    },
    /// The options or a packet made from them break MQTT's rules.
    #[error("CONNECT cannot be sent: {0}")]
    Options(#[from] EncodeError),
    /// No connection, or no CONNACK, in the time allowed.
    #[error("no answer from {url} within {} ms", .timeout.as_millis() as u64)]
    ConnectTimeout {
        /// The address that was tried.
        url: String,
        /// How long the client waited.
        timeout: Duration,
    },
    /// The broker says no.
    #[error(
        "the broker refuses to {}: {}{}",
        .operation.verb(), .reason.text(), Words(.properties)
    )]
    Refused {
        /// What it refuses.
        operation: Operation,
        /// Why, as a code.
        reason: ReasonCode,
        /// The rest: a reason string, user properties, at CONNECT and
        /// DISCONNECT a server reference (section 4.11).
        properties: Properties,
    },
    /// The broker ended the connection with a DISCONNECT (section 3.14).
    #[error("the broker ended the connection: {}{}", .reason.text(), Words(.properties))]
    Disconnected {
        /// Why, as a code.
        reason: ReasonCode,
        /// The rest: a reason string, user properties, at CONNECT and
        /// DISCONNECT a server reference (section 4.11).
        properties: Properties,
    },
    /// The connection broke without a word of MQTT: the broker stopped, or
    /// the network did.
    #[error("the connection was lost (WebSocket close code {code})")]
    ConnectionLost {
        /// The WebSocket's close code (RFC 6455, section 7.4); 1006 when there
        /// was no close frame.
        code: u16,
    },
    /// The broker is silent for longer than the keep alive allows.
    #[error("the broker does not answer any more")]
    KeepAliveTimeout,
    /// The broker broke the protocol.
    #[error("the broker broke the protocol: {0}")]
    Violation(Violation),
    /// The broker sent a WebSocket text frame \[MQTT-6.0.0-1\].
    #[error("the broker broke the protocol: a text frame, where MQTT needs binary ones")]
    TextFrame,
    /// There is no connection, and [`crate::Offline::Refuse`] is in force.
    #[error("not connected")]
    NotConnected,
    /// Too many messages or bytes wait to be sent already.
    #[error("too many messages wait to be sent")]
    QueueFull,
    /// It gave way to another one while it waited to be sent: see
    /// [`crate::Overflow`].
    #[error("it waited to be sent, and gave way to others: the queue was full")]
    Dropped,
    /// The message expired before it could be sent.
    #[error("the message expired before it could be sent")]
    Expired,
    /// The packet is larger than the broker accepts, or than MQTT allows.
    #[error("larger than the broker accepts")]
    TooLarge,
    /// The broker does not take messages at this QoS.
    #[error("the broker does not support this QoS")]
    QoSNotSupported,
    /// The broker does not keep retained messages.
    #[error("the broker does not support retained messages")]
    RetainNotSupported,
    /// The session was lost after the broker took charge of a QoS 2 message
    /// and before it said that it is done (section 4.4): it may have been
    /// delivered or not.
    #[error("the session was lost in the middle of a QoS 2 handshake")]
    SessionLost,
    /// Nobody subscribes to the topic of a request (section 4.10).
    #[error("nobody is there to answer")]
    NobodyThere,
    /// No answer to a request came in the time allowed (section 4.10).
    #[error("no answer within {} ms", .timeout.as_millis() as u64)]
    NoAnswer {
        /// How long the client waited.
        timeout: Duration,
    },
    /// Before MQTT 5.0 there are no requests.
    #[error("requests need MQTT 5.0")]
    NeedsVersion5,
    /// Extended authentication failed at this end (section 4.12): the broker
    /// cannot prove who it is, asks for what it should not, or there is no
    /// method.
    #[error("cannot authenticate: {0}")]
    Authentication(String),
    /// [`crate::Options::credentials`] gave none.
    #[error("no credentials to connect with: {0}")]
    Credentials(String),
    /// DISCONNECT would break MQTT's rules; the client goes on.
    #[error("DISCONNECT cannot be sent: {0}")]
    Goodbye(&'static str),
    /// No topic name or no topic filter.
    #[error(transparent)]
    Topic(#[from] InvalidTopic),
    /// The store cannot be opened or used, or not with these options
    /// (`Options::store`).
    #[error("the store cannot be used: {0}")]
    Store(String),
    /// Another page, or another client of this one, has the store.
    #[error("the store is in use, by another page or by another client of this one")]
    StoreInUse,
    /// The browser gives the store no more room; nothing was sent, and nothing
    /// acknowledged.
    #[error("the browser gives the store no more room")]
    StoreFull,
    /// The client was ended by [`crate::Client::end`], or the subscription by
    /// [`crate::Client::unsubscribe`].
    #[error("ended")]
    Ended,
}

/// What a broker can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// CONNECT.
    Connect,
    /// PUBLISH.
    Publish,
    /// SUBSCRIBE.
    Subscribe,
    /// UNSUBSCRIBE.
    Unsubscribe,
}

impl Operation {
    const fn verb(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

impl Error {
    pub(crate) fn refused(
        operation: Operation,
        reason: ReasonCode,
        properties: &Properties,
    ) -> Self {
        Self::Refused {
            operation,
            reason,
            properties: properties.detached(),
        }
    }

    /// Where the broker says to go instead (section 4.11).
    pub fn server_reference(&self) -> Option<&str> {
        match self {
            Self::Refused { properties, .. } | Self::Disconnected { properties, .. } => {
                properties.server_reference().map(|server| &**server)
            }
            _ => None,
        }
    }

    /// Whether trying again soon, with nothing changed, cannot help.
    pub(crate) const fn is_lasting(&self) -> bool {
        match self {
            Self::Options(_)
            | Self::WrongSubprotocol { .. }
            | Self::Blocked { .. }
            | Self::Authentication(_)
            | Self::Store(_) => true,
            Self::Refused { reason, .. } => matches!(
                reason,
                ReasonCode::UnsupportedProtocolVersion
                    | ReasonCode::ClientIdentifierNotValid
                    | ReasonCode::BadUserNameOrPassword
                    | ReasonCode::NotAuthorized
                    | ReasonCode::Banned
                    | ReasonCode::BadAuthenticationMethod
            ),
            _ => false,
        }
    }

    /// Whether other credentials may help.
    pub const fn is_about_credentials(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                operation: Operation::Connect,
                reason: ReasonCode::BadUserNameOrPassword | ReasonCode::NotAuthorized,
                ..
            }
        )
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::NotConnected => Self::NotConnected,
            PublishError::WindowFull => Self::QueueFull,
            PublishError::Expired => Self::Expired,
            // A client hides nothing from its server.
            PublishError::TooLarge | PublishError::Hidden => Self::TooLarge,
            PublishError::QoSNotSupported => Self::QoSNotSupported,
            PublishError::RetainNotSupported => Self::RetainNotSupported,
        }
    }
}

/// The broker's words, if it has any, behind its code.
struct Words<'a>(&'a Properties);

impl std::fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.reason_string() {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use codec::Property;

    use super::*;

    #[test]
    fn a_refusal_says_what_why_and_in_whose_words() {
        let plain = Error::refused(
            Operation::Connect,
            ReasonCode::BadUserNameOrPassword,
            &Properties::new(),
        );
        assert!(plain.is_about_credentials());
        assert_eq!(
            plain.to_string(),
            "the broker refuses to connect: bad user name or password"
        );
        let properties = Properties::new().with(Property::ReasonString("full house".into()));
        let wordy = Error::refused(Operation::Subscribe, ReasonCode::QuotaExceeded, &properties);
        assert!(!wordy.is_about_credentials());
        assert_eq!(
            wordy.to_string(),
            "the broker refuses to subscribe: quota exceeded (full house)"
        );
    }
}
