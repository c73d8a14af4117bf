use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use codec::{ByteString, Connect, Properties, Property, ProtocolVersion, Will};

use crate::authenticator::{Authenticator, Scram};
use crate::credentials::{Credentials, Refresh};
use crate::host::nonce;
use crate::mailbox::Bounds;
use crate::reconnect::Reconnect;
use crate::store::Store;

/// What becomes of a message that is published while there is no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offline {
    /// It is refused at once with [`crate::Error::NotConnected`]: whoever
    /// publishes knows that nothing happened, and nothing happens later.
    #[default]
    Refuse,
    /// It waits for the next connection.
    Queue,
}

/// What gives way when a message is published and too much waits to be sent
/// already: see [`Options::queue_bounds`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Nothing: whoever publishes hears [`crate::Error::QueueFull`].
    #[default]
    Refuse,
    /// Those that wait for longest, as many as need be; their futures give
    /// [`crate::Error::Dropped`]. For values of which the latest counts.
    DropOldest,
    /// The message itself; its future gives [`crate::Error::Dropped`]. For a
    /// record that is to have no gap but at its end.
    DropNewest,
}

/// How a [`crate::Client`] connects, and what it holds.
#[derive(Clone)]
pub struct Options {
    pub(crate) url: String,
    pub(crate) version: ProtocolVersion,
    pub(crate) client_id: ByteString,
    pub(crate) is_named_by_broker: bool,
    pub(crate) username: Option<ByteString>,
    pub(crate) password: Option<Bytes>,
    pub(crate) credentials: Option<Refresh>,
    pub(crate) authenticator: Option<Rc<RefCell<dyn Authenticator>>>,
    pub(crate) will: Option<Will>,
    pub(crate) keep_alive: u16,
    pub(crate) clean_start: bool,
    pub(crate) session_expiry: u32,
    pub(crate) receive_maximum: u16,
    pub(crate) topic_alias_maximum: u16,
    pub(crate) maximum_packet_size: Option<u32>,
    pub(crate) wants_response_information: bool,
    pub(crate) wants_problem_information: bool,
    pub(crate) response_base: Option<ByteString>,
    pub(crate) user_properties: Properties,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect: Reconnect,
    pub(crate) offline: Offline,
    pub(crate) stream_bounds: Bounds,
    pub(crate) queue_bounds: Bounds,
    pub(crate) overflow: Overflow,
    pub(crate) has_background_timer: bool,
    pub(crate) store: Option<Store>,
}

impl Options {
    /// MQTT 5.0 to the broker at `url` (`ws://` or `wss://`, any path), without
    /// credentials, a new session at each connection, a keep alive of 60 s.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            version: ProtocolVersion::V5,
            client_id: ByteString::new(),
            is_named_by_broker: false,
            username: None,
            password: None,
            credentials: None,
            authenticator: None,
            will: None,
            keep_alive: 60,
            clean_start: true,
            session_expiry: 0,
            receive_maximum: 4096,
            topic_alias_maximum: 32,
            maximum_packet_size: None,
            wants_response_information: false,
            wants_problem_information: true,
            response_base: None,
            user_properties: Properties::new(),
            connect_timeout: Duration::from_secs(10),
            reconnect: Reconnect::default(),
            offline: Offline::Refuse,
            stream_bounds: Bounds {
                messages: 65_536,
                bytes: 16 << 20,
            },
            queue_bounds: Bounds {
                messages: 65_536,
                bytes: 16 << 20,
            },
            overflow: Overflow::Refuse,
            has_background_timer: true,
            store: None,
        }
    }

    /// The version of MQTT; 5.0 unless said otherwise.
    #[must_use]
    pub fn version(mut self, version: ProtocolVersion) -> Self {
        self.version = version;
        self
    }

    /// The client identifier (section 3.1.3.1). Two clients with the same one
    /// throw each other out. A random one, if this is not called or empty.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<ByteString>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// Lets the broker choose the client identifier of the first connection
    /// (section 3.2.2.3.7), where [`Options::client_id`] says none and the
    /// version is 5.0. [`crate::Client::client_id`] is empty until then.
    #[must_use]
    pub fn named_by_broker(mut self) -> Self {
        self.is_named_by_broker = true;
        self
    }

    /// The user name.
    #[must_use]
    pub fn username(mut self, username: impl Into<ByteString>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password, any bytes. Before MQTT 5.0 it needs a user name.
    #[must_use]
    pub fn password(mut self, password: impl Into<Bytes>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Asks for user name and password before each connection, in the place of
    /// [`Options::username`] and [`Options::password`]: for tokens that expire.
    /// An attempt waits for the answer for as long as for a connection,
    /// [`Options::connect_timeout`]; when there is none, or an error in a few
    /// words, it has failed with [`crate::Error::Credentials`], and the next
    /// one asks again.
    #[must_use]
    pub fn credentials<F>(mut self, refresh: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, String>> + 'static,
    {
        self.credentials = Some(Refresh::new(refresh));
        self
    }

    /// Logs in with SCRAM-SHA-256 (RFC 7677), in the place of
    /// [`Options::username`] and [`Options::password`]: the password never
    /// leaves the page, not even when the connection is `ws://` and somebody
    /// listens, and the broker has to prove that it knows the user too. It
    /// needs MQTT 5.0.
    #[must_use]
    pub fn scram(self, username: impl Into<String>, password: impl Into<Bytes>) -> Self {
        self.authenticator(Scram::new(username.into(), password.into(), nonce))
    }

    /// Logs in with an extended authentication of the application's own
    /// (section 4.12), in the place of user name and password. It needs MQTT
    /// 5.0.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.username = None;
        self.password = None;
        self.authenticator = Some(Rc::new(RefCell::new(authenticator)));
        self
    }

    /// What the broker publishes when the connection ends without
    /// [`crate::Client::end`] (section 3.1.2.5): a [`Will`], or a
    /// [`crate::Message`], whose properties may then include
    /// [`Property::WillDelayInterval`].
    #[must_use]
    pub fn will(mut self, will: impl Into<Will>) -> Self {
        self.will = Some(will.into());
        self
    }

    /// The longest silence, seconds; 0 for no limit (section 3.1.2.10).
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    /// Whether the first connection throws away what an older session of this
    /// client identifier has left at the broker; true unless said otherwise.
    /// Later connections go on with the session, if there is one.
    #[must_use]
    pub fn clean_start(mut self, clean_start: bool) -> Self {
        self.clean_start = clean_start;
        self
    }

    /// How long the broker keeps the session while there is no connection,
    /// seconds; `u32::MAX` for ever (section 3.1.2.11.2). With 0 each
    /// connection has a new session.
    ///
    /// Before MQTT 5.0 the broker knows only "not at all" and "for ever", and
    /// a session to be kept must be asked for from the first connection on,
    /// with `clean_start(false)`.
    #[must_use]
    pub fn session_expiry(mut self, seconds: u32) -> Self {
        self.session_expiry = seconds;
        self
    }

    /// How many QoS 1 and 2 messages the broker may send before the first is
    /// acknowledged; at least 1 (section 3.1.2.11.3). 4,096 unless said
    /// otherwise.
    #[must_use]
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.receive_maximum = messages.max(1);
        self
    }

    /// The largest packet that the broker may send, bytes; at least 1
    /// (section 3.1.2.11.4). No limit unless said otherwise.
    #[must_use]
    pub fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.maximum_packet_size = Some(bytes.max(1));
        self
    }

    /// How many topic aliases the broker may set, to spare it the names of
    /// topics that come often (section 3.1.2.11.5); 32 unless said otherwise,
    /// 0 for none. Aliases towards the broker need no option: this client sets
    /// as many as the broker takes, up to 256.
    #[must_use]
    pub fn topic_alias_maximum(mut self, aliases: u16) -> Self {
        self.topic_alias_maximum = aliases;
        self
    }

    /// Where answers to [`crate::Client::request`] go: to the client
    /// identifier as a level below `base`. That is the broker's Response
    /// Information if it gives some, else `response`, unless said otherwise.
    #[must_use]
    pub fn response_base(mut self, base: impl Into<ByteString>) -> Self {
        self.response_base = Some(base.into());
        self
    }

    /// Asks the broker for Response Information (section 3.1.2.11.6). If it
    /// gives some, it is in [`crate::Event::Connected`], and
    /// [`crate::Client::request`] uses it.
    #[must_use]
    pub fn request_response_information(mut self, request: bool) -> Self {
        self.wants_response_information = request;
        self
    }

    /// Whether the broker may explain refusals with reason strings and user
    /// properties (section 3.1.2.11.7); true unless said otherwise.
    #[must_use]
    pub fn request_problem_information(mut self, request: bool) -> Self {
        self.wants_problem_information = request;
        self
    }

    /// Adds a user property to CONNECT (section 3.1.2.11.8); they keep their
    /// order.
    #[must_use]
    pub fn user_property(
        mut self,
        name: impl Into<ByteString>,
        value: impl Into<ByteString>,
    ) -> Self {
        let property = Property::UserProperty((name.into(), value.into()));
        self.user_properties.push(property);
        self
    }

    /// How long an attempt to connect may take, CONNACK included; 10 s unless
    /// said otherwise.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The pauses between attempts to connect.
    #[must_use]
    pub fn reconnect(mut self, bounds: Reconnect) -> Self {
        self.reconnect = bounds;
        self
    }

    /// What becomes of a message that is published while there is no
    /// connection.
    #[must_use]
    pub fn offline(mut self, offline: Offline) -> Self {
        self.offline = offline;
        self
    }

    /// What each [`crate::Subscription`] holds unread; 65,536 messages and
    /// 16 MiB unless said otherwise.
    #[must_use]
    pub fn stream_bounds(mut self, bounds: Bounds) -> Self {
        self.stream_bounds = bounds;
        self
    }

    /// What waits to be sent, beyond what the broker and the socket take at
    /// once; 65,536 messages and 16 MiB unless said otherwise.
    #[must_use]
    pub fn queue_bounds(mut self, bounds: Bounds) -> Self {
        self.queue_bounds = bounds;
        self
    }

    /// What gives way when more is published than [`Options::queue_bounds`]
    /// allow.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Whether a worker keeps the time while the page is hidden; true unless
    /// said otherwise. Browsers slow the timers of hidden pages down, to one a
    /// minute, which is too slow for a short keep alive. The worker is made
    /// from a `blob:` URL; where the page's Content-Security-Policy has no
    /// `worker-src blob:`, the page's own timers have to do.
    #[must_use]
    pub fn background_timer(mut self, has_background_timer: bool) -> Self {
        self.has_background_timer = has_background_timer;
        self
    }

    /// Lets publishes at QoS 1 and 2, and what was received at them, outlive
    /// the page: see [`Store`]. Before it returns it sets what a store needs:
    /// no clean start, and a session expiry of a week.
    ///
    /// A client without [`Options::client_id`] has the identifier that the
    /// store had first.
    #[cfg(any(feature = "js", feature = "store"))]
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        const WEEK: u32 = 7 * 24 * 60 * 60;
        self.clean_start = false;
        self.session_expiry = WEEK;
        self.store = Some(store);
        self
    }

    /// CONNECT, but for the clean start flag.
    pub(crate) fn connect(&self, clean_start: bool) -> Connect {
        let mut connect = Connect::new(self.version, self.client_id.clone());
        connect.clean_start = clean_start;
        connect.keep_alive = self.keep_alive;
        connect.will.clone_from(&self.will);
        connect.username.clone_from(&self.username);
        connect.password.clone_from(&self.password);
        if self.version.is_v5() {
            connect.properties = self.user_properties.clone();
            let mut set = |property| connect.properties.push(property);
            set(Property::ReceiveMaximum(self.receive_maximum));
            set(Property::TopicAliasMaximum(self.topic_alias_maximum));
            if self.session_expiry > 0 {
                set(Property::SessionExpiryInterval(self.session_expiry));
            }
            if let Some(bytes) = self.maximum_packet_size {
                set(Property::MaximumPacketSize(bytes));
            }
            if self.wants_response_information {
                set(Property::RequestResponseInformation(true));
            }
            if !self.wants_problem_information {
                set(Property::RequestProblemInformation(false));
            }
        }
        connect
    }
}

impl fmt::Debug for Options {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url)
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("keep_alive", &self.keep_alive)
            .field("clean_start", &self.clean_start)
            .field("session_expiry", &self.session_expiry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_be_the_will_with_all_its_properties() {
        let message = crate::Message::new("status", "gone")
            .unwrap()
            .retain(true)
            .property(Property::WillDelayInterval(30))
            .property(Property::ContentType("text/plain".into()));
        let connect = Options::new("ws://broker/").will(message).connect(true);
        let mut bytes = bytes::BytesMut::new();
        let packet = codec::Packet::Connect(Box::new(connect));
        packet.encode(ProtocolVersion::V5, &mut bytes).unwrap();
        let read = codec::Packet::decode(&mut bytes, ProtocolVersion::V5, usize::MAX);
        let Ok(Some(codec::Packet::Connect(connect))) = read else {
            panic!("{read:?}");
        };
        let will = connect.will.unwrap();
        assert_eq!((&*will.payload, will.retain), (&b"gone"[..], true));
        assert_eq!(will.properties.will_delay_interval(), Some(30));
        assert_eq!(will.properties.content_type().unwrap(), "text/plain");
    }

    #[test]
    fn a_password_is_not_printed() {
        let options = Options::new("ws://broker/")
            .username("ada")
            .password("secret");
        let text = format!("{options:?}");
        assert!(text.contains("ada") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn connect_carries_properties_in_5_0_only() {
        let options = Options::new("ws://broker/")
            .session_expiry(60)
            .receive_maximum(7)
            .maximum_packet_size(1000)
            .topic_alias_maximum(9)
            .request_response_information(true)
            .request_problem_information(false)
            .user_property("b", "1")
            .user_property("a", "2")
            .user_property("b", "0");
        let connect = options.connect(false);
        let properties = &connect.properties;
        assert_eq!(properties.session_expiry_interval(), Some(60));
        assert_eq!(properties.receive_maximum(), Some(7));
        assert_eq!(properties.maximum_packet_size(), Some(1000));
        assert_eq!(properties.topic_alias_maximum(), Some(9));
        assert_eq!(properties.request_response_information(), Some(true));
        assert_eq!(properties.request_problem_information(), Some(false));
        let in_order: Vec<_> = properties.user_properties().collect();
        assert_eq!(in_order, [("b", "1"), ("a", "2"), ("b", "0")]);
        let older = options.version(ProtocolVersion::V3_1_1).connect(false);
        assert!(older.properties.is_empty() && !older.clean_start);
    }
}
