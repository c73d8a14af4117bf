//! The few packets of MQTT 3.1.1 that a load generator needs, shaped for speed:
//! a PUBLISH is a template in which numbers are replaced.

use anyhow::{Result, bail, ensure};

pub(crate) const PUBACK: u8 = 0x40;
pub(crate) const PUBREC: u8 = 0x50;
pub(crate) const PUBREL: u8 = 0x62;
pub(crate) const PUBCOMP: u8 = 0x70;

/// A whole PINGREQ.
pub(crate) const PINGREQ: [u8; 2] = [0xc0, 0];

/// The least a payload holds: who published it, its number, when.
pub(crate) const STAMP: usize = 20;

/// What stands at the front of each payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) publisher: u32,
    /// Counts up from 0 for each publisher.
    pub(crate) number: u64,
    /// Nanoseconds since the run's start; when it was due.
    pub(crate) time: u64,
}

impl Stamp {
    pub(crate) fn read(payload: &[u8]) -> Result<Stamp> {
        let Some((publisher, rest)) = payload.split_first_chunk() else {
            bail!("a payload of {} bytes", payload.len());
        };
        let Some((number, rest)) = rest.split_first_chunk() else {
            bail!("a payload of {} bytes", payload.len());
        };
        let Some((time, _)) = rest.split_first_chunk() else {
            bail!("a payload of {} bytes", payload.len());
        };
        Ok(Stamp {
            publisher: u32::from_le_bytes(*publisher),
            number: u64::from_le_bytes(*number),
            time: u64::from_le_bytes(*time),
        })
    }
}

/// A PUBLISH of which only the packet identifier and the stamp change.
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the packet identifier is, at QoS 1 and 2.
    id_at: Option<usize>,
    payload_at: usize,
}

impl Template {
    pub(crate) fn new(topic: &str, qos: u8, publisher: u32, payload: usize) -> Template {
        let payload = payload.max(STAMP);
        let mut body = string(topic);
        let id_at = (qos > 0).then_some(body.len());
        if qos > 0 {
            body.extend([0, 1]);
        }
        let payload_at = body.len();
        body.extend(publisher.to_le_bytes());
        body.resize(payload_at + payload, b'.');
        let bytes = packet(0x30 | qos << 1, &body);
        let head = bytes.len() - body.len();
        Template {
            bytes,
            id_at: id_at.map(|at| at + head),
            payload_at: payload_at + head,
        }
    }

    /// The level of service it is published at.
    pub(crate) fn qos(&self) -> u8 {
        self.bytes[0] >> 1 & 3
    }

    /// Appends the packet.
    pub(crate) fn append(&self, to: &mut Vec<u8>, id: u16, number: u64, time: u64) {
        let start = to.len();
        to.extend_from_slice(&self.bytes);
        let packet = &mut to[start..];
        if let Some(at) = self.id_at {
            packet[at..at + 2].copy_from_slice(&id.to_be_bytes());
        }
        let at = self.payload_at + 4;
        packet[at..at + 8].copy_from_slice(&number.to_le_bytes());
        packet[at + 8..at + 16].copy_from_slice(&time.to_le_bytes());
    }
}

/// A CONNECT with a clean session, or one that is kept.
pub(crate) fn connect(client: &str, is_kept: bool) -> Vec<u8> {
    let mut body = string("MQTT");
    // Longer than any run, since no pings are sent.
    body.extend([4, if is_kept { 0 } else { 0x02 }, 0x0e, 0x10]);
    body.extend(string(client));
    packet(0x10, &body)
}

/// A SUBSCRIBE for one filter.
pub(crate) fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    body.extend(string(filter));
    body.push(qos);
    packet(0x82, &body)
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP.
pub(crate) fn acknowledge(first_byte: u8, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [first_byte, 2, high, low]
}

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Publish {
        qos: u8,
        /// 0 at QoS 0.
        id: u16,
        payload: &'a [u8],
    },
    /// One of those that [`acknowledge`] makes, by its first byte.
    Acknowledgement(u8, u16),
    /// A CONNACK or SUBACK, by its first byte, with its return code.
    Answer(u8, u8),
    /// A PINGRESP.
    Pong,
}

/// The packet at the front and its size; `None` until it is all there.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>> {
    let Some((&first, mut rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let mut length = 0;
    for shift in 0.. {
        ensure!(shift < 4, "a malformed length");
        let Some((&byte, after)) = rest.split_first() else {
            return Ok(None);
        };
        rest = after;
        length |= usize::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    let size = bytes.len() - rest.len() + length;
    let number = |at: usize| -> Result<u16> {
        match body.get(at..at + 2) {
            Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
            _ => bail!("a packet 0x{first:02x} of {length} bytes"),
        }
    };
    let packet = match first {
        0x30..=0x3f => {
            let qos = first >> 1 & 3;
            let mut at = 2 + usize::from(number(0)?);
            let mut id = 0;
            if qos > 0 {
                id = number(at)?;
                at += 2;
            }
            let Some(payload) = body.get(at..) else {
                bail!("a PUBLISH of {length} bytes");
            };
            Packet::Publish { qos, id, payload }
        }
        PUBACK | PUBREC | PUBREL | PUBCOMP => Packet::Acknowledgement(first, number(0)?),
        0x20 | 0x90 if !body.is_empty() => Packet::Answer(first, body[length - 1]),
        0xd0 if body.is_empty() => Packet::Pong,
        _ => bail!("a packet 0x{first:02x} that nobody asked for"),
    };
    Ok(Some((packet, size)))
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
    bytes
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
        if length == 0 {
            bytes.push(low);
            break;
        }
        bytes.push(low | 0x80);
    }
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_comes_back_as_it_was_made() {
        for (qos, size) in [(0, 64), (1, 64), (2, 1024), (0, 0)] {
            let template = Template::new("a/b", qos, 7, size);
            let mut bytes = Vec::new();
            template.append(&mut bytes, 300, 5, 6);
            template.append(&mut bytes, 301, 6, 7);
            assert_eq!(template.qos(), qos);
            let (packet, used) = decode(&bytes).unwrap().unwrap();
            assert_eq!(used, bytes.len() / 2);
            let Packet::Publish {
                qos: found,
                id,
                payload,
            } = packet
            else {
                panic!("{packet:?}");
            };
            assert_eq!((found, id), (qos, if qos > 0 { 300 } else { 0 }));
            assert_eq!(payload.len(), size.max(STAMP));
            let wanted = Stamp {
                publisher: 7,
                number: 5,
                time: 6,
            };
            assert_eq!(Stamp::read(payload).unwrap(), wanted);
        }
    }

    #[test]
    fn a_packet_is_found_only_when_it_is_whole() {
        let mut bytes = Vec::new();
        Template::new("a", 1, 0, 1024).append(&mut bytes, 1, 0, 0);
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]).unwrap(), None, "{cut}");
        }
    }

    #[test]
    fn acknowledgements_and_answers_are_told_apart() {
        let bytes = acknowledge(PUBREL, 258);
        let (packet, size) = decode(&bytes).unwrap().unwrap();
        assert_eq!((packet, size), (Packet::Acknowledgement(PUBREL, 258), 4));
        let (packet, _) = decode(&[0x20, 2, 0, 5]).unwrap().unwrap();
        assert_eq!(packet, Packet::Answer(0x20, 5));
        let (packet, _) = decode(&[0x90, 3, 0, 1, 0x80]).unwrap().unwrap();
        assert_eq!(packet, Packet::Answer(0x90, 0x80));
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [
            &[0x30, 0xff, 0xff, 0xff, 0xff][..],
            &[0x30, 1, 0],
            &[0x30, 2, 0, 9],
            &[0xc0, 0],
            &[0x20, 0],
        ] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
        assert!(Stamp::read(&[0; STAMP - 1]).is_err());
    }
}
