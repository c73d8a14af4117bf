//! What the benchmarks in a browser say to the broker themselves: MQTT in its
//! simplest form, written from scratch so that it costs next to nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Versions of MQTT, as CONNECT has them.
pub(super) const V311: u8 = 4;
pub(super) const V5: u8 = 5;

/// Connects without a session.
pub(super) fn connect(broker: SocketAddr, version: u8, name: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(broker)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut rest = b"\x00\x04MQTT".to_vec();
    rest.extend([version, 2, 0, 0]);
    if version == V5 {
        rest.push(0);
    }
    text(&mut rest, name);
    let mut connect = vec![0x10];
    length(&mut connect, rest.len());
    connect.extend(rest);
    stream.write_all(&connect)?;
    let connack = packet(&mut stream)?;
    ensure!(connack.1.get(1) == Some(&0), "the broker refuses {name}");
    stream.set_read_timeout(None)?;
    Ok(stream)
}

/// Adds a PUBLISH at QoS 0, or at QoS 1 with its packet identifier.
pub(super) fn publish(out: &mut Vec<u8>, topic: &str, id: Option<u16>, payload: &[u8]) {
    let id = id.map(u16::to_be_bytes);
    out.push(if id.is_some() { 0x32 } else { 0x30 });
    length(
        out,
        2 + topic.len() + id.map_or(0, |id| id.len()) + payload.len(),
    );
    text(out, topic);
    out.extend(id.into_iter().flatten());
    out.extend(payload);
}

/// Asks the broker what a page would ask it, and gives the answer.
pub(super) fn ask(broker: SocketAddr, name: &str, payload: &[u8]) -> Result<String> {
    const ANSWERS: &str = "$dashboard/answer/bench";
    let mut stream = connect(broker, V5, "bench-asks")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut rest = vec![0, 1, 0];
    text(&mut rest, ANSWERS);
    rest.push(0);
    let mut out = vec![0x82];
    length(&mut out, rest.len());
    out.extend(rest);

    let mut rest = Vec::new();
    text(&mut rest, &format!("$dashboard/request/{name}"));
    let mut properties = vec![0x08];
    text(&mut properties, ANSWERS);
    length(&mut rest, properties.len());
    rest.extend(properties);
    rest.extend(payload);
    out.push(0x30);
    length(&mut out, rest.len());
    out.extend(rest);
    stream.write_all(&out)?;
    loop {
        let (kind, rest) = packet(&mut stream).context("the broker does not answer")?;
        if kind >> 4 == 3 {
            let json = rest.iter().position(|byte| *byte == b'{').unwrap_or(0);
            return Ok(String::from_utf8_lossy(&rest[json..]).into_owned());
        }
    }
}

/// The next packet: its first byte, and what follows its length.
fn packet(stream: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let mut first = [0];
    stream.read_exact(&mut first)?;
    let (mut len, mut shift) = (0, 0);
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        len |= usize::from(byte[0] & 127) << shift;
        shift += 7;
        if byte[0] < 128 {
            break;
        }
        ensure!(shift < 28, "the broker sends a length that is none");
    }
    let mut rest = vec![0; len];
    stream.read_exact(&mut rest)?;
    Ok((first[0], rest))
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
}

fn length(out: &mut Vec<u8>, mut len: usize) {
    while len >= 128 {
        out.push((len % 128) as u8 | 128);
        len /= 128;
    }
    out.push(len as u8);
}
