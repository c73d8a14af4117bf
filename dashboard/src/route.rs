//! Where one is on the page: the part of its address behind `#`, so that each
//! view and each topic has a link, and the browser's back button goes back.

use std::fmt::Write;
use std::rc::Rc;

use crate::place::decode;

/// What is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Cards for everything.
    Home,
    /// The tree of topics.
    Topics,
    /// A message to send.
    Publish,
    /// Messages as they come.
    Log,
    /// Which broker, and as whom.
    Connection,
}

impl View {
    /// All of them, in the order in which they are offered.
    pub const ALL: [View; 5] = [
        View::Home,
        View::Topics,
        View::Publish,
        View::Log,
        View::Connection,
    ];

    fn path(self) -> &'static str {
        match self {
            View::Home => "",
            View::Topics => "topics",
            View::Publish => "publish",
            View::Log => "log",
            View::Connection => "connection",
        }
    }
}

/// A view, and the topic that it is about, if it is about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The view.
    pub view: View,
    /// The topic; only [`View::Topics`] and [`View::Publish`] have one.
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

    /// From `location.hash`. What names no view is Home.
    #[must_use]
    pub fn parse(hash: &str) -> Route {
        let path = hash.trim_start_matches('#');
        let path = path.strip_prefix('/').unwrap_or(path);
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let view = View::ALL.into_iter().find(|view| view.path() == name);
        let view = view.unwrap_or(View::Home);
        let has_topic = matches!(view, View::Topics | View::Publish) && !rest.is_empty();
        Route {
            view,
            topic: has_topic.then(|| decode(rest).into()),
        }
    }

    /// As it stands in a link: `#/topics/Kitchen/Fridge`.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = String::from("#/");
        hash.push_str(self.view.path());
        for byte in self.topic.iter().flat_map(|topic| {
            let topic = topic.as_bytes().iter().copied();
            std::iter::once(b'/').chain(topic)
        }) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    hash.push(char::from(byte));
                }
                // A String takes whatever it is given.
                _ => _ = write!(hash, "%{byte:02X}"),
            }
        }
        hash
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
