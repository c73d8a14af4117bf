//! Version 2: binary, with what the proxy knows of TLS.

use std::net::{IpAddr, SocketAddr};

use bytes::Buf;

use super::{Address, Failure, Header, Secured, corrupt};

/// The bytes that every header has.
pub(super) const FIXED_LEN: usize = 16;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// What is behind them takes more only in a proxy's worst dreams.
const MAX_LEN: usize = 2048;
/// Mosquitto takes no more, and names nobody when there is.
const MOSQUITTO_MAX_LEN: usize = 500;
/// A path in the address of a Unix socket.
const PATH_LEN: usize = 108;

/// `PP2_TYPE_SSL` and what is in it.
const SSL: u8 = 0x20;
const SSL_VERSION: u8 = 0x21;
const SSL_CN: u8 = 0x22;
const SSL_CIPHER: u8 = 0x23;
/// The client speaks TLS.
const CLIENT_SSL: u8 = 0x01;
/// The client has shown a certificate in this session of TLS.
const CLIENT_CERT_SESS: u8 = 0x04;

/// What the fixed bytes say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    source: Source,
    /// Bytes behind the fixed ones.
    pub(super) len: usize,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// The proxy itself, such as to see whether anybody is here.
    Local,
    V4,
    V6,
    Unix,
}

impl Begin {
    /// Parses the fixed bytes; an error says what is wrong.
    pub(super) fn parse(fixed: &[u8; FIXED_LEN]) -> Result<Self, &'static str> {
        let [signature @ .., version, family, high, low] = fixed;
        if signature != SIGNATURE {
            return Err("it does not begin as one of version 2");
        }
        let source = match (version, family) {
            (0x20, _) => Source::Local,
            (0x21, 0x11) => Source::V4,
            (0x21, 0x21) => Source::V6,
            (0x21, 0x31) => Source::Unix,
            (0x21, _) => return Err("it is about something other than a stream"),
            _ => return Err("its version or command is unknown"),
        };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let least = match source {
            Source::Local => 0,
            Source::V4 => 12,
            Source::V6 => 36,
            Source::Unix => 1,
        };
        if len < least {
            return Err("it is too short for its addresses");
        }
        if len > MAX_LEN {
            return Err("it is too long");
        }
        Ok(Self { source, len })
    }
}

/// Parses what is behind the fixed bytes, of the length that they say.
pub(super) fn parse(begin: Begin, rest: &[u8]) -> Result<Header, Failure> {
    let (address, more) = match begin.source {
        // What a proxy says of itself does not count.
        Source::Local => {
            return Ok(Header {
                is_local: true,
                ..Header::default()
            });
        }
        Source::V4 => ip::<4>(rest, 12)?,
        Source::V6 => ip::<16>(rest, 36)?,
        Source::Unix => unix(rest),
    };
    let is_named = begin.len <= MOSQUITTO_MAX_LEN;
    let of_client = |why| Failure::Corrupt(why, is_named.then(|| address.clone()));
    let tls = tls(more).map_err(of_client)?;
    Ok(Header {
        is_local: false,
        address: Some(address),
        tls,
    })
}

/// Source and destination, then their ports.
fn ip<const LEN: usize>(rest: &[u8], len: usize) -> Result<(Address, &[u8]), Failure>
where
    IpAddr: From<[u8; LEN]>,
{
    let wrong = || corrupt("it is too short for its addresses");
    let (addresses, more) = rest.split_at_checked(len).ok_or_else(wrong)?;
    let ip = *addresses.first_chunk::<LEN>().ok_or_else(wrong)?;
    let mut ports = addresses.get(2 * LEN..).ok_or_else(wrong)?;
    let port = ports.try_get_u16().map_err(|_| wrong())?;
    let address = SocketAddr::new(IpAddr::from(ip).to_canonical(), port);
    Ok((address.into(), more))
}

/// Two paths with zeros behind them. Mosquitto takes one path without zeros
/// too.
fn unix(rest: &[u8]) -> (Address, &[u8]) {
    let (paths, more) = rest.split_at_checked(2 * PATH_LEN).unwrap_or((rest, &[]));
    let path = &paths[..paths.len().min(PATH_LEN)];
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    (Address::Unix(String::from_utf8_lossy(path).into()), more)
}

/// What is said of TLS among all that may be said.
fn tls(mut more: &[u8]) -> Result<Option<Secured>, &'static str> {
    let mut secured = None;
    while !more.is_empty() {
        let (kind, value) = take(&mut more)?;
        if kind == SSL {
            secured = ssl(value)?;
        }
    }
    Ok(secured)
}

fn ssl(mut value: &[u8]) -> Result<Option<Secured>, &'static str> {
    let wrong = |_| "what it says of TLS is too short";
    let client = value.try_get_u8().map_err(wrong)?;
    let verify = value.try_get_u32().map_err(wrong)?;
    let mut secured = Secured {
        has_certificate: client & CLIENT_CERT_SESS != 0 && verify == 0,
        ..Secured::default()
    };
    while !value.is_empty() {
        let (kind, value) = take(&mut value)?;
        let text = || std::str::from_utf8(value).map(Into::into);
        let field = match kind {
            SSL_VERSION => &mut secured.version,
            SSL_CN => &mut secured.common_name,
            SSL_CIPHER => &mut secured.cipher,
            _ => continue,
        };
        *field = Some(text().map_err(|_| "what it says of TLS is not text")?);
    }
    Ok((client & CLIENT_SSL != 0).then_some(secured))
}

/// Takes a type, a length and a value of that length.
fn take<'a>(more: &mut &'a [u8]) -> Result<(u8, &'a [u8]), &'static str> {
    let wrong = "a value in it is longer than it is";
    let kind = more.try_get_u8().map_err(|_| wrong)?;
    let len = more.try_get_u16().map_err(|_| wrong)?;
    let (value, rest) = more.split_at_checked(len.into()).ok_or(wrong)?;
    *more = rest;
    Ok((kind, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, family: u8, rest: &[u8]) -> Result<Header, String> {
        let mut fixed = [0; FIXED_LEN];
        fixed[..12].copy_from_slice(SIGNATURE);
        let [high, low] = u16::try_from(rest.len()).unwrap().to_be_bytes();
        fixed[12..].copy_from_slice(&[version, family, high, low]);
        let begin = Begin::parse(&fixed)?;
        parse(begin, rest).map_err(|failure| format!("{failure:?}"))
    }

    const V4: [u8; 12] = [192, 0, 2, 5, 127, 0, 0, 1, 0x18, 0x83, 0, 80];

    fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[kind], &len[..], value].concat()
    }

    fn of(header: Header) -> String {
        header.address.unwrap().to_string()
    }

    #[test]
    fn the_source_is_the_client() {
        assert_eq!(of(header(0x21, 0x11, &V4).unwrap()), "192.0.2.5:6275");
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[32..34].copy_from_slice(&[0x18, 0x83]);
        assert_eq!(of(header(0x21, 0x21, &v6).unwrap()), "2001:db8:::6275");
        let mut unix = [0; 216];
        unix[..5].copy_from_slice(b"/path");
        assert_eq!(of(header(0x21, 0x31, &unix).unwrap()), "/path:0");
        assert_eq!(of(header(0x21, 0x31, b"/path").unwrap()), "/path:0");
        let local = || Header {
            is_local: true,
            ..Header::default()
        };
        assert_eq!(header(0x20, 0x11, &V4).unwrap(), local());
        assert_eq!(header(0x20, 0, &[]).unwrap(), local());
    }

    #[test]
    fn what_the_proxy_knows_of_tls() {
        let ssl = |client: u8, verify: u8| {
            let fixed = [client, 0, 0, 0, verify];
            let parts = [
                tlv(SSL_VERSION, b"TLSv1.3"),
                tlv(SSL_CN, b"ada"),
                tlv(0x24, b"x"),
            ];
            tlv(SSL, &[&fixed[..], &parts.concat()].concat())
        };
        let tls = |ssl: &[u8]| {
            let rest = [&V4[..], &tlv(2, b"host"), ssl].concat();
            header(0x21, 0x11, &rest).unwrap().tls
        };
        let secured = tls(&ssl(5, 0)).unwrap();
        assert!(secured.has_certificate);
        assert_eq!(secured.version.as_deref(), Some("TLSv1.3"));
        assert_eq!(secured.common_name.as_deref(), Some("ada"));
        assert_eq!(secured.cipher, None);
        assert!(!tls(&ssl(5, 1)).unwrap().has_certificate);
        assert!(!tls(&ssl(1, 0)).unwrap().has_certificate);
        assert_eq!(tls(&ssl(0, 0)), None);
        assert_eq!(tls(&[]), None);
    }

    #[test]
    fn everything_else_is_wrong() {
        for (version, family, rest) in [
            (0x31, 0x11, &V4[..]),
            (0x22, 0x11, &V4),
            (0x21, 0x00, &V4),
            (0x21, 0x12, &V4),
            (0x21, 0x41, &V4),
            (0x21, 0x11, &V4[..11]),
            (0x21, 0x21, &V4),
            (0x21, 0x31, &[]),
            (0x21, 0x11, &[0; MAX_LEN + 1]),
            (0x21, 0x11, &[&V4[..], &[SSL]].concat()),
            (0x21, 0x11, &[&V4[..], &[SSL, 0, 1, 1]].concat()),
            (0x21, 0x11, &[&V4[..], &[SSL, 0, 9, 1, 0, 0, 0, 0]].concat()),
            (
                0x21,
                0x11,
                &[&V4[..], &[SSL, 0, 8, 1, 0, 0, 0, 0, 0x22, 0, 1]].concat(),
            ),
            (
                0x21,
                0x11,
                &[&V4[..], &[SSL, 0, 9, 1, 0, 0, 0, 0, 0x22, 0, 1, 255]].concat(),
            ),
        ] {
            let parsed = header(version, family, rest);
            assert!(parsed.is_err(), "{version:x} {family:x}: {parsed:?}");
        }
        assert!(Begin::parse(b"GET / HTTP/1.1\r\n").is_err());
    }
}
