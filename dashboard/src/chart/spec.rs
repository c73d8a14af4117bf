//! A chart as it stands in a link: `Kitchen/Fridge&Kitchen/Air:CO2@3600`.

use std::rc::Rc;

use crate::extract::Leaf;
use crate::place::decode;
use crate::route::encode;

/// Numbers that fit in one chart.
pub const MAX_SERIES: usize = 6;

/// A number: its topic, and where it stands in the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The topic.
    pub topic: Rc<str>,
    /// The path; empty for a payload with one number only.
    pub path: Rc<str>,
}

impl Name {
    /// The number at `path` of the payloads of `topic`.
    #[must_use]
    pub fn new(topic: &str, path: &str) -> Name {
        Name {
            topic: topic.into(),
            path: path.into(),
        }
    }

    /// Whether it is this one, of those in a payload.
    #[must_use]
    pub fn is(&self, leaf: &Leaf) -> bool {
        *self.path == *leaf.path
    }
}

/// Which numbers, and how much time of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// The numbers, [`MAX_SERIES`] at most.
    pub names: Vec<Name>,
    /// Seconds that are shown; `None` for all there are.
    pub seconds: Option<u32>,
}

impl Spec {
    /// A chart of one number.
    #[must_use]
    pub fn of(name: Name) -> Spec {
        Spec {
            names: vec![name],
            seconds: Some(3600),
        }
    }

    /// From a link. What cannot be read is left out.
    #[must_use]
    pub fn parse(text: &str) -> Spec {
        let (names, seconds) = text.split_once('@').unwrap_or((text, ""));
        let names = names.split('&').filter(|name| !name.is_empty());
        let name = |name: &str| {
            let (topic, path) = name.split_once(':').unwrap_or((name, ""));
            Name::new(&decode(topic), &decode(path))
        };
        Spec {
            names: names.map(name).take(MAX_SERIES).collect(),
            seconds: seconds.parse().ok().filter(|&seconds| seconds > 0),
        }
    }

    /// As it stands in a link.
    #[must_use]
    pub fn link(&self) -> String {
        let mut link = String::new();
        for name in &self.names {
            if !link.is_empty() {
                link.push('&');
            }
            encode(&name.topic, &mut link);
            if !name.path.is_empty() {
                link.push(':');
                encode(&name.path, &mut link);
            }
        }
        if let Some(seconds) = self.seconds {
            link.push('@');
            link.push_str(&seconds.to_string());
        }
        link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_back_to_its_chart() {
        let spec = Spec {
            names: vec![
                Name::new("Kitchen/Fridge", "Temperature"),
                Name::new("a&b:c@d/ü", "x.1"),
                Name::new("plain", ""),
            ],
            seconds: Some(300),
        };
        assert_eq!(Spec::parse(&spec.link()), spec);
        assert_eq!(
            Spec::of(Name::new("Kitchen/Fridge", "")).link(),
            "Kitchen/Fridge@3600"
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!(Spec::parse("").names, []);
        assert_eq!(Spec::parse("a@x").seconds, None);
        assert_eq!(Spec::parse("a&&b&c&d&e&f&g").names.len(), MAX_SERIES);
    }
}
