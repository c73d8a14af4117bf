//! What the dashboard asks the broker, over MQTT itself: requests and answers
//! on topics below `$dashboard`, subject to the same login and rules as all
//! else.
//!
//! ```text
//! connection --Request--> one file for each question --> answer --> the same connection
//! routes --payload--> Rings (recent values)
//! ```
//!
//! A request costs what its answer costs, and an answer is bounded: what does
//! not fit is left out, and named. No lock is held for longer than it takes to
//! look one topic up, or to copy one page of clients.

mod asker;
mod clients;
mod disconnect;
mod failure;
mod info;
mod layout;
mod number;
mod recent;
mod request;
mod ring;
mod rings;
mod subscribers;

pub(crate) use asker::Asker;
pub(crate) use clients::{About, Row, Subscriptions, gone};
pub(crate) use failure::{Code, Failure};
pub(crate) use info::Addresses;
pub(crate) use layout::Layouts;
pub(crate) use request::{Answer, Outcome, Request};
pub(crate) use rings::Rings;

/// What all of it is below.
const ROOT: &str = "$dashboard";
/// Where everybody may listen for answers: only the broker publishes there.
const ANSWERS: &str = "$dashboard/answer/";

/// Whether a topic is the desk's: clients publish requests there, and nothing
/// else.
pub(crate) fn owns(topic: &str) -> bool {
    let below = topic.strip_prefix(ROOT);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether everybody may read there: whoever asks alone gets the answer.
pub(crate) fn is_answer(topic: &str) -> bool {
    topic.starts_with(ANSWERS)
}

/// What the desk knows, beside what the broker knows anyway.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Where the broker is reached.
    pub addresses: Addresses,
    /// One change of a layout at a time.
    pub layouts: Layouts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_owns_its_root_and_what_is_below_and_no_more() {
        for topic in ["$dashboard", "$dashboard/", "$dashboard/request/info"] {
            assert!(owns(topic), "{topic}");
        }
        for topic in ["$dashboards", "dashboard/request/info", "$SYS/dashboard"] {
            assert!(!owns(topic), "{topic}");
        }
        assert!(is_answer("$dashboard/answer/page"));
        assert!(!is_answer("$dashboard/answer") && !is_answer("$dashboard/layout/home"));
    }
}
