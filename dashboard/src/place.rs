//! Where the page is and where its broker is.

/// The port of `trunk serve`, whose proxy cannot carry MQTT: it drops
/// `Sec-WebSocket-Protocol`.
const DEVELOPMENT_PORT: &str = "8080";
/// The broker's port for browsers.
const BROKER_PORT: &str = "9001";

/// The addresses that the page needs and shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where to open the WebSocket: `ws://192.168.1.20:9001/mqtt`.
    pub broker: String,
    /// Host and port of that, for people: `192.168.1.20:9001`.
    pub address: String,
    /// The host alone, for devices: `192.168.1.20`.
    pub host: String,
    /// The page's own address: `http://192.168.1.20:9001/`.
    pub page: String,
}

impl Place {
    /// From the parts of `window.location`. `?broker=ws://host:port` in the
    /// page's address names another broker than the one that served the page.
    #[must_use]
    pub fn find(protocol: &str, hostname: &str, port: &str, search: &str) -> Place {
        let secure = protocol == "https:";
        let scheme = if secure { "wss" } else { "ws" };
        let with_port = |port: &str| match port {
            "" => hostname.to_owned(),
            port => [hostname, port].join(":"),
        };
        let own = if port == DEVELOPMENT_PORT {
            with_port(BROKER_PORT)
        } else {
            with_port(port)
        };
        let asked = search
            .trim_start_matches('?')
            .split('&')
            .find_map(|pair| pair.strip_prefix("broker="));
        let asked = asked.map(decode).filter(|url| is_broker(url));
        let broker = asked.unwrap_or_else(|| format!("{scheme}://{own}/mqtt"));
        let address = address(&broker).to_owned();
        let host = host(&address).to_owned();
        let page = format!("{protocol}//{}/", with_port(port));
        Place {
            broker,
            address,
            host,
            page,
        }
    }

    /// Whether only this computer can reach the broker at this address.
    #[must_use]
    pub fn broker_is_local(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether only this computer can reach the page at this address.
    #[must_use]
    pub fn page_is_local(&self) -> bool {
        is_local(&self.page)
    }
}

/// Whether only this computer can reach the address.
#[must_use]
pub fn is_local(url: &str) -> bool {
    is_loopback(host(address(url)))
}

/// Host and port of an address.
fn address(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// Whether this is the address of a WebSocket: `ws://192.168.1.20:9001`.
#[must_use]
pub fn is_broker(url: &str) -> bool {
    let rest = url
        .strip_prefix("ws://")
        .or_else(|| url.strip_prefix("wss://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with(['/', ':']) && !rest.contains([' ', '#'])
    })
}

/// The host of `host:port`.
fn host(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => address,
    }
}

/// Whether only this computer itself can reach a host.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.starts_with("127.")
        || host == "[::1]"
}

/// Undoes percent-encoding.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_is_where_the_page_came_from() {
        let place = Place::find("http:", "192.168.1.20", "9001", "");
        assert_eq!(place.broker, "ws://192.168.1.20:9001/mqtt");
        assert_eq!(
            (place.address.as_str(), place.host.as_str()),
            ("192.168.1.20:9001", "192.168.1.20")
        );
        assert_eq!(place.page, "http://192.168.1.20:9001/");
        assert!(!place.broker_is_local() && !place.page_is_local());
    }

    #[test]
    fn https_means_wss_and_a_default_port_stays_out() {
        let place = Place::find("https:", "home.example", "", "");
        assert_eq!(place.broker, "wss://home.example/mqtt");
        assert_eq!(
            (place.address.as_str(), place.host.as_str()),
            ("home.example", "home.example")
        );
    }

    #[test]
    fn in_development_the_broker_is_beside_trunk() {
        let place = Place::find("http:", "localhost", "8080", "");
        assert_eq!(place.broker, "ws://localhost:9001/mqtt");
        assert_eq!(place.page, "http://localhost:8080/");
        assert!(place.broker_is_local() && place.page_is_local());
    }

    #[test]
    fn another_broker_can_be_named() {
        let place = Place::find(
            "http:",
            "localhost",
            "8080",
            "?x=1&broker=ws%3A%2F%2F10.0.0.5%3A9001",
        );
        assert_eq!(place.broker, "ws://10.0.0.5:9001");
        assert_eq!(
            (place.address.as_str(), place.host.as_str()),
            ("10.0.0.5:9001", "10.0.0.5")
        );
        assert!(place.page_is_local() && !place.broker_is_local());
        let other = Place::find("http:", "localhost", "9001", "?broker=javascript:1");
        assert_eq!(other.broker, "ws://localhost:9001/mqtt");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }

    #[test]
    fn a_broker_has_a_websocket_address() {
        for good in ["ws://10.0.0.5:9001", "wss://home.example/mqtt", "ws://h"] {
            assert!(is_broker(good), "{good}");
        }
        for bad in [
            "",
            "ws://",
            "http://h",
            "ws:///mqtt",
            "ws://:9001",
            "ws://a b",
            "h:9001",
        ] {
            assert!(!is_broker(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_of_this_computer_only() {
        for host in [
            "localhost",
            "127.0.0.1",
            "127.1.2.3",
            "[::1]",
            "a.localhost",
        ] {
            assert!(
                Place::find("http:", host, "9001", "").page_is_local(),
                "{host}"
            );
        }
        assert!(!Place::find("http:", "[fd00::1]", "9001", "").page_is_local());
        assert_eq!(Place::find("http:", "[fd00::1]", "", "").host, "[fd00::1]");
    }
}
