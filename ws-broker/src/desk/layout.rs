use std::sync::{Arc, Mutex, PoisonError};

use codec::{QoS, TopicFilter, TopicName};
use protocol::{Message, Time};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::request::{Outcome, encode};
use super::{Asker, Code, Failure, ROOT};
use crate::broker::Broker;
use crate::router::{Publication, Retained};

const MAX_NAMES: usize = 32;
const MAX_NAME: usize = 32;
const NONE: &str = "null";

/// Held while a layout is changed: of two that know the same revision, one is
/// first.
#[derive(Debug, Default)]
pub(crate) struct Layouts(Mutex<()>);

#[derive(Debug, Deserialize)]
pub(super) struct Question {
    name: String,
    revision: u64,
    layout: Box<RawValue>,
}

/// What is retained.
#[derive(Debug, Deserialize, Serialize)]
struct Kept<'a> {
    revision: u64,
    #[serde(borrow)]
    layout: &'a RawValue,
}

#[derive(Debug, Serialize)]
struct Done {
    revision: u64,
}

/// Puts a layout in the place of the one that the asker has seen.
pub(super) fn change(asker: Asker<'_>, question: &Question) -> Result<Outcome, Failure> {
    asker.check("layout")?;
    let Asker {
        broker, settings, ..
    } = asker;
    let name = topic_of(&question.name)?;
    let layout = question.layout.get();
    if !(layout.starts_with('{') || layout == NONE) {
        let text = "A layout is a JSON object, or null for none.";
        return Err(Failure::new(Code::Malformed, text));
    }
    if !settings.config.retain_available {
        return Err(unavailable(
            "Layouts are retained messages, and retain_available is false.",
        ));
    }
    if broker
        .router
        .journal()
        .is_some_and(|journal| journal.is_failing())
    {
        return Err(unavailable("The broker cannot write to its store."));
    }
    let done = replace(broker, name, question)?;
    Ok(Outcome::Stored(encode(&done)?))
}

fn replace(broker: &Broker, name: TopicName, question: &Question) -> Result<Done, Failure> {
    let now = broker.clock.now();
    let guard = &broker.desk.layouts.0;
    let _guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
    let before = find(broker, name.as_str(), now).pop();
    let before = before.as_ref().and_then(revision);
    if question.revision != before.unwrap_or(0) {
        return Err(Failure::conflict(before.unwrap_or(0)));
    }
    if before.is_none() {
        make_room(broker, now)?;
    }
    let revision = question.revision.saturating_add(1);
    let kept = Kept {
        revision,
        layout: &question.layout,
    };
    if !publish(broker, name, encode(&kept)?, now) {
        return Err(unavailable("memory_limit is reached."));
    }
    Ok(Done { revision })
}

/// Gives up a name without a layout, if all names are taken.
fn make_room(broker: &Broker, now: Time) -> Result<(), Failure> {
    let all = find(broker, &format!("{ROOT}/layout/+"), now);
    if all.len() < MAX_NAMES {
        return Ok(());
    }
    let free = all.into_iter().find(|retained| {
        let kept = serde_json::from_slice::<Kept<'_>>(&retained.message.payload);
        kept.is_ok_and(|kept| kept.layout.get() == NONE)
    });
    let Some(free) = free else {
        let text = format!("There are {MAX_NAMES} layouts already: take one away first.");
        return Err(Failure::new(Code::TooLarge, text));
    };
    publish(broker, free.message.topic.clone(), Vec::new(), now);
    Ok(())
}

fn find(broker: &Broker, filter: &str, now: Time) -> Vec<Retained> {
    let filter = TopicFilter::new(filter);
    filter.map_or_else(
        |_| Vec::new(),
        |filter| broker.router.retained(&filter, now),
    )
}

fn revision(retained: &Retained) -> Option<u64> {
    let kept = serde_json::from_slice::<Kept<'_>>(&retained.message.payload);
    kept.ok().map(|kept| kept.revision)
}

/// Retains it, and tells whoever subscribes; false if there is no room.
fn publish(broker: &Broker, name: TopicName, payload: Vec<u8>, now: Time) -> bool {
    let message = Arc::new(Message::new(name, payload));
    let retained = Retained {
        message: message.clone(),
        qos: QoS::AtLeastOnce,
        source: None,
    };
    if !broker.router.retain(&retained) {
        return false;
    }
    let publication = Publication {
        message: &message,
        qos: QoS::AtLeastOnce,
        retain: true,
    };
    broker.pass_on(publication, now);
    true
}

fn topic_of(name: &str) -> Result<TopicName, Failure> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(is_plain);
    let topic = TopicName::new(format!("{ROOT}/layout/{name}"));
    topic.ok().filter(|_| is_name).ok_or_else(|| {
        let text = format!("A name has 1 to {MAX_NAME} of a-z, 0-9 and \"-\".");
        Failure::new(Code::Malformed, text)
    })
}

fn unavailable(text: &str) -> Failure {
    Failure::new(Code::Unavailable, text)
}
