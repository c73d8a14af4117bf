//! Sockets on the network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::config::{Bind, Family, Listener};
use crate::log::information;
use crate::running::StartError;

/// Connections that wait to be accepted.
pub(super) const BACKLOG: i32 = 1024;

/// Opens a listener's sockets: one for IPv4 and one for IPv6 if the machine
/// has both. With port 0 both get the same. `earlier` are those that are open
/// already.
pub(super) async fn open(
    listener: &Listener,
    earlier: &[SocketAddr],
) -> Result<Vec<TcpListener>, StartError> {
    let addresses = addresses(listener).await?;
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut port = listener.port;
    for mut address in addresses {
        address.set_port(port);
        let family = if address.is_ipv6() { "ipv6" } else { "ipv4" };
        match bind(address) {
            Ok(socket) => {
                port = socket.local_addr().map_or(port, |address| address.port());
                information!("Opening {family} listen socket on port {port}.");
                sockets.push(socket);
            }
            // A machine without IPv6 is served over IPv4.
            Err(error)
                if is_missing(&error)
                    && listener.family.is_none()
                    && (address.is_ipv6() || !sockets.is_empty()) => {}
            Err(error) => return Err(failure(address.to_string(), port, error, earlier)),
        }
    }
    if sockets.is_empty() {
        let error = io::ErrorKind::AddrNotAvailable.into();
        return Err(failure(format!("port {port}"), port, error, earlier));
    }
    Ok(sockets)
}

/// The addresses to bind to, without port.
async fn addresses(listener: &Listener) -> Result<Vec<SocketAddr>, StartError> {
    let named = match &listener.bind {
        Bind::All => None,
        Bind::Loopback => Some(vec![
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0),
        ]),
        Bind::Host(host) => Some(resolve(host, listener.port).await?),
        Bind::Unix(_) => Some(Vec::new()),
    };
    let mut addresses = match (&listener.interface, named) {
        (None, Some(named)) => named,
        (None, None) => vec![
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
        ],
        (Some(interface), named) => of_interface(interface, named.as_deref(), listener.port)?,
    };
    if let Some(family) = listener.family {
        addresses.retain(|address| (family == Family::V6) == address.is_ipv6());
        if addresses.is_empty() {
            let family = match family {
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            };
            return Err(StartError::Listen {
                address: format!("port {}", listener.port),
                error: io::ErrorKind::AddrNotAvailable.into(),
                hint: format!("; there is no {family} address, which socket_domain asks for"),
            });
        }
    }
    Ok(addresses)
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| failure(format!("{host}:{port}"), port, error, &[]))?;
    let mut addresses: Vec<_> = found.collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

/// The addresses of an interface: of those that are named, if any are.
fn of_interface(
    name: &str,
    named: Option<&[SocketAddr]>,
    port: u16,
) -> Result<Vec<SocketAddr>, StartError> {
    let failure = |error: io::Error, hint| StartError::Listen {
        address: format!("port {port} of interface {name}"),
        error,
        hint,
    };
    let interfaces = if_addrs::get_if_addrs().map_err(|error| failure(error, String::new()))?;
    let mut addresses = Vec::new();
    for interface in interfaces.iter().filter(|i| i.name == name) {
        let ip = interface.ip();
        if named.is_none_or(|named| named.iter().any(|address| address.ip() == ip)) {
            addresses.push(match ip {
                IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                    let scope = interface.index.unwrap_or_default();
                    SocketAddrV6::new(ip, 0, 0, scope).into()
                }
                ip => SocketAddr::new(ip, 0),
            });
        }
    }
    if !addresses.is_empty() {
        addresses.sort();
        return Ok(addresses);
    }
    let mut names: Vec<_> = interfaces.iter().map(|i| i.name.as_str()).collect();
    let hint = if names.contains(&name) {
        "; the interface does not have the address of the listener".into()
    } else {
        names.sort_unstable();
        names.dedup();
        format!("; the interfaces with addresses are {}", names.join(", "))
    };
    Err(failure(io::ErrorKind::NotFound.into(), hint))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart need not wait for old connections to be forgotten. On Windows
    // the same option would let two brokers share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// Whether the machine does not have this family of addresses.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::Unsupported
        // EAFNOSUPPORT and its Windows sibling.
        || matches!(error.raw_os_error(), Some(97 | 47 | 10047))
}

fn failure(address: String, port: u16, error: io::Error, earlier: &[SocketAddr]) -> StartError {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse if earlier.iter().any(|open| open.port() == port) => {
            format!("; an earlier listener has port {port}: remove one, or give each an address")
        }
        io::ErrorKind::AddrInUse => format!(
            "; another program, maybe mosquitto, has port {port}: stop it, or choose another \
             port ({} shows which)",
            who_listens(port)
        ),
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need more rights: choose another port".into()
        }
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address".into(),
        _ => String::new(),
    };
    StartError::Listen {
        address,
        error,
        hint,
    }
}

/// What a person types to see which program has a port.
fn who_listens(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("`ss -ltnp sport = :{port}`")
    } else if cfg!(windows) {
        format!("`netstat -ano | findstr :{port}`")
    } else {
        format!("`lsof -nP -iTCP:{port} -sTCP:LISTEN`")
    }
}
