//! What is known of the broker itself: who it is, who is connected to it, and
//! what it says below `$SYS`.

use std::rc::Rc;

use crate::chart::History;
use crate::desk::{Client, Clients, Failure, Info, Subscriptions};
use crate::host;
use crate::place::{Place, is_loopback};
use crate::store::{Point, Store};
use crate::time::Millis;

/// Below which a broker says how it is.
pub const SYSTEM: &str = "$SYS/broker/";
/// Messages and bytes in and out, as averages per minute, and the clients: what
/// is drawn over time.
pub const TRAFFIC: [&str; 5] = [
    "$SYS/broker/load/publish/received/1min",
    "$SYS/broker/load/publish/sent/1min",
    "$SYS/broker/load/bytes/received/1min",
    "$SYS/broker/load/bytes/sent/1min",
    "$SYS/broker/clients/connected",
];
/// Clients that are held; nobody reads a longer list.
const MAX_CLIENTS: usize = 2_000;
/// Milliseconds after which the list is asked for again, for each page of it.
const AGAIN: f64 = 5_000.0;
/// Points of a line that only changes are known of.
const STEPS: u32 = 200;
/// Clients in a page.
pub const PAGE: usize = 200;

/// What is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Broker {
    /// Who it is, or why it does not say; `None` while it has not answered.
    pub info: Option<Result<Rc<Info>, Failure>>,
    /// Its clients, once they were listed.
    pub roster: Option<Rc<Roster>>,
    /// Why they could not be listed the last time.
    pub trouble: Option<Failure>,
    /// The client that is looked at closely.
    pub chosen: Option<Rc<str>>,
    /// What that one subscribes to.
    pub subscriptions: Option<Result<Rc<Subscriptions>, Failure>>,
    /// The client that was disconnected last, or was to be.
    pub ended: Option<(Rc<str>, Result<(), Failure>)>,
    /// Milliseconds that the page's clock is ahead of the broker's.
    ahead: f64,
}

/// What can be learnt.
#[derive(Clone, Debug)]
pub enum Event {
    /// Who it is.
    Info(Result<Info, Failure>),
    /// Who is connected.
    Clients(Result<Roster, Failure>),
    /// Somebody looks at a client closely, or at none.
    Choose(Option<Rc<str>>),
    /// What that one subscribes to.
    Subscriptions(Rc<str>, Result<Subscriptions, Failure>),
    /// What became of disconnecting one.
    Ended(Rc<str>, Result<(), Failure>),
}

impl Broker {
    /// Takes in what was learnt.
    pub fn take(&mut self, event: Event, now: Millis) {
        match event {
            Event::Info(info) => {
                if let Ok(info) = &info {
                    self.ahead = now.0 - info.now.0;
                }
                self.info = Some(info.map(Rc::new));
            }
            Event::Clients(Ok(roster)) => {
                (self.roster, self.trouble) = (Some(Rc::new(roster)), None);
            }
            Event::Clients(Err(failure)) => self.trouble = Some(failure),
            Event::Choose(client) => {
                (self.chosen, self.subscriptions) = (client, None);
            }
            Event::Subscriptions(client, told) => {
                if self.chosen == Some(client) {
                    self.subscriptions = Some(told.map(Rc::new));
                }
            }
            Event::Ended(client, told) => self.ended = Some((client, told)),
        }
    }

    /// Who it is, if it is one of ours.
    #[must_use]
    pub fn info(&self) -> Option<&Info> {
        self.info.as_ref()?.as_deref().ok()
    }

    /// Whether it has shown that it answers none of the page's questions.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.info == Some(Err(Failure::NotOurs))
    }

    /// A time by the broker's clock, by the page's.
    #[must_use]
    pub fn here(&self, at: Millis) -> Millis {
        Millis(at.0 + self.ahead)
    }

    /// Since when it runs: as it says itself, or by its uptime below `$SYS`.
    #[must_use]
    pub fn started(&self, system: &Store) -> Option<Millis> {
        if let Some(info) = self.info() {
            return Some(self.here(info.started));
        }
        let uptime = value(system, "uptime")?;
        let said = system.get(&[SYSTEM, "uptime"].concat())?.latest.at;
        Some(Millis(said.0 - uptime * 1000.0))
    }

    /// Counts up whenever the clients are to be asked for again.
    #[must_use]
    pub fn turn(&self, now: Millis) -> u64 {
        let clients = self
            .roster
            .as_ref()
            .map_or(0, |roster| roster.clients.len());
        (now.0 / (AGAIN * clients.div_ceil(PAGE).max(1) as f64)) as u64
    }
}

/// Clients, page by page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    /// Those who are connected, and those for whom a session is kept.
    pub clients: Vec<Client>,
    /// How many there are in all.
    pub total: u64,
}

impl Roster {
    /// The identifier after which the next page begins.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.clients.last().map(|client| &*client.id)
    }

    /// Takes the next page in; whether there is another one.
    pub fn take(&mut self, page: Clients) -> bool {
        let more = page.more && !page.clients.is_empty();
        self.total = page.total;
        self.clients.extend(page.clients);
        more && self.clients.len() < MAX_CLIENTS
    }

    /// Those with `filter` in identifier, user or address, the connected ones
    /// first.
    #[must_use]
    pub fn found(&self, filter: &str) -> Vec<&Client> {
        let filter = host::lower(filter.trim());
        let has = |text: &str| host::lower(text).contains(&filter);
        let is_it = |client: &&Client| {
            let more = [&client.user, &client.address];
            has(&client.id) || more.into_iter().flatten().any(|text| has(text))
        };
        let found: Vec<&Client> = self.clients.iter().filter(is_it).collect();
        let all = [true, false].into_iter();
        let part = |is_connected| {
            let found = found.iter().copied();
            found.filter(move |client| client.connected == is_connected)
        };
        all.flat_map(part).collect()
    }
}

/// What the broker says below `$SYS/broker/`, as it stands there.
#[must_use]
pub fn said<'a>(system: &'a Store, name: &str) -> Option<&'a str> {
    let topic = system.get(&[SYSTEM, name].concat())?;
    std::str::from_utf8(&topic.latest.payload).ok()
}

/// The number with which that begins.
#[must_use]
pub fn value(system: &Store, name: &str) -> Option<f64> {
    let number = host::number(said(system, name)?.split(' ').next()?);
    number.is_finite().then_some(number)
}

/// What was counted by the minute, by the second.
#[must_use]
pub fn by_second(history: &History) -> History {
    let mut by_second = History::default();
    for point in history.points() {
        by_second.push(Point {
            at: point.at,
            value: point.value / 60.0,
        });
    }
    by_second
}

/// What is said only when it changes, as it was all the time until now.
#[must_use]
pub fn held(history: &History, now: Millis) -> History {
    let mut held = History::default();
    let Some(first) = history.first() else {
        return held;
    };
    let step = now.since(Millis(first)) / f64::from(STEPS);
    let mut points = history.points().iter().peekable();
    let mut value = 0.0;
    for number in 0..=STEPS {
        let at = Millis(first + step * f64::from(number));
        while let Some(point) = points.next_if(|point| point.at <= at) {
            value = point.value;
        }
        held.push(Point { at, value });
    }
    held
}

/// The addresses at which others on the network can open this page, best first.
#[must_use]
pub fn pages(info: Option<&Info>, place: &Place) -> Vec<String> {
    let mut pages: Vec<String> = Vec::new();
    if !place.page_is_local() {
        pages.push(place.page.clone());
    }
    for listener in info.iter().flat_map(|info| &info.listeners) {
        let scheme = match (listener.is_web, listener.is_tls) {
            (false, _) => continue,
            (_, true) => "https://",
            (_, false) => "http://",
        };
        let own = listener.address.as_slice();
        let everywhere = info.map_or(&[][..], |info| &info.addresses);
        let hosts = if own.is_empty() { everywhere } else { own };
        for host in hosts.iter().filter(|host| !is_loopback(host)) {
            let page = [scheme, host, ":", &listener.port.to_string(), "/"].concat();
            if !pages.contains(&page) {
                pages.push(page);
            }
        }
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Listener;
    use crate::store::Message;

    fn client(id: &str, connected: bool) -> Client {
        Client {
            id: id.to_owned(),
            user: Some("Ada".into()).filter(|_| id == "b"),
            address: Some("192.168.1.7".into()).filter(|_| connected),
            listener: None,
            version: None,
            connected,
            since: Millis(0.0),
            keep_alive: None,
            expiry: None,
            subscriptions: 0,
            inflight: 0,
            queued: 0,
            dropped: 0,
            sent: None,
            received: None,
        }
    }

    fn page(ids: &[&str], more: bool) -> Clients {
        Clients {
            clients: ids.iter().map(|id| client(id, *id != "a")).collect(),
            more,
            total: 3,
        }
    }

    fn info(now: f64) -> Info {
        Info {
            version: "0.1.0".into(),
            started: Millis(now - 60_000.0),
            now: Millis(now),
            addresses: vec!["192.168.1.5".into(), "10.0.0.2".into()],
            listeners: Vec::new(),
            persistence: true,
            may_list: true,
            may_disconnect: true,
            may_read_layouts: true,
            may_change_layouts: true,
        }
    }

    #[test]
    fn pages_are_put_together_until_there_is_none_left() {
        let mut roster = Roster::default();
        assert_eq!(roster.after(), None);
        assert!(roster.take(page(&["a", "b"], true)));
        assert_eq!(roster.after(), Some("b"));
        assert!(!roster.take(page(&["c"], false)));
        assert_eq!((roster.clients.len(), roster.total), (3, 3));
        assert!(!roster.clone().take(page(&[], true)), "or it never ends");
        let many: Vec<String> = (0..MAX_CLIENTS).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(|id| &**id).collect();
        assert!(!Roster::default().take(page(&many, true)));
    }

    #[test]
    fn clients_are_found_by_what_is_known_of_them_the_connected_first() {
        let mut roster = Roster::default();
        roster.take(page(&["a", "b", "c"], false));
        let found = |filter| {
            let found = roster.found(filter);
            found.iter().map(|client| &*client.id).collect::<String>()
        };
        assert_eq!(found(""), "bca");
        assert_eq!(found(" ADA "), "b");
        assert_eq!(found("168.1"), "bc");
        assert_eq!(found("x"), "");
    }

    #[test]
    fn a_long_list_is_asked_for_less_often() {
        let mut broker = Broker::default();
        let turns = |broker: &Broker| broker.turn(Millis(60_000.0)) - broker.turn(Millis(0.0));
        assert_eq!(turns(&broker), 12);
        let many: Vec<String> = (0..601).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(|id| &**id).collect();
        let mut roster = Roster::default();
        roster.take(page(&many, false));
        broker.take(Event::Clients(Ok(roster)), Millis(0.0));
        assert_eq!(turns(&broker), 3);
        broker.take(Event::Clients(Err(Failure::NoAnswer)), Millis(0.0));
        assert!(broker.roster.is_some(), "what was known stays");
    }

    #[test]
    fn the_brokers_times_are_told_by_the_pages_clock() {
        let mut broker = Broker::default();
        let mut system = Store::default();
        assert_eq!(broker.started(&system), None);
        let message = Message {
            topic: "$SYS/broker/uptime".into(),
            payload: b"30 seconds".to_vec(),
            retain: true,
            at: Millis(100_000.0),
        };
        system.receive(&[message], Millis(100_000.0));
        assert_eq!(broker.started(&system), Some(Millis(70_000.0)));
        broker.take(Event::Info(Ok(info(1_000_000.0))), Millis(1_005_000.0));
        assert_eq!(broker.started(&system), Some(Millis(945_000.0)));
        assert!(!broker.is_foreign());
        broker.take(Event::Info(Err(Failure::NotOurs)), Millis(0.0));
        assert!(broker.is_foreign() && broker.info().is_none());
    }

    #[test]
    fn what_is_told_of_another_client_is_not_taken_for_the_chosen_ones() {
        let mut broker = Broker::default();
        broker.take(Event::Choose(Some("a".into())), Millis(0.0));
        let told = |broker: &mut Broker, client: &str| {
            let told = Event::Subscriptions(client.into(), Ok(Subscriptions::default()));
            broker.take(told, Millis(0.0));
            broker.subscriptions.is_some()
        };
        assert!(!told(&mut broker, "b"));
        assert!(told(&mut broker, "a"));
        broker.take(Event::Choose(None), Millis(0.0));
        assert_eq!(broker.subscriptions, None);
    }

    #[test]
    fn a_phone_is_sent_where_it_can_reach_the_page() {
        let listener = |port, is_web, is_tls, address: Option<&str>| Listener {
            port,
            is_web,
            is_tls,
            address: address.map(str::to_owned),
        };
        let mut info = info(0.0);
        info.listeners = vec![
            listener(1883, false, false, None),
            listener(9001, true, false, None),
            listener(9443, true, true, Some("10.0.0.2")),
            listener(9002, true, false, Some("127.0.0.1")),
        ];
        let local = Place::find("http:", "localhost", "9001", "");
        let expected = [
            "http://192.168.1.5:9001/",
            "http://10.0.0.2:9001/",
            "https://10.0.0.2:9443/",
        ];
        assert_eq!(pages(Some(&info), &local), expected);
        assert_eq!(pages(None, &local), [""; 0]);
        let open = Place::find("http:", "10.0.0.2", "9001", "");
        assert_eq!(pages(Some(&info), &open)[0], "http://10.0.0.2:9001/");
        assert_eq!(pages(Some(&info), &open).len(), 3);
    }

    #[test]
    fn averages_by_the_minute_are_shown_by_the_second() {
        let mut history = History::default();
        history.push(Point {
            at: Millis(5.0),
            value: 90.0,
        });
        let by_second = by_second(&history);
        assert_eq!(by_second.points()[0].value, 1.5);
        assert_eq!(by_second.first(), Some(5.0));
    }

    #[test]
    fn what_is_said_only_when_it_changes_holds_until_then() {
        let mut history = History::default();
        assert_eq!(held(&history, Millis(9.0)), history);
        for (at, value) in [(0.0, 2.0), (50_000.0, 5.0)] {
            let at = Millis(at);
            history.push(Point { at, value });
        }
        let held = held(&history, Millis(100_000.0));
        let value = |share: usize| held.points()[STEPS as usize * share / 100].value;
        assert_eq!(
            [0, 49, 50, 100].map(value),
            [2.0, 2.0, 5.0, 5.0],
            "and up to now"
        );
        assert_eq!(held.points().last().map(|last| last.at.0), Some(100_000.0));
    }
}
