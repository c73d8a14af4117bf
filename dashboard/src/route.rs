//! Where one is on the page: the part of its address behind `#`, so that each
//! view and each topic has a link, and the browser's back button goes back.

use std::fmt::Write;
use std::rc::Rc;

use crate::chart::Spec;
use crate::place::decode;

/// What is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Cards for everything.
    Home,
    /// The tree of topics.
    Topics,
    /// Numbers over time.
    Chart,
    /// A message to send.
    Publish,
    /// Messages as they come.
    Log,
    /// The broker itself, and who is connected to it.
    Broker,
    /// Which broker, and as whom.
    Connection,
}

impl View {
    /// All of them, in the order in which they are offered.
    pub const ALL: [View; 7] = [
        View::Home,
        View::Topics,
        View::Chart,
        View::Publish,
        View::Log,
        View::Broker,
        View::Connection,
    ];

    fn path(self) -> &'static str {
        match self {
            View::Home => "",
            View::Topics => "topics",
            View::Chart => "chart",
            View::Publish => "publish",
            View::Log => "log",
            View::Broker => "broker",
            View::Connection => "connection",
        }
    }
}

/// A view, and the topic that it is about, if it is about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The view.
    pub view: View,
    /// The topic; only [`View::Topics`] and [`View::Publish`] have one. For
    /// [`View::Chart`], the chart as [`Spec`] reads it.
    pub topic: Option<Rc<str>>,
}

impl Route {
    /// A view as a whole.
    #[must_use]
    pub fn to(view: View) -> Route {
        Route { view, topic: None }
    }

    /// A view of one topic.
    #[must_use]
    pub fn of(view: View, topic: &str) -> Route {
        Route {
            view,
            topic: Some(topic.into()),
        }
    }

    /// A chart.
    #[must_use]
    pub fn chart(spec: &Spec) -> Route {
        Route {
            view: View::Chart,
            topic: Some(spec.link().into()),
        }
    }

    /// From `location.hash`. What names no view is Home.
    #[must_use]
    pub fn parse(hash: &str) -> Route {
        let path = hash.trim_start_matches('#');
        let path = path.strip_prefix('/').unwrap_or(path);
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let view = View::ALL.into_iter().find(|view| view.path() == name);
        let view = view.unwrap_or(View::Home);
        let topic = match view {
            _ if rest.is_empty() => None,
            View::Topics | View::Publish => Some(decode(rest).into()),
            View::Chart => Some(rest.into()),
            _ => None,
        };
        Route { view, topic }
    }

    /// As it stands in a link: `#/topics/Kitchen/Fridge`.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = String::from("#/");
        hash.push_str(self.view.path());
        if let Some(topic) = &self.topic {
            hash.push('/');
            match self.view {
                View::Chart => hash.push_str(topic),
                _ => encode(topic, &mut hash),
            }
        }
        hash
    }
}

/// Adds `text` to a link, percent-encoded.
pub(crate) fn encode(text: &str, link: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                link.push(char::from(byte));
            }
            // A String takes whatever it is given.
            _ => _ = write!(link, "%{byte:02X}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_back_to_where_it_came_from() {
        for view in View::ALL {
            let route = Route::to(view);
            assert_eq!(Route::parse(&route.hash()), route);
        }
        for topic in [
            "Kitchen/Fridge",
            "/leading",
            "trailing/",
            "//",
            "Küche/50 % #?&",
            "a%2Fb",
        ] {
            for view in [View::Topics, View::Publish] {
                let route = Route::of(view, topic);
                assert_eq!(Route::parse(&route.hash()), route, "{topic}");
            }
        }
    }

    #[test]
    fn a_chart_is_in_its_link_as_it_stands() {
        let route = Route::parse("#/chart/a%26b/c&d:e@60");
        assert_eq!(route.topic.as_deref(), Some("a%26b/c&d:e@60"));
        assert_eq!(route.hash(), "#/chart/a%26b/c&d:e@60");
    }

    #[test]
    fn links_can_be_read() {
        assert_eq!(Route::to(View::Home).hash(), "#/");
        let fridge = Route::of(View::Topics, "Kitchen/Fridge");
        assert_eq!(fridge.hash(), "#/topics/Kitchen/Fridge");
    }

    #[test]
    fn what_names_no_view_is_home() {
        for hash in ["", "#", "#/", "#/nowhere", "#nowhere/else"] {
            assert_eq!(Route::parse(hash), Route::to(View::Home), "{hash}");
        }
        assert_eq!(Route::parse("#/log/x"), Route::to(View::Log));
        assert_eq!(Route::parse("#topics"), Route::to(View::Topics));
    }
}
