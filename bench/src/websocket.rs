//! The client's side of a WebSocket (RFC 6455): binary frames out, masked;
//! frames of any kind in.

use anyhow::{Result, ensure};

const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The request that opens it.
pub(crate) fn upgrade(host: &str) -> String {
    format!(
        "GET /mqtt HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
}

/// Both directions of one connection.
#[derive(Default)]
pub(crate) struct Frames {
    mask: u32,
    /// What remains of the frame that is being read.
    left: u64,
    /// Its kind; a continuation keeps the kind of what it continues.
    kind: u8,
    /// Bytes of a head that is not all there yet.
    head: Vec<u8>,
    /// What a PING wants to have back.
    echo: Vec<u8>,
}

impl Frames {
    /// Appends `payload` as one binary frame.
    pub(crate) fn seal(&mut self, payload: &[u8], to: &mut Vec<u8>) {
        self.append(BINARY, payload, to);
    }

    fn append(&mut self, kind: u8, payload: &[u8], to: &mut Vec<u8>) {
        to.push(0x80 | kind);
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(length @ 0..=125), _) => to.push(0x80 | length),
            (_, Ok(length)) => {
                to.push(0x80 | 126);
                to.extend(length.to_be_bytes());
            }
            _ => {
                to.push(0x80 | 127);
                to.extend((payload.len() as u64).to_be_bytes());
            }
        }
        self.mask = self
            .mask
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let mask = self.mask.to_le_bytes();
        to.extend(mask);
        let start = to.len();
        to.extend_from_slice(payload);
        let wide = u64::from(self.mask) << 32 | u64::from(self.mask);
        let (words, rest) = to[start..].as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_le_bytes(*word) ^ wide).to_le_bytes();
        }
        for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
    }

    /// Appends what the frames in `bytes` hold to `packets`, and answers to PINGs
    /// to `answers`.
    pub(crate) fn open(
        &mut self,
        mut bytes: &[u8],
        packets: &mut Vec<u8>,
        answers: &mut Vec<u8>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            if self.left == 0 {
                bytes = self.open_head(bytes)?;
            }
            let here = usize::try_from(self.left)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (part, rest) = bytes.split_at(here);
            self.left -= part.len() as u64;
            bytes = rest;
            match self.kind {
                BINARY => packets.extend_from_slice(part),
                PING => self.echo.extend_from_slice(part),
                _ => {}
            }
            if self.kind == PING && self.left == 0 && self.head.is_empty() {
                let echo = std::mem::take(&mut self.echo);
                self.append(PONG, &echo, answers);
                self.kind = BINARY;
            }
        }
        Ok(())
    }

    /// Reads a head, and returns what follows it: nothing when more is wanted.
    fn open_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let known = self.head.len();
        self.head.extend(&bytes[..bytes.len().min(10)]);
        let wanted = match self.head.get(1) {
            None => 2,
            Some(126) => 4,
            Some(127) => 10,
            Some(length) => {
                ensure!(*length < 126, "a masked frame from the broker");
                2
            }
        };
        if self.head.len() < wanted {
            // Nothing of a payload is here, and no frame has been begun.
            self.kind = BINARY;
            return Ok(&[]);
        }
        self.left = match wanted {
            2 => u64::from(self.head[1]),
            _ => self.head[2..wanted]
                .iter()
                .fold(0, |left, byte| left << 8 | u64::from(*byte)),
        };
        let kind = self.head[0] & 0x0f;
        ensure!(kind != CLOSE, "the broker closed the WebSocket");
        if kind != 0 {
            self.kind = kind;
        }
        self.head.clear();
        Ok(&bytes[wanted - known..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames as a server sends them.
    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80 | kind];
        match payload.len() {
            length @ 0..=125 => bytes.push(length as u8),
            length @ 126..=65535 => {
                bytes.push(126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn frames_are_opened_however_they_are_cut() {
        let long: Vec<u8> = (0..70_000_u32).map(|n| n as u8).collect();
        let mut bytes = frame(BINARY, b"one");
        bytes.extend(frame(BINARY, &long[..300]));
        bytes.extend(frame(PING, b"hi"));
        bytes.extend(frame(BINARY, b""));
        bytes.extend(frame(BINARY, &long));
        let wanted = [b"one", &long[..300], &long].concat();
        for cut in [1, 2, 3, 7, 1000, bytes.len()] {
            let (mut packets, mut answers) = (Vec::new(), Vec::new());
            let mut frames = Frames::default();
            for part in bytes.chunks(cut) {
                frames.open(part, &mut packets, &mut answers).unwrap();
            }
            assert_eq!(packets, wanted, "{cut}");
            assert_eq!(answers.len(), 2 + 4 + 2, "{cut}");
            assert_eq!(answers[0], 0x80 | PONG);
        }
    }

    #[test]
    fn what_is_sealed_is_masked_and_has_the_right_length() {
        for (length, head) in [(5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut bytes = Vec::new();
            Frames::default().seal(&payload, &mut bytes);
            assert_eq!(bytes.len(), head + 4 + length);
            assert_eq!(bytes[0], 0x82);
            assert_eq!(bytes[1] & 0x80, 0x80);
            let mask = &bytes[head..head + 4];
            assert_ne!(mask, [0; 4]);
            let plain: Vec<u8> = bytes[head + 4..]
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask)
                .collect();
            assert_eq!(plain, payload);
        }
    }

    #[test]
    fn a_close_is_an_error() {
        let bytes = frame(CLOSE, &[3, 232]);
        assert!(
            Frames::default()
                .open(&bytes, &mut Vec::new(), &mut Vec::new())
                .is_err()
        );
    }
}
