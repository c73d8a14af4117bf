//! What a machine is called, and whom an authority may vouch for.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::prelude::{GeneralName, GeneralSubtree, X509Certificate};

/// A name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// A host name, in lower case.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl Name {
    /// A name as a person writes it; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = plain.parse() {
            return Some(Self::Ip(ip));
        }
        let is_label = |label: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len()) && label.bytes().all(is_part)
        };
        let labels = text.strip_prefix("*.").unwrap_or(text);
        let is_name = text.len() <= 253 && labels.split('.').all(is_label);
        is_name.then(|| Self::Dns(text.to_ascii_lowercase()))
    }

    /// Those that are in a certificate.
    pub(super) fn in_certificate(certificate: &X509Certificate<'_>) -> BTreeSet<Self> {
        let Ok(Some(names)) = certificate.subject_alternative_name() else {
            return BTreeSet::new();
        };
        let names = names.value.general_names.iter();
        names.filter_map(Self::from_general).collect()
    }

    fn from_general(name: &GeneralName<'_>) -> Option<Self> {
        match name {
            GeneralName::DNSName(name) => Some(Self::Dns((*name).into())),
            GeneralName::IPAddress(bytes) => address(bytes).map(Self::Ip),
            _ => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// Names, for a person.
pub(super) fn list(names: &BTreeSet<Name>) -> String {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4().or_else(|_| v6()).ok()
}

/// What this machine is called by others in its network. IPv6 addresses come
/// and go by themselves, so nothing depends on them.
pub(super) fn of_machine() -> BTreeSet<Name> {
    let mut names = BTreeSet::from([
        Name::Dns("localhost".into()),
        Name::Ip(Ipv4Addr::LOCALHOST.into()),
        Name::Ip(Ipv6Addr::LOCALHOST.into()),
    ]);
    let host = sysinfo::System::host_name().unwrap_or_default();
    let short = host.split('.').next().unwrap_or_default();
    let hosts = [host.clone(), short.into(), format!("{short}.local")];
    let hosts = hosts.iter().filter(|_| !short.is_empty());
    names.extend(hosts.filter_map(|host| Name::parse(host)));
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    for ip in interfaces.iter().map(if_addrs::Interface::ip) {
        if let IpAddr::V4(v4) = ip
            && !v4.is_loopback()
            && !v4.is_link_local()
        {
            names.insert(Name::Ip(ip));
        }
    }
    names
}

/// Whom an authority may vouch for (RFC 5280, section 4.2.1.10).
#[derive(Debug)]
pub(super) enum Permitted {
    /// Anybody: it is not one of ours.
    All,
    /// Names and what is below them; addresses and their masks.
    Some {
        names: Vec<String>,
        addresses: Vec<Vec<u8>>,
    },
}

/// What names in a home, a lab or a classroom end with.
const LOCAL_NAMES: [&str; 7] = [
    "localhost",
    "local",
    "lan",
    "home",
    "home.arpa",
    "internal",
    "fritz.box",
];

/// What nobody outside can reach, with the length of what is fixed.
const LOCAL_V4: [([u8; 4], u32); 6] = [
    ([127, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([169, 254, 0, 0], 16),
    ([100, 64, 0, 0], 10),
];
const LOCAL_V6: [(u128, u32); 3] = [(1, 128), (0xfc00 << 112, 7), (0xfe80 << 112, 10)];

impl Permitted {
    /// Names that are only known nearby, and these.
    pub(super) fn local_and(others: &BTreeSet<Name>) -> Self {
        let names = LOCAL_NAMES.map(Into::into).to_vec();
        let v4 = LOCAL_V4.into_iter().map(|(address, bits)| {
            let mask = u32::MAX << (32 - bits);
            [address, mask.to_be_bytes()].concat()
        });
        let v6 = LOCAL_V6.into_iter().map(|(address, bits)| {
            let mask = u128::MAX << (128 - bits);
            [address.to_be_bytes(), mask.to_be_bytes()].concat()
        });
        let addresses = v4.chain(v6).collect();
        let near = Self::Some { names, addresses };
        let far: Vec<_> = others.iter().filter(|name| !near.has(name)).collect();
        let Self::Some {
            mut names,
            mut addresses,
        } = near
        else {
            return near;
        };
        for name in far {
            match name {
                Name::Dns(name) => {
                    names.push(name.trim_start_matches("*.").into());
                }
                Name::Ip(IpAddr::V4(ip)) => addresses.push([ip.octets(), [255; 4]].concat()),
                Name::Ip(IpAddr::V6(ip)) => addresses.push([ip.octets(), [255; 16]].concat()),
            }
        }
        Self::Some { names, addresses }
    }

    /// What an authority says of itself.
    pub(super) fn by(authority: &X509Certificate<'_>) -> Self {
        let Ok(Some(constraints)) = authority.name_constraints() else {
            return Self::All;
        };
        let Some(permitted) = &constraints.value.permitted_subtrees else {
            return Self::All;
        };
        let (mut names, mut addresses) = (Vec::new(), Vec::new());
        for GeneralSubtree { base } in permitted {
            match base {
                GeneralName::DNSName(name) => names.push((*name).into()),
                GeneralName::IPAddress(bytes) => addresses.push(bytes.to_vec()),
                _ => {}
            }
        }
        Self::Some { names, addresses }
    }

    /// Whether a name is among them.
    pub(super) fn has(&self, name: &Name) -> bool {
        let Self::Some { names, addresses } = self else {
            return true;
        };
        match name {
            Name::Dns(name) => names.iter().any(|suffix| {
                let rest = name.trim_start_matches("*.").strip_suffix(&**suffix);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
            Name::Ip(IpAddr::V4(ip)) => is_in(&ip.octets(), addresses),
            Name::Ip(IpAddr::V6(ip)) => is_in(&ip.octets(), addresses),
        }
    }

    /// The extension's value in DER; `None` if there is nothing to say.
    pub(super) fn to_der(&self) -> Option<Vec<u8>> {
        let Self::Some { names, addresses } = self else {
            return None;
        };
        // A subtree is a sequence of its base, [2] for a name or [7] for an
        // address.
        let names = names.iter().map(|name| tlv(0x82, name.as_bytes()));
        let addresses = addresses.iter().map(|address| tlv(0x87, address));
        let subtrees: Vec<u8> = names
            .chain(addresses)
            .flat_map(|base| tlv(0x30, &base))
            .collect();
        Some(tlv(0x30, &tlv(0xA0, &subtrees)))
    }
}

fn is_in(octets: &[u8], addresses: &[Vec<u8>]) -> bool {
    let len = octets.len();
    addresses.iter().filter(|a| a.len() == 2 * len).any(|a| {
        let (address, mask) = a.split_at(len);
        let mut bytes = octets.iter().zip(address).zip(mask);
        bytes.all(|((octet, address), mask)| octet & mask == address & mask)
    })
}

/// A value in DER.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let len = value.len();
    let mut der = vec![tag];
    match u8::try_from(len) {
        Ok(short @ ..0x80) => der.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let from = bytes.iter().take_while(|byte| **byte == 0).count();
            // At most eight.
            der.push(0x80 | (bytes.len() - from) as u8);
            der.extend(&bytes[from..]);
        }
    }
    der.extend(value);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn names_are_names_or_addresses() {
        assert_eq!(name("Kitchen.Local"), Name::Dns("kitchen.local".into()));
        assert_eq!(name("[::1]"), Name::Ip(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(name("*.lab.example"), Name::Dns("*.lab.example".into()));
        for bad in [
            "",
            "a b",
            "a..b",
            "k\u{fc}che",
            "http://x",
            "a:1",
            ".x",
            "*",
        ] {
            assert_eq!(Name::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_machine_has_names_and_an_authority_may_vouch_for_them() {
        let names = of_machine();
        for always in ["localhost", "127.0.0.1", "::1"] {
            assert!(names.contains(&name(always)), "{always}");
        }
        let permitted = Permitted::local_and(&names);
        assert!(names.iter().all(|name| permitted.has(name)));
    }

    #[test]
    fn an_authority_vouches_for_what_is_near_and_what_was_asked_for() {
        let asked = BTreeSet::from([name("lab.example.org"), name("203.0.113.7")]);
        let permitted = Permitted::local_and(&asked);
        for near in [
            "kitchen.local",
            "192.168.1.77",
            "172.31.0.1",
            "100.127.0.1",
            "fd00::1",
            "lab.example.org",
            "*.lab.example.org",
            "a.lab.example.org",
            "203.0.113.7",
        ] {
            assert!(permitted.has(&name(near)), "{near}");
        }
        for far in [
            "example.org",
            "nearlylab.example.org",
            "mylocal",
            "203.0.113.8",
            "172.32.0.1",
            "2001:db8::1",
        ] {
            assert!(!permitted.has(&name(far)), "{far}");
        }
    }
}
