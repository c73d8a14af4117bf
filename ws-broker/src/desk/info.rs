use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use protocol::Time;
use serde::Serialize;

use super::Asker;
use crate::config::Protocol;
use crate::running::Bound;

/// How long the machine's addresses are taken to be the same: asking for them
/// takes system calls.
const KEEP: Duration = Duration::from_secs(10);

/// What a page has to know before it asks for more.
#[derive(Debug, Serialize)]
pub(super) struct Info {
    version: &'static str,
    api: u32,
    started: u64,
    now: u64,
    client: String,
    user: Option<String>,
    addresses: Vec<String>,
    listeners: Vec<Listening>,
    persistence: bool,
    retain: bool,
    may: May,
}

#[derive(Clone, Debug, Serialize)]
struct Listening {
    port: u16,
    protocol: &'static str,
    tls: bool,
    /// If it is there alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

#[derive(Debug, Serialize)]
struct May {
    clients: bool,
    disconnect: bool,
    layout_read: bool,
    layout_write: bool,
}

/// Where the broker is reached.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    bound: OnceLock<Vec<Bound>>,
    /// The machine's own, and when they were looked up.
    known: Mutex<Option<(Time, Vec<String>)>>,
}

impl Addresses {
    /// All listeners are open.
    pub(crate) fn set(&self, bound: &[Bound]) {
        // Once, at the start.
        let _ = self.bound.set(bound.to_vec());
    }

    fn bound(&self) -> &[Bound] {
        self.bound.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Those of this machine at which others reach a listener.
    fn of_machine(&self, now: Time) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, addresses)) = &*known
            && now - *at < KEEP
        {
            return addresses.clone();
        }
        drop(known);
        let bound = self.bound();
        let is_reached = |ip: std::net::IpAddr| {
            let mut of_listeners = bound.iter().map(|bound| bound.address.ip());
            of_listeners.any(|own| own == ip || own.is_unspecified() && own.is_ipv4())
        };
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let ips = interfaces.iter().map(if_addrs::Interface::ip);
        let ips = ips.filter(|ip| ip.is_ipv4() && !ip.is_loopback() && is_reached(*ip));
        let addresses: Vec<_> = ips.map(|ip| ip.to_string()).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((now, addresses.clone()));
        addresses
    }
}

fn listening(bound: &[Bound]) -> Vec<Listening> {
    let mut listeners: Vec<Listening> = Vec::new();
    for bound in bound {
        let ip = bound.address.ip();
        let listening = Listening {
            port: bound.address.port(),
            protocol: match bound.protocol {
                Protocol::Mqtt => "mqtt",
                Protocol::WebSockets => "websockets",
            },
            tls: bound.is_tls,
            address: (!ip.is_unspecified()).then(|| ip.to_string()),
        };
        // The sockets for IPv4 and IPv6 are one listener.
        let is_same =
            |l: &Listening| l.port == listening.port && l.address.is_none() && ip.is_unspecified();
        if !listeners.iter().any(is_same) {
            listeners.push(listening);
        }
    }
    listeners
}

pub(super) fn info(asker: Asker<'_>) -> Info {
    let Asker {
        broker,
        settings,
        who,
        ..
    } = asker;
    let now = broker.clock.now();
    let may = |name: &str| asker.check(name).is_ok();
    Info {
        version: env!("CARGO_PKG_VERSION"),
        api: 1,
        started: broker.clock.started().as_millis(),
        now: now.as_millis(),
        client: who.client_id.to_string(),
        user: who.username.as_ref().map(ToString::to_string),
        addresses: broker.desk.addresses.of_machine(now),
        listeners: listening(broker.desk.addresses.bound()),
        persistence: settings.config.persistence.is_some(),
        retain: settings.config.retain_available,
        may: May {
            clients: may("clients"),
            disconnect: may("disconnect"),
            layout_read: asker.may_read_layouts(),
            layout_write: may("layout"),
        },
    }
}
