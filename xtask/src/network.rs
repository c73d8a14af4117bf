//! The addresses under which a phone finds this machine.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// This machine's IPv4 addresses in the local network, the likeliest first.
pub(crate) fn addresses() -> Vec<Ipv4Addr> {
    let found = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) => Some((interface.name, address)),
            IpAddr::V6(_) => None,
        })
        .collect();
    ordered(found, outward())
}

/// The address this machine speaks from when it speaks to others. Connecting a
/// UDP socket sends nothing; 192.0.2.1 is reserved for examples.
fn outward() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn ordered(mut found: Vec<(String, Ipv4Addr)>, outward: Option<Ipv4Addr>) -> Vec<Ipv4Addr> {
    found.retain(|(_, address)| {
        !address.is_loopback() && !address.is_link_local() && !address.is_unspecified()
    });
    found.sort_by_key(|(name, address)| {
        (
            is_virtual(name),
            !address.is_private(),
            Some(*address) != outward,
            // Homes are mostly 192.168.x.x; the others are often a company's or
            // a virtual network's.
            address.octets()[0] != 192,
            *address,
        )
    });
    found.dedup_by_key(|(_, address)| *address);
    found.into_iter().map(|(_, address)| address).collect()
}

/// Networks between programs on this machine, and tunnels, which a phone beside
/// it is not in.
fn is_virtual(name: &str) -> bool {
    [
        "docker",
        "br-",
        "veth",
        "virbr",
        "vmnet",
        "vboxnet",
        "vEthernet",
        "tun",
        "tap",
        "wg",
        "utun",
        "tailscale",
        "zt",
        "cni",
        "lxc",
        "podman",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(found: &[(&str, &str)], outward: Option<&str>) -> Vec<String> {
        let found = found
            .iter()
            .map(|(name, address)| ((*name).to_owned(), address.parse().unwrap()))
            .collect();
        ordered(found, outward.map(|address| address.parse().unwrap()))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_home_network_comes_first_and_loopback_is_left_out() {
        let found = [
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("eth0", "203.0.113.7"),
            ("eth1", "10.0.0.5"),
            ("wlan0", "192.168.1.20"),
            ("eth2", "169.254.3.4"),
        ];
        assert_eq!(
            order(&found, None),
            ["192.168.1.20", "10.0.0.5", "203.0.113.7", "172.17.0.1"]
        );
    }

    #[test]
    fn among_private_ones_the_way_out_comes_first() {
        let found = [("wlan0", "192.168.1.20"), ("eth1", "10.0.0.5")];
        assert_eq!(
            order(&found, Some("10.0.0.5")),
            ["10.0.0.5", "192.168.1.20"]
        );
    }

    #[test]
    fn a_tunnel_that_is_the_way_out_is_still_no_way_in() {
        let found = [("tun0", "10.8.0.2"), ("wlan0", "192.168.1.20")];
        assert_eq!(
            order(&found, Some("10.8.0.2")),
            ["192.168.1.20", "10.8.0.2"]
        );
    }
}
