//! Where a client is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Where a client is. Displays as Mosquitto writes it: `IP:PORT`, an address
/// of IPv6 without brackets, and `PATH:0` for a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Somewhere on the network.
    Ip(SocketAddr),
    /// On this machine, connected to the Unix socket with that path; or on a
    /// proxy's.
    Unix(Arc<str>),
}

impl Address {
    /// The address that failed logins are counted by: one for all that come
    /// through Unix sockets.
    pub(crate) fn ip(&self) -> IpAddr {
        match self {
            Self::Ip(address) => address.ip(),
            Self::Unix(_) => Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Ip(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// As it displays, but for the port.
    pub(crate) fn without_port(&self) -> String {
        match self {
            Self::Ip(address) => address.ip().to_string(),
            Self::Unix(path) => path.to_string(),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(f, "{}:{}", address.ip(), address.port()),
            Self::Unix(path) => write!(f, "{path}:0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_mosquitto_does() {
        let ip = |address: &str| Address::Ip(address.parse().unwrap()).to_string();
        assert_eq!(ip("192.0.2.5:6275"), "192.0.2.5:6275");
        assert_eq!(ip("[2001:db8::1]:6275"), "2001:db8::1:6275");
        assert_eq!(Address::Unix("/run/x".into()).to_string(), "/run/x:0");
    }
}
