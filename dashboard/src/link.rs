//! The way to the broker: the only file that knows `client-wasm`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use client_wasm::{
    Client, Error, Event, Message as Publish, Operation, Options, Property, ProtocolVersion, QoS,
    ReasonCode, Subscription, SubscriptionOptions,
};
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, abortable};
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use crate::browser;
use crate::connection::{Identity, LinkEvent, Refusal, Why};
use crate::credentials::{Credentials, Proof};
use crate::desk::{self, Failure, Kept, Request};
use crate::frame::Frame;
use crate::place::is_local;
use crate::publishing::{Draft, Extra, Outcome};
use crate::store::Message;
use crate::watch::Sighting;
use crate::widget::PATIENCE;

/// Every topic but those that begin with `$` \[MQTT-4.7.2-1\].
const EVERYTHING: &str = "#";
/// What a broker says of itself.
const SYSTEM: &str = "$SYS/broker/#";
/// Messages of a topic that is looked at closely that are told of at once.
const AT_ONCE: usize = 512;
/// How long the broker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What becomes of a question.
type Told = Box<dyn FnOnce(Result<&[u8], Failure>)>;

/// An open client. It is ended when this is dropped, and is heard of no more.
pub(crate) struct Link {
    client: Client,
    login: Rc<Login>,
    is_open: Rc<Cell<bool>>,
    watching: RefCell<Option<AbortHandle>>,
    listening: RefCell<Option<AbortHandle>>,
}

/// Where a client connects, which MQTT it speaks, and what it proves itself with.
struct Login {
    broker: String,
    version: Cell<ProtocolVersion>,
    /// The broker has let it in with this version.
    is_known: Cell<bool>,
    credentials: Option<Credentials>,
    proof: Cell<Proof>,
}

impl Login {
    fn client(&self) -> Client {
        let mut options = Options::new(&self.broker).version(self.version.get());
        if let Some(Credentials { user, password, .. }) = self.credentials.clone() {
            options = match self.proof.get() {
                Proof::Scram => options.scram(user, password),
                _ => options.username(user).password(password),
            };
        }
        Client::new(options.response_base(desk::ANSWERS))
    }

    fn is_old(&self) -> bool {
        !self.version.get().is_v5()
    }

    /// Goes on to what is left to be tried; `false` if nothing is, or not at once.
    fn fall_back(&self, client: &Client, error: &Error) -> bool {
        if is_unknown_version(error) || (!self.is_known.get() && is_wordless(error)) {
            // 3.1.1 knows no SCRAM.
            if self.is_old() {
                self.speak(client, ProtocolVersion::V5);
                return false;
            }
            if self.proof.get() == Proof::Scram && !self.prove_barely(client) {
                return false;
            }
            self.speak(client, ProtocolVersion::V3_1_1);
        } else if !is_unknown_method(error) || !self.prove_barely(client) {
            return false;
        }
        client.reconnect_now();
        true
    }

    fn speak(&self, client: &Client, version: ProtocolVersion) {
        self.version.set(version);
        self.is_known.set(false);
        client.set_version(version);
    }

    /// Sends the password itself from now on; `false` if that may not be.
    fn prove_barely(&self, client: &Client) -> bool {
        let Some(login) = self.credentials.clone() else {
            return false;
        };
        let may_be_bare = login.may_be_bare || is_local(&self.broker);
        let Some(proof) = self.proof.get().next(may_be_bare) else {
            return false;
        };
        self.proof.set(proof);
        client.set_credentials(Some(login.user.into()), Some(login.password.into()));
        true
    }
}

impl Link {
    /// Connects, and goes on connecting until it is dropped. Events and
    /// messages arrive through the callbacks, messages once a frame.
    pub(crate) fn open(
        broker: &str,
        credentials: Option<Credentials>,
        on_event: Callback<LinkEvent>,
        on_messages: Callback<Vec<Message>>,
    ) -> Link {
        let proof = match credentials {
            Some(_) => Proof::first(broker.starts_with("wss:")),
            None => Proof::None,
        };
        let login = Rc::new(Login {
            broker: broker.to_owned(),
            version: Cell::new(ProtocolVersion::V5),
            is_known: Cell::default(),
            credentials,
            proof: Cell::new(proof),
        });
        let client = login.client();
        let is_open = Rc::new(Cell::new(true));
        let on_event = while_open(&is_open, on_event);
        let on_messages = while_open(&is_open, on_messages);
        spawn_local(report(client.clone(), login.clone(), on_event.clone()));
        spawn_local(subscribe(client.clone(), on_event, on_messages));
        Link {
            client,
            login,
            is_open,
            watching: RefCell::default(),
            listening: RefCell::default(),
        }
    }

    /// Connects at once, if it would have waited.
    pub(crate) fn try_now(&self) {
        self.client.reconnect_now();
    }

    /// Publishes a command; `failed` is called, later, if it is known not to have
    /// been sent.
    ///
    /// At QoS 0, unless somebody wants it otherwise, since an acknowledged message
    /// would be sent again after a reconnect; and with an expiry, in case it waits
    /// on its way: an "on" that comes late is dangerous.
    pub(crate) fn command(
        &self,
        topic: &str,
        payload: String,
        (level, retain): (u8, bool),
        failed: impl FnOnce() + 'static,
    ) {
        let expiry = Property::MessageExpiryInterval((PATIENCE / 1000.0) as u32);
        let message = Publish::new(topic.to_owned(), payload);
        let message = message.map(|message| message.qos(qos(level)).retain(retain));
        let outcome = message.map(|message| self.client.publish(message.property(expiry)));
        spawn_local(async move {
            let is_sent = match outcome {
                Ok(outcome) => outcome.await.is_ok(),
                Err(_) => false,
            };
            if !is_sent {
                failed();
            }
        });
    }

    /// Publishes what somebody wrote, and says what became of it.
    pub(crate) fn publish(&self, draft: &Draft, settled: impl FnOnce(Outcome) + 'static) {
        let message = Publish::new(draft.topic.clone(), draft.payload.clone());
        let mut message = match message {
            Ok(message) => message.qos(qos(draft.qos)).retain(draft.retain),
            Err(_) => return settled(Outcome::Failed(Why::default())),
        };
        for (extra, text) in draft.extras() {
            let text = text.to_owned();
            message.properties.push(match extra {
                Extra::ContentType => Property::ContentType(text.into()),
                Extra::ResponseTopic => Property::ResponseTopic(text.into()),
                Extra::Correlation => Property::CorrelationData(text.into()),
                Extra::Expiry => Property::MessageExpiryInterval(draft.expiry().unwrap_or(0)),
                Extra::Format => Property::PayloadFormatIndicator(true),
                Extra::User => continue,
            });
        }
        for (name, value) in draft.user().flatten() {
            let property = (name.to_owned().into(), value.to_owned().into());
            message.properties.push(Property::UserProperty(property));
        }
        let at_most_once = message.qos == QoS::AtMostOnce;
        let publishing = self.client.publish(message);
        spawn_local(async move {
            settled(match publishing.await {
                Ok(_) if at_most_once => Outcome::Sent,
                Ok(told) if told.reason == ReasonCode::NoMatchingSubscribers => {
                    Outcome::NobodyThere
                }
                Ok(_) => Outcome::Acknowledged,
                Err(Error::NotConnected) => Outcome::NotConnected,
                Err(Error::Refused {
                    reason: ReasonCode::NotAuthorized,
                    ..
                }) => Outcome::NotAllowed,
                Err(error) => Outcome::Failed(why(&error)),
            });
        });
    }

    /// Asks the broker, and says what it has answered; nothing if the link is
    /// dropped before that. At QoS 1 a broker that is not ours says at once
    /// that nobody is there; what changes something goes at QoS 0, so that it
    /// does not come late.
    pub(crate) fn ask<T: 'static>(
        &self,
        request: Request<T>,
        settled: impl FnOnce(Result<T, Failure>) + 'static,
    ) {
        let name = request.name;
        let payload = request.payload.clone();
        // In a box: all that follows is then there once, and not once a question.
        let told = Box::new(move |answer: Result<&[u8], Failure>| {
            settled(answer.and_then(|answer| request.read(answer)));
        });
        self.request(name, payload, told);
    }

    fn request(&self, name: &'static str, payload: String, told: Told) {
        let qos = match name {
            "disconnect" | "layout" => QoS::AtMostOnce,
            _ => QoS::AtLeastOnce,
        };
        let topic = [desk::REQUESTS, name].concat();
        let Ok(message) = Publish::new(topic, payload) else {
            return told(Err(Failure::NotOurs));
        };
        let asking = self.client.request(message.qos(qos), ANSWER_TIMEOUT);
        let is_open = self.is_open.clone();
        spawn_local(async move {
            let answer = asking.await;
            if !is_open.get() {
                return;
            }
            told(match &answer {
                Ok(answer) => Ok(&answer.payload),
                Err(Error::NobodyThere | Error::Refused { .. } | Error::NeedsVersion5) => {
                    Err(Failure::NotOurs)
                }
                Err(_) => Err(Failure::NoAnswer),
            });
        });
    }

    /// Reports each layout that the broker keeps, now and when it changes.
    pub(crate) fn layouts(&self, on_layout: Callback<Kept>) {
        let on_layout = while_open(&self.is_open, on_layout);
        let subscribing = self.client.subscribe(desk::LAYOUTS, QoS::AtLeastOnce);
        spawn_local(async move {
            // Who may not read them has none.
            let Ok(mut messages) = subscribing.await else {
                return;
            };
            while let Some(message) = messages.next().await {
                if let Some(kept) = desk::kept(&message.topic, &message.payload) {
                    on_layout.emit(kept);
                }
            }
        });
    }

    /// Hears what the broker says of itself, or no longer.
    pub(crate) fn listen(&self, wanted: bool, on_messages: Callback<Vec<Message>>) {
        if let Some(before) = self.listening.take() {
            before.abort();
        }
        if !wanted {
            return;
        }
        let on_messages = while_open(&self.is_open, on_messages);
        let subscribing = self.client.subscribe(SYSTEM, QoS::AtMostOnce);
        let (listening, handle) = abortable(async move {
            // What may not be read is not there.
            if let Ok(messages) = subscribing.await {
                pass_on(messages, on_messages).await;
            }
        });
        self.listening.replace(Some(handle));
        spawn_local(async move {
            // Whether it was ended makes no difference.
            let _ = listening.await;
        });
    }

    /// Subscribes to one topic and what is below it, in the place of the one
    /// before, with a connection of its own: on this one a broker may send one
    /// message for both subscriptions, and what it keeps would come again for
    /// both. Of what is below it, only what is kept is told.
    pub(crate) fn watch(&self, topic: Option<&str>, on_sighting: Callback<Vec<Sighting>>) {
        if let Some(before) = self.watching.take() {
            before.abort();
        }
        let Some(topic) = topic.map(str::to_owned) else {
            return;
        };
        let on_sighting = while_open(&self.is_open, on_sighting);
        let client = self.login.client();
        let options = SubscriptionOptions {
            retain_as_published: true,
            ..QoS::ExactlyOnce.into()
        };
        let subscribing = client.subscribe([&*topic, "/#"].concat(), options);
        // Before 5.0 only what was kept already says so; that no payload means
        // "forget it" is then a guess.
        let is_old = self.login.is_old();
        let (watching, handle) = abortable(async move {
            // What may not be read, or cannot be subscribed to, is not known.
            let Ok(messages) = subscribing.await else {
                return;
            };
            let mut messages = messages.ready_chunks(AT_ONCE);
            while let Some(some) = messages.next().await {
                let sightings = some.iter().map(|message| Sighting {
                    topic: (&*message.topic).into(),
                    qos: message.qos as u8,
                    retain: message.retain || (is_old && message.payload.is_empty()),
                    is_empty: message.payload.is_empty(),
                });
                let some = sightings.filter(|seen| seen.retain || *seen.topic == *topic);
                on_sighting.emit(some.collect());
            }
        });
        self.watching.replace(Some(handle));
        spawn_local(async move {
            // Whether it was ended makes no difference.
            let _ = watching.await;
            client.end().await;
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.is_open.set(false);
        for handle in [&self.watching, &self.listening] {
            if let Some(handle) = handle.take() {
                handle.abort();
            }
        }
        let client = self.client.clone();
        spawn_local(async move { client.end().await });
    }
}

/// Passes on what comes while the link is open.
fn while_open<T: 'static>(is_open: &Rc<Cell<bool>>, to: Callback<T>) -> Callback<T> {
    let is_open = is_open.clone();
    Callback::from(move |what| {
        if is_open.get() {
            to.emit(what);
        }
    })
}

fn qos(level: u8) -> QoS {
    match level {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

async fn report(client: Client, login: Rc<Login>, on_event: Callback<LinkEvent>) {
    let mut events = client.events();
    while let Some(event) = events.next().await {
        // SCRAM is of MQTT 5.0, and so its broker takes the password itself only.
        let is_scram = login.proof.get() == Proof::Scram;
        let admitted = match &event {
            Event::Connected { client_id, .. } => {
                login.is_known.set(true);
                Some(Identity {
                    client_id: client_id.to_string(),
                    user: login.credentials.as_ref().map(|login| login.user.clone()),
                    proof: login.proof.get(),
                    is_old: login.is_old(),
                })
            }
            Event::Disconnected {
                error: Some(error), ..
            } if login.fall_back(&client, error) => continue,
            _ => None,
        };
        if let Some(event) = translate(event, is_scram) {
            on_event.emit(event);
        }
        if let Some(identity) = admitted {
            on_event.emit(LinkEvent::Admitted(identity));
        }
    }
}

async fn subscribe(
    client: Client,
    on_event: Callback<LinkEvent>,
    on_messages: Callback<Vec<Message>>,
) {
    match client.subscribe(EVERYTHING, QoS::AtMostOnce).await {
        Ok(messages) => pass_on(messages, on_messages).await,
        // Nothing else can end the wait but the end of the client.
        Err(Error::Refused { .. }) => {
            on_event.emit(LinkEvent::SubscribeRefused);
        }
        Err(_) => {}
    }
}

async fn pass_on(mut messages: Subscription, on_messages: Callback<Vec<Message>>) {
    let frame = Frame::new(on_messages);
    while let Some(message) = messages.next().await {
        frame.push(received(&message));
    }
}

fn received(message: &Publish) -> Message {
    Message {
        topic: message.topic.to_string(),
        payload: message.payload.to_vec(),
        retain: message.retain,
        at: browser::now(),
    }
}

/// `None` for what a person need not know.
fn translate(event: Event, is_scram: bool) -> Option<LinkEvent> {
    Some(match event {
        Event::Connecting => LinkEvent::Connecting,
        Event::Connected { .. } => LinkEvent::Connected,
        Event::Disconnected {
            error, retry_in, ..
        } => LinkEvent::Disconnected {
            refusal: error.map(|error| match refusal(&error) {
                Refusal::Version if is_scram => Refusal::Bare,
                refusal => refusal,
            }),
            retry_in: retry_in.map(|pause| pause.as_secs_f64() * 1000.0),
        },
        Event::SubscriptionRefused { filter, .. } if *filter == *EVERYTHING => {
            LinkEvent::SubscribeRefused
        }
        _ => return None,
    })
}

/// Whether the broker does not know the way in which the page wants to log in.
fn is_unknown_method(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            operation: Operation::Connect,
            reason: ReasonCode::BadAuthenticationMethod,
            ..
        }
    )
}

/// Whether the broker does not speak this version of MQTT.
fn is_unknown_version(error: &Error) -> bool {
    let reason = ReasonCode::UnsupportedProtocolVersion;
    matches!(error, Error::Refused { reason: told, .. } if *told == reason)
}

/// Whether it ended a connection without a word of MQTT, as old brokers do that
/// cannot read a CONNECT.
fn is_wordless(error: &Error) -> bool {
    matches!(error, Error::ConnectionLost { .. } | Error::Violation(_))
}

/// What a person should be told.
fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Refused { properties, .. } if error.is_about_credentials() => {
            Refusal::Login(properties.reason_string().map(ToString::to_string))
        }
        error if is_unknown_method(error) => Refusal::Bare,
        Error::Unreachable { .. } | Error::ConnectTimeout { .. } => Refusal::Unreachable,
        Error::ConnectionLost { .. } | Error::KeepAliveTimeout => Refusal::Lost,
        Error::Blocked { .. } => Refusal::Blocked,
        Error::Authentication(_) => Refusal::Impostor,
        Error::Refused { reason, .. } | Error::Disconnected { reason, .. } => match reason {
            ReasonCode::UnsupportedProtocolVersion => Refusal::Version,
            ReasonCode::ClientIdentifierNotValid => Refusal::Identifier,
            ReasonCode::Banned => Refusal::Banned,
            ReasonCode::ServerBusy | ReasonCode::ServerUnavailable | ReasonCode::QuotaExceeded => {
                Refusal::Busy
            }
            ReasonCode::SessionTakenOver => Refusal::TakenOver,
            ReasonCode::UseAnotherServer | ReasonCode::ServerMoved => {
                Refusal::Elsewhere(error.server_reference().map(str::to_owned))
            }
            _ => Refusal::Other(why(error)),
        },
        error => Refusal::Other(why(error)),
    }
}

/// What is known of an error that seldom comes. Its own words are for who writes
/// programs, and longer than all of this page's.
fn why(error: &Error) -> Why {
    let (code, words) = match error {
        Error::Refused {
            reason, properties, ..
        }
        | Error::Disconnected { reason, properties } => (*reason, properties.reason_string()),
        Error::TooLarge => (ReasonCode::PacketTooLarge, None),
        Error::QoSNotSupported => (ReasonCode::QoSNotSupported, None),
        Error::RetainNotSupported => (ReasonCode::RetainNotSupported, None),
        _ => return Why::default(),
    };
    Why {
        code: Some(code as u8),
        words: words.map(ToString::to_string),
    }
}
