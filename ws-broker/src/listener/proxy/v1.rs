//! Version 1: a line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Header;

/// The longest line, with its end.
pub(super) const MAX_LEN: usize = 107;

const BEGIN: &[u8] = b"PROXY ";

/// Whether a line may begin so.
pub(super) fn may_begin(line: &[u8]) -> bool {
    let len = line.len().min(BEGIN.len());
    line[..len] == BEGIN[..len]
}

/// Parses a line with its end; an error says what is wrong.
pub(super) fn parse(line: &[u8]) -> Result<Header, &'static str> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not text")?;
    let line = line
        .strip_prefix("PROXY ")
        .and_then(|l| l.strip_suffix("\r\n"));
    let line = line.ok_or("it does not begin with PROXY")?;
    // What comes behind it is to be ignored.
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Ok(Header::default());
    }
    let parts: Vec<_> = line.split(' ').collect();
    let [family, source, destination, source_port, destination_port] = parts[..] else {
        return Err("it does not have six parts");
    };
    let address: fn(&str) -> Option<IpAddr> = match family {
        "TCP4" => |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => return Err("it is about neither TCP4 nor TCP6"),
    };
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let wrong = "an address in it is none";
    let source = address(source).ok_or(wrong)?;
    address(destination).ok_or(wrong)?;
    let wrong = "a port in it is none";
    let source_port = port(source_port).ok_or(wrong)?;
    port(destination_port).ok_or(wrong)?;
    let address = SocketAddr::new(source.to_canonical(), source_port);
    Ok(Header {
        is_local: false,
        address: Some(address.into()),
        tls: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(line: &str) -> Result<Option<String>, &'static str> {
        let header = parse(line.as_bytes())?;
        Ok(header.address.map(|address| address.to_string()))
    }

    #[test]
    fn the_source_is_the_client() {
        let some = |address: &str| Ok(Some(address.to_owned()));
        for (line, expected) in [
            (
                "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n",
                some("192.0.2.5:6275"),
            ),
            (
                "PROXY TCP6 2001:db8::1 ::1 6275 1234\r\n",
                some("2001:db8::1:6275"),
            ),
            (
                "PROXY TCP6 ::ffff:192.0.2.5 ::1 1 1\r\n",
                some("192.0.2.5:1"),
            ),
            ("PROXY UNKNOWN\r\n", Ok(None)),
            ("PROXY UNKNOWN \r\n", Ok(None)),
            ("PROXY UNKNOWN ffff::1 x 1 2 3 4\r\n", Ok(None)),
        ] {
            assert_eq!(address(line), expected, "{line}");
        }
    }

    #[test]
    fn everything_else_is_wrong() {
        for line in [
            "",
            "\r\n",
            "PROXY\r\n",
            "PROXY \r\n",
            "PROXY  TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234 5\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275 0\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 65536 1\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.256 6275 1234\r\n",
            "PROXY TCP4 ::1 ::1 6275 1234\r\n",
            "PROXY TCP6 192.0.2.5 127.0.0.1 6275 1234\r\n",
            "PROXY UDP4 192.0.2.5 127.0.0.1 6275 1234\r\n",
            "PROXY UNKNOWNx\r\n",
            "GET / HTTP/1.1\r\n",
        ] {
            assert!(address(line).is_err(), "{line:?}");
        }
        assert!(parse(b"PROXY TCP4 \xff\r\n").is_err());
        assert!(may_begin(b"PRO") && may_begin(b"PROXY T") && !may_begin(b"PROXYT"));
    }
}
