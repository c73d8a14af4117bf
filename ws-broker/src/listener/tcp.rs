use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::config::{Bind, Listener};
use crate::log::information;
use crate::running::StartError;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Opens a listener's sockets: one for IPv4 and one for IPv6 if the machine
/// has both. With port 0 both get the same.
pub(crate) async fn open(listener: &Listener) -> Result<Vec<TcpListener>, StartError> {
    let addresses = match &listener.bind {
        Bind::All => vec![
            IpAddr::from(Ipv4Addr::UNSPECIFIED),
            Ipv6Addr::UNSPECIFIED.into(),
        ],
        Bind::Loopback => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Bind::Host(host) => resolve(host, listener.port).await?,
    };
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut port = listener.port;
    for address in addresses {
        let family = if address.is_ipv6() { "ipv6" } else { "ipv4" };
        match bind(SocketAddr::new(address, port)) {
            Ok(socket) => {
                port = socket.local_addr().map_or(port, |address| address.port());
                information!("Opening {family} listen socket on port {port}.");
                sockets.push(socket);
            }
            // A machine without IPv6 is served over IPv4.
            Err(error) if is_missing(&error) && (address.is_ipv6() || !sockets.is_empty()) => {}
            Err(error) => return Err(failure(SocketAddr::new(address, port).to_string(), error)),
        }
    }
    if sockets.is_empty() {
        let error = io::ErrorKind::AddrNotAvailable.into();
        return Err(failure(format!("port {port}"), error));
    }
    Ok(sockets)
}

async fn resolve(host: &str, port: u16) -> Result<Vec<IpAddr>, StartError> {
    let address = || format!("{host}:{port}");
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| failure(address(), error))?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
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

fn failure(address: String, error: io::Error) -> StartError {
    let port = address.rsplit(':').next().unwrap_or_default();
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "; another program, maybe mosquitto, has port {port}: stop it, or choose another port"
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
