//! The PROXY protocol: what a proxy says of its clients before their first
//! bytes (HAProxy's proxy-protocol.txt, versions 1 and 2).

mod v1;
mod v2;

use std::io;
use std::time::Duration;

use codec::ByteString;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Address, Shown};
use crate::config::{Listener, Proxy};
use crate::connection::Peer;
use crate::log::notice;

/// How long a proxy may take for its header; it has all of it at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a proxy may take to CONNECT that connects for itself: mostly it
/// only looks whether anybody is here.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(3);

/// What a header says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    /// Whether the proxy says that it connects for itself.
    is_local: bool,
    /// Where the client is; `None` if it is the proxy itself, or unknown.
    address: Option<Address>,
    /// How it speaks TLS with the proxy, if it does.
    tls: Option<Secured>,
}

/// A client that speaks TLS with the proxy.
#[derive(Debug, Default, PartialEq, Eq)]
struct Secured {
    /// Whether it has shown a certificate, and the proxy has found it good.
    has_certificate: bool,
    /// Such as `TLSv1.3`.
    version: Option<String>,
    cipher: Option<String>,
    /// The common name in the certificate.
    common_name: Option<String>,
}

/// Why there is no header.
#[derive(Debug)]
enum Failure {
    Io(io::Error),
    /// It is none; with the client's address, if it came so far.
    Corrupt(&'static str, Option<Address>),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

const fn corrupt(why: &'static str) -> Failure {
    Failure::Corrupt(why, None)
}

/// Whether the options of a listener behind a proxy make sense; an error is
/// one line.
pub(super) fn check(listener: &Listener) -> Result<(), String> {
    let tls = &listener.tls;
    let (version, what) = match &listener.proxy {
        None if listener.proxy_requires_tls => {
            return Err("proxy_protocol_v2_require_tls needs `enable_proxy_protocol 2`.".into());
        }
        Some(Proxy::V1) if tls.require_certificate || tls.username.is_used() => {
            (1, "require_certificate and user names from certificates")
        }
        Some(Proxy::V1) if listener.proxy_requires_tls => (1, "proxy_protocol_v2_require_tls"),
        Some(Proxy::V1) if tls.is_on() => (1, "certfile and keyfile"),
        Some(Proxy::V2) if tls.username.is_subject => (2, "use_subject_as_username"),
        Some(Proxy::V2) if tls.certfile.is_some() || tls.keyfile.is_some() => {
            (2, "certfile and keyfile")
        }
        _ => return Ok(()),
    };
    Err(format!(
        "{what} cannot be used with `enable_proxy_protocol {version}`."
    ))
}

/// Reads what the proxy says, and puts it into `peer`; false if the connection
/// is to be closed, which has been said then.
pub(super) async fn admit<S>(stream: &mut S, peer: &mut Peer, listener: &Listener) -> bool
where
    S: AsyncRead + Unpin,
{
    let Some(proxy) = &listener.proxy else {
        return true;
    };
    let read = async {
        match proxy {
            Proxy::V1 => read_v1(stream).await,
            Proxy::V2 => read_v2(stream).await,
        }
    };
    let failure = match tokio::time::timeout(HEADER_TIMEOUT, read).await {
        Ok(Ok(header)) => return take(header, peer, listener),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::Io(io::ErrorKind::TimedOut.into()),
    };
    let Peer { address, port, .. } = peer;
    let why = match failure {
        Failure::Corrupt(why, Some(client)) => {
            notice!("Connection from {client} rejected, corrupt PROXY header.");
            why.into()
        }
        Failure::Corrupt(why, None) => {
            notice!("{}", nobodys_line(proxy));
            why.into()
        }
        Failure::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            format!("none came in {} s", HEADER_TIMEOUT.as_secs())
        }
        Failure::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection was closed before its end".into()
        }
        Failure::Io(error) => error.to_string(),
    };
    notice!("No PROXY header from {address} on port {port}: {why}.");
    false
}

/// What Mosquitto says of a header that does not even name a client.
const fn nobodys_line(proxy: &Proxy) -> &'static str {
    match proxy {
        Proxy::V1 => "Connection rejected, corrupt PROXY header.",
        Proxy::V2 => "Client (null) [(null):0] disconnected: bad socket read/write: Invalid input.",
    }
}

fn take(header: Header, peer: &mut Peer, listener: &Listener) -> bool {
    if header.is_local {
        peer.connect_timeout = LOCAL_TIMEOUT;
    }
    if let Some(address) = header.address {
        peer.address = address;
    }
    let address = &peer.address;
    let options = &listener.tls;
    if listener.proxy_requires_tls && header.tls.is_none() {
        notice!("Connection from {address} rejected, client did not connect using TLS.");
        return false;
    }
    let tls = header.tls.unwrap_or_default();
    if options.require_certificate && !tls.has_certificate {
        notice!("Connection from {address} rejected, client did not provide a certificate.");
        return false;
    }
    if let (Some(version), Some(cipher)) = (&tls.version, &tls.cipher) {
        notice!("Connection from {address} negotiated {version} cipher {cipher}");
    }
    if options.username.is_identity {
        peer.shown = Some(Box::new(username(tls)));
    }
    true
}

/// The user name that the certificate says; one that the proxy did not find
/// good says nothing.
fn username(tls: Secured) -> Shown {
    if !tls.has_certificate {
        return Err("its user name is to be that of its certificate, and it has none");
    }
    match tls.common_name {
        None => Err("its certificate has no common name (CN)"),
        Some(name) if name.is_empty() => Err("the name in its certificate is empty"),
        Some(name) if name.contains('\0') => {
            Err("the name in its certificate cannot be a user name")
        }
        Some(name) => Ok(ByteString::from(name)),
    }
}

async fn read_v1<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Header, Failure> {
    let mut line = Vec::with_capacity(v1::MAX_LEN);
    // Byte by byte: what comes after it is the client's.
    while !line.ends_with(b"\r\n") {
        if line.len() == v1::MAX_LEN {
            return Err(corrupt("it is too long"));
        }
        line.push(stream.read_u8().await?);
        if !v1::may_begin(&line) {
            return Err(corrupt("it does not begin with PROXY"));
        }
    }
    v1::parse(&line).map_err(corrupt)
}

async fn read_v2<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Header, Failure> {
    let mut fixed = [0; v2::FIXED_LEN];
    stream.read_exact(&mut fixed).await?;
    let begin = v2::Begin::parse(&fixed).map_err(corrupt)?;
    let mut rest = vec![0; begin.len];
    stream.read_exact(&mut rest).await?;
    v2::parse(begin, &rest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Protocol;

    #[tokio::test(start_paused = true)]
    async fn a_header_has_a_time_limit() {
        for proxy in [Proxy::V1, Proxy::V2] {
            let listener = Arc::new(Listener {
                proxy: Some(proxy),
                ..Listener::new(0, Protocol::Mqtt)
            });
            let mut peer = Peer::new(Address::Unix("proxy".into()), 0, 1);
            let (mut near, _far) = tokio::io::duplex(100);
            let start = tokio::time::Instant::now();
            assert!(!admit(&mut near, &mut peer, &listener).await);
            assert_eq!(start.elapsed(), HEADER_TIMEOUT);
        }
    }

    /// As HAProxy's checks, which close right after that.
    #[tokio::test]
    async fn a_proxy_that_comes_for_itself_has_less_time_to_connect() {
        let listener = Arc::new(Listener {
            proxy: Some(Proxy::V2),
            ..Listener::new(0, Protocol::Mqtt)
        });
        let timeout = async |header: &[u8]| {
            let address = Address::Unix("proxy".into());
            let mut peer = Peer::new(address, 0, 1);
            let mut stream = header;
            assert!(admit(&mut stream, &mut peer, &listener).await);
            peer.connect_timeout
        };
        let usual = Peer::new(Address::Unix("client".into()), 0, 1).connect_timeout;
        let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
        assert_eq!(timeout(local).await, LOCAL_TIMEOUT);
        let client = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x05\x7f\0\0\x01\x18\x83\0\x50";
        assert_eq!(timeout(client).await, usual);
    }

    #[test]
    fn a_name_counts_only_in_a_certificate_that_is_good() {
        let tls = |has_certificate, name: &str| Secured {
            has_certificate,
            common_name: Some(name.into()),
            ..Secured::default()
        };
        assert_eq!(username(tls(true, "ada")), Ok("ada".into()));
        assert!(username(tls(false, "ada")).is_err());
        assert!(username(tls(true, "")).is_err());
        assert!(username(tls(true, "a\0")).is_err());
        let nameless = Secured {
            common_name: None,
            ..tls(true, "")
        };
        assert!(username(nameless).is_err());
    }
}
