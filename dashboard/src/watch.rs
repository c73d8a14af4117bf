//! What is known about a topic, and what is below it, only while somebody looks
//! at it closely: the page then subscribes to it, on a connection of its own, at
//! QoS 2 and with Retain As Published (section 3.8.3.1 of MQTT 5.0), and so
//! learns what the subscription to everything does not tell.

use std::rc::Rc;

use crate::publishing::Outcome;

/// Retained messages that are counted.
pub const MAX_KEPT: usize = 5_000;

/// A message on the topic or below it, as much of it as matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Its topic.
    pub topic: Rc<str>,
    /// The QoS at which it was published.
    pub qos: u8,
    /// Whether it was kept, or is to be from now on.
    pub retain: bool,
    /// Whether its payload is empty: retained, that means "forget it".
    pub is_empty: bool,
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The topic.
    pub topic: Rc<str>,
    /// The QoS of its latest message.
    pub qos: Option<u8>,
    /// The topics in their order, this one and those below it, for which the broker keeps a
    /// message for later subscribers. It sends those first of all, so that what
    /// is not there is not kept, or not yet.
    pub kept: Rc<Vec<Rc<str>>>,
    /// Why something that was to be cleared was not.
    pub trouble: Option<Outcome>,
}

impl Watch {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(topic: Rc<str>) -> Watch {
        Watch {
            topic,
            qos: None,
            kept: Rc::default(),
            trouble: None,
        }
    }

    /// Messages have come.
    pub fn see(&mut self, sightings: &[Sighting]) {
        for sighting in sightings {
            let topic = &sighting.topic;
            let below = topic.strip_prefix(&*self.topic);
            if below.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/')) {
                continue;
            }
            if *topic == self.topic {
                self.qos = Some(sighting.qos);
            }
            if sighting.retain {
                let kept = Rc::make_mut(&mut self.kept);
                match (kept.binary_search(topic), sighting.is_empty) {
                    (Ok(at), true) => _ = kept.remove(at),
                    (Err(at), false) if kept.len() < MAX_KEPT => kept.insert(at, topic.clone()),
                    _ => {}
                }
            }
        }
    }

    /// Whether the broker keeps a message for the topic itself.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        self.kept.binary_search(&self.topic).is_ok()
    }

    /// It is known what became of clearing one.
    pub fn cleared(&mut self, outcome: Outcome) {
        let is_done = matches!(outcome, Outcome::Acknowledged | Outcome::NobodyThere);
        if !is_done {
            self.trouble = Some(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(topic: &str, retain: bool, is_empty: bool) -> Sighting {
        Sighting {
            topic: topic.into(),
            qos: 1,
            retain,
            is_empty,
        }
    }

    #[test]
    fn what_is_kept_stays_kept_until_it_is_cleared() {
        let mut watch = Watch::new("a".into());
        assert_eq!((watch.qos, watch.is_retained()), (None, false));
        watch.see(&[sighting("a", true, false)]);
        assert_eq!((watch.qos, watch.is_retained()), (Some(1), true));
        watch.see(&[sighting("a", false, false), sighting("a", false, true)]);
        assert!(watch.is_retained(), "a plain message changes nothing");
        watch.see(&[sighting("a", true, true)]);
        assert!(!watch.is_retained());
    }

    #[test]
    fn what_is_kept_below_is_counted_and_nothing_else() {
        let mut watch = Watch::new("a/b".into());
        let topics = ["a/b/c", "a/b/c/d", "a/bb", "a", "a/b/"];
        watch.see(&topics.map(|topic| sighting(topic, true, false)));
        assert_eq!((watch.kept.len(), watch.is_retained()), (3, false));
        assert_eq!(watch.qos, None, "it was not the topic's own");
        watch.see(&[sighting("a/b/c", true, true)]);
        assert_eq!(watch.kept.len(), 2);
    }

    #[test]
    fn a_message_of_the_topic_before_is_none_of_this_one() {
        let mut watch = Watch::new("b".into());
        watch.see(&[sighting("a", true, false)]);
        assert_eq!(watch, Watch::new("b".into()));
    }

    #[test]
    fn only_what_went_wrong_is_told_of_clearing() {
        let mut watch = Watch::new("a".into());
        watch.cleared(Outcome::NobodyThere);
        assert_eq!(watch.trouble, None);
        watch.cleared(Outcome::NotAllowed);
        watch.cleared(Outcome::Acknowledged);
        assert_eq!(watch.trouble, Some(Outcome::NotAllowed));
    }
}
