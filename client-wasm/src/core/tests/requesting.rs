//! Requests and their answers (section 4.10).

use codec::Ack;

use super::*;
use crate::core::Requested;
use crate::waits::Requesting;
use crate::{Error, Goodbye, Message, Offline};

const PATIENCE: Duration = Duration::from_millis(2500);

fn question() -> Message {
    Message::new("Kitchen/Fridge/get", "Temperature")
        .unwrap()
        .qos(QoS::AtLeastOnce)
}

fn answer_to(request: &Publish, payload: &'static str) -> Packet {
    let request = Message::from_publish(request.clone());
    let answer = request.answer(payload).expect("it asks for one");
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: answer.topic,
        packet_id: None,
        properties: answer.properties,
        payload: answer.payload,
    })
}

fn now(requesting: &mut Requesting) -> Option<Result<Message, Error>> {
    let mut context = Context::from_waker(Waker::noop());
    match Future::poll(std::pin::Pin::new(requesting), &mut context) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

impl Pair {
    fn request(&mut self) -> Requesting {
        Requesting::new(self.begin())
    }

    fn begin(&mut self) -> Result<Requested, Error> {
        self.core.request(question(), PATIENCE, self.now)
    }

    /// The first request of a client, as the broker receives it.
    fn first_request(&mut self) -> (Requesting, Subscribe, Publish) {
        self.heard();
        let requesting = self.request();
        match &self.heard()[..] {
            [Packet::Subscribe(subscribe), Packet::Publish(publish)] => {
                (requesting, subscribe.clone(), publish.clone())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_request_says_where_its_answer_goes_and_gets_it() {
    let mut pair = Pair::connected(Options::new(URL).client_id("page"));
    let (mut first, subscribe, request) = pair.first_request();
    let inbox = &subscribe.subscriptions[0];
    assert_eq!(inbox.filter.as_str(), "response/page");
    let properties = &request.properties;
    assert_eq!(properties.response_topic().unwrap(), "response/page");
    assert_eq!(properties.message_expiry_interval(), Some(3));
    pair.grant(&subscribe, &[ReasonCode::GrantedQoS1]);

    let mut second = pair.request();
    let again = pair.heard_publishes();
    assert_eq!(again.len(), 1, "no further SUBSCRIBE");
    assert_ne!(
        again[0].properties.correlation_data(),
        properties.correlation_data()
    );
    // In another order, one before its PUBACK, one that nobody asked for.
    pair.say(&publish("response/page", QoS::AtMostOnce, 0));
    pair.say(&answer_to(&again[0], "14"));
    assert_eq!(now(&mut first), None);
    assert_eq!(now(&mut second).unwrap().unwrap().text(), Some("14"));
    let id = request.packet_id.unwrap();
    pair.say(&Packet::PubAck(Ack::new(id, ReasonCode::Success)));
    assert_eq!(now(&mut first), None);
    pair.say(&answer_to(&request, "13"));
    assert_eq!(now(&mut first).unwrap().unwrap().text(), Some("13"));
    // It is over: the same answer again is for nobody.
    pair.say(&answer_to(&request, "12"));
}

#[test]
fn where_answers_go_is_for_the_options_and_then_for_the_broker_to_say() {
    let information = Property::ResponseInformation("answers/7/".into());
    for (options, topic) in [
        (Options::new(URL), "answers/7/a-b"),
        (Options::new(URL).response_base("mine"), "mine/a-b"),
    ] {
        let mut pair = Pair::new(options.client_id("a+b"));
        pair.open();
        pair.accept_with(false, Properties::new().with(information.clone()));
        let (_, subscribe, request) = pair.first_request();
        assert_eq!(subscribe.subscriptions[0].filter.as_str(), topic);
        assert_eq!(request.properties.response_topic().unwrap(), topic);
    }
}

#[test]
fn who_waits_long_enough_hears_of_it() {
    let mut pair = Pair::connected(Options::new(URL));
    let (mut requesting, _, request) = pair.first_request();
    assert_eq!(pair.core.poll_timeout(), Some(pair.now + PATIENCE));
    pair.pass(PATIENCE - Duration::from_millis(1));
    assert_eq!(now(&mut requesting), None);
    pair.pass(Duration::from_millis(1));
    let error = Error::NoAnswer { timeout: PATIENCE };
    assert_eq!(now(&mut requesting), Some(Err(error)));
    pair.say(&answer_to(&request, "late"));
    assert!(pair.core.is_connected());
}

#[test]
fn who_cannot_be_answered_hears_of_it_at_once() {
    let mut pair = Pair::connected(Options::new(URL));
    let (mut requesting, subscribe, request) = pair.first_request();
    let id = request.packet_id.unwrap();
    let nobody = Ack::new(id, ReasonCode::NoMatchingSubscribers);
    pair.say(&Packet::PubAck(nobody));
    assert_eq!(now(&mut requesting), Some(Err(Error::NobodyThere)));

    let mut unheard = pair.request();
    pair.grant(&subscribe, &[ReasonCode::NotAuthorized]);
    let error = now(&mut unheard).unwrap().unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    // The next one asks again.
    let (mut refused, subscribe, request) = pair.first_request();
    pair.grant(&subscribe, &[ReasonCode::GrantedQoS1]);
    let id = request.packet_id.unwrap();
    pair.say(&Packet::PubAck(Ack::new(id, ReasonCode::NotAuthorized)));
    let error = now(&mut refused).unwrap().unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");

    let mut ended = pair.request();
    pair.core.end(Goodbye::new()).unwrap();
    assert_eq!(now(&mut ended), Some(Err(Error::Ended)));
    assert_eq!(pair.begin().unwrap_err(), Error::Ended);
}

#[test]
fn a_request_waits_on_when_the_connection_is_lost() {
    let mut pair = Pair::connected(Options::new(URL));
    let (mut requesting, subscribe, request) = pair.first_request();
    pair.grant(&subscribe, &[ReasonCode::GrantedQoS1]);
    pair.reopen();
    assert_eq!(pair.begin().unwrap_err(), Error::NotConnected);
    pair.accept(false);
    assert_eq!(pair.heard_subscribe().subscriptions.len(), 1);
    pair.say(&answer_to(&request, "14"));
    assert_eq!(now(&mut requesting).unwrap().unwrap().text(), Some("14"));
}

#[test]
fn each_request_has_a_deadline_of_its_own() {
    let mut pair = Pair::connected(Options::new(URL).keep_alive(0));
    let mut ask = |millis| {
        let timeout = Duration::from_millis(millis);
        Requesting::new(pair.core.request(question(), timeout, pair.now))
    };
    let mut all = [3000, 1000, 2000].map(&mut ask);
    for (passed, over) in [(999, 0), (1, 1), (1000, 2), (1000, 3)] {
        pair.pass(Duration::from_millis(passed));
        let mut outcomes = all.iter_mut().map(now);
        let count = outcomes.by_ref().flatten().count();
        assert_eq!(count, over);
    }
    assert_eq!(pair.core.poll_timeout(), None);
}

#[test]
fn who_has_no_name_yet_has_nowhere_to_be_answered() {
    let options = Options::new(URL).named_by_broker().offline(Offline::Queue);
    let mut pair = Pair::new(options);
    assert_eq!(pair.begin().unwrap_err(), Error::NotConnected);
}

#[test]
fn requests_need_5_0() {
    let mut pair = Pair::connected(Options::new(URL).version(ProtocolVersion::V3_1_1));
    assert_eq!(pair.begin().unwrap_err(), Error::NeedsVersion5);
}

#[test]
fn an_answer_has_the_topic_data_and_qos_of_its_request() {
    let plain = question();
    assert_eq!(plain.answer("14"), None);
    let request = plain.property(Property::ResponseTopic("here".into()));
    let answer = request.answer("14").unwrap();
    assert_eq!((answer.topic.as_str(), answer.text()), ("here", Some("14")));
    assert_eq!(answer.qos, QoS::AtLeastOnce);
    assert!(answer.properties.is_empty());
    let data = Property::CorrelationData("7".into());
    let answer = request.property(data.clone()).answer("14").unwrap();
    assert_eq!(answer.properties, Properties::new().with(data));
}
