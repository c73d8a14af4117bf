use crate::json::Json;
use crate::time::Millis;

/// The broker, and what this page may do there.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// The broker's version.
    pub version: String,
    /// When it was started, by its clock.
    pub started: Millis,
    /// What its clock said.
    pub now: Millis,
    /// Where others on the network reach it.
    pub addresses: Vec<String>,
    /// What it listens on.
    pub listeners: Vec<Listener>,
    /// Whether it stores what must outlive it.
    pub persistence: bool,
    /// Whether the page may list clients.
    pub may_list: bool,
    /// Whether it may disconnect them.
    pub may_disconnect: bool,
    /// Whether it may read layouts.
    pub may_read_layouts: bool,
    /// Whether it may change them.
    pub may_change_layouts: bool,
}

/// A port that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// Whether browsers use it, or else devices.
    pub is_web: bool,
    /// Whether over TLS.
    pub is_tls: bool,
    /// The only address that it is open at.
    pub address: Option<String>,
}

impl Info {
    pub(super) fn read(answer: &Json) -> Option<Info> {
        let may = answer.get("may")?;
        let may = |what| may.get(what).is_some_and(Json::is_true);
        Some(Info {
            version: text(answer, "version")?,
            started: time(answer, "started")?,
            now: time(answer, "now")?,
            addresses: texts(answer.get("addresses")),
            listeners: list(answer.get("listeners")?, |listener| {
                Some(Listener {
                    port: u16::try_from(number(listener, "port")?).ok()?,
                    is_web: listener.get("protocol")?.text()? == "websockets",
                    is_tls: listener.get("tls")?.is_true(),
                    address: text(listener, "address"),
                })
            }),
            persistence: answer.get("persistence").is_some_and(Json::is_true),
            may_list: may("clients"),
            may_disconnect: may("disconnect"),
            may_read_layouts: may("layout_read"),
            may_change_layouts: may("layout_write"),
        })
    }
}

/// How many subscribe, by topic. A topic that is missing is none that the page
/// may know of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Topics and counts.
    pub topics: Vec<(String, u64)>,
    /// Topics to be asked for again.
    pub left_out: Vec<String>,
}

impl Counts {
    pub(super) fn read(answer: &Json) -> Option<Counts> {
        let topics = answer.get("topics")?.members().iter();
        let topics = topics.map(|(topic, n)| Some((topic.clone(), count(n)?)));
        Some(Counts {
            topics: topics.collect::<Option<_>>()?,
            left_out: texts(answer.get("left_out")),
        })
    }
}

/// Payloads of one topic, oldest first: when, by the broker's clock, and what.
pub type Points = Vec<(Millis, String)>;

/// What topics have had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Topics and their payloads.
    pub topics: Vec<(String, Points)>,
    /// Topics to be asked for again.
    pub left_out: Vec<String>,
}

impl Past {
    pub(super) fn read(answer: &Json) -> Option<Past> {
        let topics = answer.get("topics")?.members().iter();
        let topics = topics.map(|(topic, points)| {
            let points = list(points, |point| match point.items() {
                [at, payload] => Some((Millis(at.number()?), payload.text()?.to_owned())),
                _ => None,
            });
            (topic.clone(), points)
        });
        Some(Past {
            topics: topics.collect(),
            left_out: texts(answer.get("left_out")),
        })
    }
}

/// Clients, in the order of their identifiers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clients {
    /// Some of them.
    pub clients: Vec<Client>,
    /// There are more after the last one.
    pub more: bool,
    /// How many there are in all.
    pub total: u64,
}

/// A client, or what the broker keeps for one that is away.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its identifier.
    pub id: String,
    /// Its user.
    pub user: Option<String>,
    /// Where it connects from; `None` while it is away.
    pub address: Option<String>,
    /// The port it has connected to.
    pub listener: Option<u16>,
    /// Version of MQTT: 3, 4 or 5.
    pub version: Option<u8>,
    /// Whether it is connected.
    pub connected: bool,
    /// Since when it is, or is away, by the broker's clock.
    pub since: Millis,
    /// Seconds after which it gives a sign of life.
    pub keep_alive: Option<u64>,
    /// Seconds for which its session is kept; `None` for ever.
    pub expiry: Option<u64>,
    /// How many subscriptions it has.
    pub subscriptions: u64,
    /// Messages sent and not acknowledged yet.
    pub inflight: u64,
    /// Messages that wait for it.
    pub queued: u64,
    /// Messages that it did not get because it was too slow.
    pub dropped: u64,
    /// Messages to it; `None` while it is away, as the next.
    pub sent: Option<u64>,
    /// Messages from it.
    pub received: Option<u64>,
}

impl Clients {
    pub(super) fn read(answer: &Json) -> Option<Clients> {
        Some(Clients {
            clients: list(answer.get("clients")?, Client::read),
            more: answer.get("more")?.is_true(),
            total: number(answer, "total")?,
        })
    }
}

impl Client {
    fn read(row: &Json) -> Option<Client> {
        let narrow = |name| number(row, name).and_then(|n| u16::try_from(n).ok());
        Some(Client {
            id: text(row, "id")?,
            user: text(row, "user"),
            address: text(row, "address"),
            listener: narrow("listener"),
            version: narrow("version").and_then(|n| u8::try_from(n).ok()),
            connected: row.get("connected")?.is_true(),
            since: time(row, "since")?,
            keep_alive: number(row, "keep_alive"),
            expiry: number(row, "expiry"),
            subscriptions: number(row, "subscriptions")?,
            inflight: number(row, "inflight")?,
            queued: number(row, "queued")?,
            dropped: number(row, "dropped")?,
            sent: number(row, "sent"),
            received: number(row, "received"),
        })
    }
}

/// What a client subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Some of it, by filter.
    pub subscriptions: Vec<Subscription>,
    /// How many there are in all.
    pub total: u64,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// To what.
    pub filter: String,
    /// How surely.
    pub qos: u8,
}

impl Subscriptions {
    pub(super) fn read(answer: &Json) -> Option<Subscriptions> {
        Some(Subscriptions {
            subscriptions: list(answer.get("subscriptions")?, |one| {
                Some(Subscription {
                    filter: text(one, "filter")?,
                    qos: u8::try_from(number(one, "qos")?).ok()?,
                })
            }),
            total: number(answer, "total")?,
        })
    }
}

/// A layout as the broker keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// How often it was changed.
    pub revision: u64,
    /// The layout; [`Json::Null`] if it was taken away.
    pub layout: Json,
}

/// The layout in a message; `None` if there is none.
#[must_use]
pub fn kept(topic: &str, payload: &[u8]) -> Option<Kept> {
    let name = topic.strip_prefix("$dashboard/layout/")?;
    let kept = Json::parse(std::str::from_utf8(payload).ok()?)?;
    Some(Kept {
        name: name.to_owned(),
        revision: number(&kept, "revision")?,
        layout: kept.get("layout").cloned().unwrap_or(Json::Null),
    })
}

fn text(of: &Json, name: &str) -> Option<String> {
    of.get(name)?.text().map(str::to_owned)
}

fn texts(list: Option<&Json>) -> Vec<String> {
    let items = list.map(Json::items).unwrap_or_default().iter();
    items.filter_map(Json::text).map(str::to_owned).collect()
}

fn time(of: &Json, name: &str) -> Option<Millis> {
    of.get(name)?.number().map(Millis)
}

fn number(of: &Json, name: &str) -> Option<u64> {
    of.get(name).and_then(count)
}

/// A whole number.
pub(super) fn count(value: &Json) -> Option<u64> {
    let number = value.number()?;
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

/// What can be read of a list.
fn list<T>(list: &Json, read: impl Fn(&Json) -> Option<T>) -> Vec<T> {
    list.items().iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{clients, info, recent, subscribers, subscriptions};
    use super::*;

    #[test]
    fn info_tells_who_the_broker_is() {
        let answer = br#"{"version":"0.1.0","api":1,"started":1000,"now":5000,"client":"page",
            "user":null,"addresses":["192.168.1.5"],"listeners":[
            {"port":1883,"protocol":"mqtt","tls":false},
            {"port":9001,"protocol":"websockets","tls":true,"address":"127.0.0.1"}],
            "persistence":true,"retain":true,"may":{"clients":true,"disconnect":false,
            "layout_read":true,"layout_write":false}}"#;
        let info = info().read(answer).expect("it is understood");
        assert_eq!((info.started, info.now), (Millis(1000.0), Millis(5000.0)));
        assert_eq!(info.addresses, ["192.168.1.5"]);
        let [devices, web] = &info.listeners[..] else {
            panic!("{:?}", info.listeners)
        };
        assert_eq!(
            (devices.port, devices.is_web, devices.is_tls),
            (1883, false, false)
        );
        assert_eq!((web.port, web.is_web, web.is_tls), (9001, true, true));
        assert_eq!(web.address.as_deref(), Some("127.0.0.1"));
        let may = (info.may_list, info.may_disconnect);
        assert_eq!((may, info.persistence), ((true, false), true));
        assert!(info.may_read_layouts && !info.may_change_layouts);
    }

    #[test]
    fn counts_and_what_is_left_out() {
        let counts = subscribers(["a"]).read(br#"{"topics":{"a":2,"b":0},"left_out":["c"]}"#);
        let counts = counts.expect("it is understood");
        assert_eq!(counts.topics, [("a".to_owned(), 2), ("b".to_owned(), 0)]);
        assert_eq!(counts.left_out, ["c"]);
        assert_eq!(
            subscribers(["a"]).read(br#"{"topics":{}}"#),
            Ok(Counts::default())
        );
    }

    #[test]
    fn the_past_is_what_was_sent() {
        let answer = br#"{"topics":{"Kitchen/Fridge":[[1000,"Temperature:14"],[2000,"\u00e9"]]}}"#;
        let past = recent(["Kitchen/Fridge"], None).read(answer);
        let past = past.expect("it is understood");
        let points = vec![
            (Millis(1000.0), "Temperature:14".to_owned()),
            (Millis(2000.0), "é".to_owned()),
        ];
        assert_eq!(past.topics, [("Kitchen/Fridge".to_owned(), points)]);
    }

    #[test]
    fn clients_that_are_here_and_away() {
        let answer = br#"{"clients":[{"id":"a","user":"ada","address":"10.0.0.2:5000",
            "listener":1883,"version":5,"connected":true,"since":1,"keep_alive":60,
            "clean_start":true,"expiry":0,"subscriptions":1,"inflight":2,"queued":3,"dropped":4,
            "sent":5,"received":6},{"id":"b","user":null,"connected":false,"since":2,
            "expiry":null,"subscriptions":0,"inflight":0,"queued":9,"dropped":0}],
            "more":true,"total":7}"#;
        let page = clients(None).read(answer).expect("it is understood");
        assert_eq!((page.more, page.total, page.clients.len()), (true, 7, 2));
        let [here, away] = &page.clients[..] else {
            panic!("{page:?}")
        };
        assert_eq!(here.address.as_deref(), Some("10.0.0.2:5000"));
        assert_eq!(
            (here.version, here.expiry, here.sent),
            (Some(5), Some(0), Some(5))
        );
        assert_eq!((away.version, away.expiry, away.sent), (None, None, None));
        assert_eq!((away.connected, away.queued), (false, 9));
    }

    #[test]
    fn subscriptions_of_a_client() {
        let answer = br##"{"subscriptions":[{"filter":"#","qos":1}],"total":1}"##;
        let told = subscriptions("c").read(answer).expect("it is understood");
        let everything = Subscription {
            filter: "#".into(),
            qos: 1,
        };
        assert_eq!((told.subscriptions, told.total), (vec![everything], 1));
    }

    #[test]
    fn layouts_are_messages() {
        let payload = br#"{"revision":4,"layout":{"cards":[]}}"#;
        let layout = kept("$dashboard/layout/home", payload).expect("it is one");
        assert_eq!((&*layout.name, layout.revision), ("home", 4));
        assert_eq!(layout.layout.to_string(), r#"{"cards":[]}"#);
        let gone = kept("$dashboard/layout/home", br#"{"revision":5,"layout":null}"#);
        assert_eq!(gone.expect("it is one").layout, Json::Null);
        assert_eq!(
            kept("$dashboard/layout/home", b""),
            None,
            "its name was given up"
        );
        assert_eq!(kept("home/led", payload), None);
    }
}
