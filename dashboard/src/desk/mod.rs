//! What the page asks its broker below `$dashboard`, and what it is told.
//! Pure: `link` sends a [`Request`] and gives its answer to [`Request::read`].
//!
//! Other brokers know nothing of it: then everything that plain MQTT allows
//! works, and the page says what is missing ([`Failure::NotOurs`]).

mod answers;

pub use answers::{
    Client, Clients, Counts, Info, Kept, Listener, Past, Points, Subscription, Subscriptions, kept,
};

use crate::json::Json;

/// Where requests go.
pub(crate) const REQUESTS: &str = "$dashboard/request/";
/// Below which the broker answers.
pub(crate) const ANSWERS: &str = "$dashboard/answer";
/// Where the layouts are kept.
pub(crate) const LAYOUTS: &str = "$dashboard/layout/+";

/// Topics in one [`subscribers`].
pub const MAX_SUBSCRIBERS: usize = 512;
/// Topics in one [`recent`].
pub const MAX_RECENT: usize = 256;

/// A question, and how its answer is read.
#[derive(Clone, Debug)]
pub struct Request<T> {
    /// What is asked.
    pub(crate) name: &'static str,
    /// With what.
    pub(crate) payload: String,
    read: fn(&Json) -> Option<T>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This broker does not answer such requests.
    NotOurs,
    /// There is no connection, or no answer came in time.
    NoAnswer,
    /// The broker says why not.
    Refused {
        /// Which kind of no.
        code: Code,
        /// A line for a person.
        text: String,
        /// What is there, in a conflict.
        revision: Option<u64>,
    },
}

/// Which kind of no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The rules do not allow it.
    NotAllowed,
    /// Somebody else was faster.
    Conflict,
    /// It is not there.
    NotFound,
    /// It is too large.
    TooLarge,
    /// Not now, or not here.
    Unavailable,
    /// The page has asked for what this broker does not know.
    Unknown,
}

impl<T> Request<T> {
    fn new(name: &'static str, payload: &Json, read: fn(&Json) -> Option<T>) -> Request<T> {
        Request {
            name,
            payload: payload.to_string(),
            read,
        }
    }

    /// What the answer says.
    ///
    /// # Errors
    /// It says why not, or is none that is understood.
    pub fn read(&self, answer: &[u8]) -> Result<T, Failure> {
        let text = std::str::from_utf8(answer).ok();
        let answer = text.and_then(Json::parse).ok_or(Failure::NotOurs)?;
        if let Some(error) = answer.get("error").and_then(Json::text) {
            let code = match error {
                "not_allowed" => Code::NotAllowed,
                "conflict" => Code::Conflict,
                "not_found" => Code::NotFound,
                "too_large" => Code::TooLarge,
                "unavailable" => Code::Unavailable,
                _ => Code::Unknown,
            };
            let text = answer.get("text").and_then(Json::text);
            return Err(Failure::Refused {
                code,
                text: text.unwrap_or_default().to_owned(),
                revision: answer.get("revision").and_then(answers::count),
            });
        }
        (self.read)(&answer).ok_or(Failure::NotOurs)
    }
}

/// Who the broker is, and what this page may do.
#[must_use]
pub fn info() -> Request<Info> {
    Request::new("info", &Json::map([]), Info::read)
}

/// How many others subscribe to each topic; at most [`MAX_SUBSCRIBERS`].
pub fn subscribers<T: Into<String>>(topics: impl IntoIterator<Item = T>) -> Request<Counts> {
    let question = Json::map([("topics", Json::texts(topics))]);
    Request::new("subscribers", &question, Counts::read)
}

/// What numbers topics have had, since `since` (milliseconds since 1970, by
/// the broker's clock) or since the broker started; at most [`MAX_RECENT`].
pub fn recent<T: Into<String>>(
    topics: impl IntoIterator<Item = T>,
    since: Option<f64>,
) -> Request<Past> {
    let topics = ("topics", Json::texts(topics));
    let since = since.map(|since| ("since", since.into()));
    let question = Json::map([topics].into_iter().chain(since));
    Request::new("recent", &question, Past::read)
}

/// A page of clients, those whose identifiers come after `after`.
#[must_use]
pub fn clients(after: Option<&str>) -> Request<Clients> {
    let limit = ("limit", (crate::broker::PAGE as f64).into());
    let after = after.map(|after| ("after", after.into()));
    let question = Json::map([limit].into_iter().chain(after));
    Request::new("clients", &question, Clients::read)
}

/// What a client subscribes to.
#[must_use]
pub fn subscriptions(client: &str) -> Request<Subscriptions> {
    let question = Json::map([("client", client.into())]);
    Request::new("subscriptions", &question, Subscriptions::read)
}

/// Ends a client's connection.
#[must_use]
pub fn disconnect(client: &str) -> Request<()> {
    let question = Json::map([("client", client.into())]);
    Request::new("disconnect", &question, |_| Some(()))
}

/// Puts a layout in the place of the one with this revision (0 for none);
/// gives the new revision. [`Json::Null`] takes it away.
#[must_use]
pub fn layout(name: &str, revision: u64, layout: &Json) -> Request<u64> {
    let question = Json::map([
        ("name", name.into()),
        ("revision", (revision as f64).into()),
        ("layout", layout.clone()),
    ]);
    Request::new("layout", &question, |answer| {
        answer.get("revision").and_then(answers::count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_as_the_broker_wants_them() {
        let told = |name, payload: &str, expected: (&str, &str)| {
            assert_eq!((name, payload), expected);
        };
        let request = info();
        told(request.name, &request.payload, ("info", "{}"));
        let request = subscribers(["home/led"]);
        told(
            request.name,
            &request.payload,
            ("subscribers", r#"{"topics":["home/led"]}"#),
        );
        let request = recent(["a", "b"], Some(1_700_000_000_123.0));
        let expected = r#"{"topics":["a","b"],"since":1700000000123}"#;
        told(request.name, &request.payload, ("recent", expected));
        assert_eq!(recent(["a"], None).payload, r#"{"topics":["a"]}"#);
        assert_eq!(clients(None).payload, r#"{"limit":200}"#);
        let request = clients(Some("é\""));
        assert_eq!(request.payload, r#"{"limit":200,"after":"é\""}"#);
        let request = disconnect("c");
        told(
            request.name,
            &request.payload,
            ("disconnect", r#"{"client":"c"}"#),
        );
        let request = layout("home", 3, &Json::map([("a", 1.0.into())]));
        let expected = r#"{"name":"home","revision":3,"layout":{"a":1}}"#;
        told(request.name, &request.payload, ("layout", expected));
        assert!(
            layout("home", 3, &Json::Null)
                .payload
                .ends_with("\"layout\":null}")
        );
    }

    #[test]
    fn an_answer_may_say_why_not() {
        let answer = br#"{"error":"conflict","text":"Somebody was faster.","revision":7}"#;
        let failure = Failure::Refused {
            code: Code::Conflict,
            text: "Somebody was faster.".into(),
            revision: Some(7),
        };
        assert_eq!(layout("home", 1, &Json::Null).read(answer), Err(failure));
        let answer = br#"{"error":"something new","text":"x"}"#;
        let failure = disconnect("c").read(answer);
        assert!(matches!(
            failure,
            Err(Failure::Refused {
                code: Code::Unknown,
                ..
            })
        ));
        assert_eq!(disconnect("c").read(b"{}"), Ok(()));
        assert_eq!(
            layout("home", 1, &Json::Null).read(br#"{"revision":2}"#),
            Ok(2)
        );
    }

    #[test]
    fn what_another_program_answers_is_not_taken_for_the_brokers() {
        for answer in [
            &b"\xff"[..],
            b"",
            b"hello",
            b"[]",
            b"{}",
            br#"{"revision":-1}"#,
        ] {
            assert_eq!(
                layout("home", 1, &Json::Null).read(answer),
                Err(Failure::NotOurs)
            );
            assert_eq!(info().read(answer), Err(Failure::NotOurs));
        }
    }
}
