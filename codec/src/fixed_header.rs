use crate::packet_type::PacketType;
use crate::{DecodeError, ProtocolVersion, writer};

/// The largest remaining length, in bytes (section 1.5.5): 268,435,455.
pub const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// The first bytes of every packet: its type, four flags and how long the
/// rest is (section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedHeader {
    /// The kind of packet.
    pub packet_type: PacketType,
    /// The low four bits of the first byte.
    pub flags: u8,
    /// Length of the fixed header itself: 2 to 5 bytes.
    pub len: usize,
    /// Length of what follows the fixed header, bytes.
    pub remaining: usize,
}

impl FixedHeader {
    /// Reads the header at the front of `bytes`; `None` when it is not all
    /// there yet.
    ///
    /// A remaining length written longer than it need be is accepted, as
    /// Mosquitto does: 3.x does not forbid it, and what it says is plain.
    ///
    /// # Errors
    /// Wrong type or flags, an overlong length, or a packet over `limit`
    /// bytes in all: told before the body has arrived, so that nobody needs
    /// to hold it.
    #[inline]
    pub fn peek(bytes: &[u8], limit: usize) -> Result<Option<Self>, DecodeError> {
        let [first, rest @ ..] = bytes else {
            return Ok(None);
        };
        let (first, flags) = (*first, first & 0x0f);
        let packet_type = PacketType::from_u8(first >> 4).ok_or(DecodeError::FirstByte(first))?;
        if !packet_type.has_flags(flags) {
            return Err(DecodeError::FirstByte(first));
        }
        let mut remaining = 0usize;
        for (i, byte) in rest.iter().take(4).enumerate() {
            remaining |= usize::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                let header = Self {
                    packet_type,
                    flags,
                    len: i + 2,
                    remaining,
                };
                let size = header.packet_len();
                if size > limit {
                    return Err(DecodeError::PacketTooLarge { size, limit });
                }
                return Ok(Some(header));
            }
        }
        if rest.len() >= 4 {
            return Err(DecodeError::RemainingLength);
        }
        Ok(None)
    }

    /// Checks the flags that [`FixedHeader::peek`], which does not know the
    /// version, lets pass: DUP on what 3.1 sends again (its section 2.1).
    pub(crate) fn check_flags(self, version: ProtocolVersion) -> Result<(), DecodeError> {
        if version == ProtocolVersion::V3_1
            || self.packet_type == PacketType::Publish
            || self.flags == self.packet_type.flags()
        {
            Ok(())
        } else {
            let first = (self.packet_type as u8) << 4 | self.flags;
            Err(DecodeError::FirstByte(first))
        }
    }

    /// Whether the remaining length was written in the shortest form, as MQTT
    /// 5.0 requires \[MQTT-1.5.5-1\].
    #[inline]
    pub const fn is_shortest(&self) -> bool {
        self.len == 1 + writer::variable_len(self.remaining)
    }

    /// Length of the whole packet, bytes.
    #[inline]
    pub const fn packet_len(&self) -> usize {
        self.len + self.remaining
    }
}

/// Length of a whole packet whose body has `remaining` bytes.
pub(crate) const fn packet_len(remaining: usize) -> usize {
    1 + writer::variable_len(remaining) + remaining
}
