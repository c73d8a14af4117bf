//! What is known about one topic only while somebody looks at it closely: the
//! page then subscribes to it alone, on a connection of its own, at QoS 2 and
//! with Retain As Published (section 3.8.3.1 of MQTT 5.0), and so learns what
//! the subscription to everything does not tell.

use std::rc::Rc;

/// A message on the topic, as much of it as matters here.
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
    /// The QoS of the latest message.
    pub qos: Option<u8>,
    /// Whether the broker keeps a message for later subscribers. It sends that
    /// first of all, so that without one there is none, or not yet.
    pub is_retained: bool,
}

impl Watch {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(topic: Rc<str>) -> Watch {
        Watch {
            topic,
            qos: None,
            is_retained: false,
        }
    }

    /// A message has come.
    pub fn see(&mut self, sighting: &Sighting) {
        if sighting.topic == self.topic {
            self.qos = Some(sighting.qos);
            if sighting.retain {
                self.is_retained = !sighting.is_empty;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(retain: bool, is_empty: bool) -> Sighting {
        Sighting {
            topic: "a".into(),
            qos: 1,
            retain,
            is_empty,
        }
    }

    #[test]
    fn what_is_kept_stays_kept_until_it_is_cleared() {
        let mut watch = Watch::new("a".into());
        assert_eq!((watch.qos, watch.is_retained), (None, false));
        watch.see(&sighting(true, false));
        assert_eq!((watch.qos, watch.is_retained), (Some(1), true));
        watch.see(&sighting(false, false));
        watch.see(&sighting(false, true));
        assert!(watch.is_retained, "a plain message changes nothing");
        watch.see(&sighting(true, true));
        assert!(!watch.is_retained);
    }

    #[test]
    fn a_message_of_the_topic_before_is_none_of_this_one() {
        let mut watch = Watch::new("b".into());
        watch.see(&sighting(true, false));
        assert_eq!(watch, Watch::new("b".into()));
    }
}
