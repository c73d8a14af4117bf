//! Bytes into fields (section 1.5).

use bytes::Bytes;
use bytestring::ByteString;

use crate::{DecodeError, PacketId};

/// A packet's body, read from front to back.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that has not been read.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DecodeError::TooShort)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A variable byte integer (section 1.5.5). The shortest form is required
    /// \[MQTT-1.5.5-1\].
    #[inline]
    pub(crate) fn variable(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0;
        for i in 0..4 {
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                if byte == 0 && i > 0 {
                    return Err(DecodeError::VariableByteInteger);
                }
                return Ok(value);
            }
        }
        Err(DecodeError::VariableByteInteger)
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(DecodeError::PacketIdZero)
    }

    /// Binary data with its length before it (section 1.5.6).
    #[inline]
    pub(crate) fn field(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// Binary data as a slice of `source`, which this reader reads.
    pub(crate) fn binary(&mut self, source: &Bytes) -> Result<Bytes, DecodeError> {
        Ok(source.slice_ref(self.field()?))
    }

    /// A string as a slice of `source`, which this reader reads.
    pub(crate) fn string(&mut self, source: &Bytes) -> Result<ByteString, DecodeError> {
        string(source, self.field()?)
    }
}

/// `field` as a string that shares `source`'s memory. U+0000 is not allowed
/// \[MQTT-1.5.4-2\].
pub(crate) fn string(source: &Bytes, field: &[u8]) -> Result<ByteString, DecodeError> {
    if field.contains(&0) {
        return Err(DecodeError::Utf8);
    }
    ByteString::try_from(source.slice_ref(field)).map_err(|_| DecodeError::Utf8)
}
