//! Fields into bytes (section 1.5).

use bytes::{BufMut, BytesMut};

use crate::fixed_header::packet_len;
use crate::{EncodeError, MAX_REMAINING_LENGTH, PacketType};

/// Length of `value` as a variable byte integer: 1 to 4 bytes.
pub(crate) const fn variable_len(value: usize) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// Writes a variable byte integer; `value` is at most 268,435,455.
#[inline]
pub(crate) fn put_variable(out: &mut BytesMut, mut value: usize) {
    debug_assert!(value <= MAX_REMAINING_LENGTH);
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.put_u8(byte);
            return;
        }
        out.put_u8(byte | 0x80);
    }
}

/// Length of a string or binary field with its two length bytes.
pub(crate) fn field_len(field: &[u8]) -> Result<usize, EncodeError> {
    if field.len() > usize::from(u16::MAX) {
        return Err(EncodeError::FieldTooLong(field.len()));
    }
    Ok(2 + field.len())
}

/// Length of a string with its two length bytes.
pub(crate) fn string_len(text: &str) -> Result<usize, EncodeError> {
    if text.contains('\0') {
        return Err(EncodeError::Nul);
    }
    field_len(text.as_bytes())
}

/// Writes a string or binary field whose length [`field_len`] has checked.
#[inline]
pub(crate) fn put_field(out: &mut BytesMut, field: &[u8]) {
    debug_assert!(field.len() <= usize::from(u16::MAX));
    out.put_u16(field.len() as u16);
    out.put_slice(field);
}

/// Writes a fixed header and makes room for the body.
pub(crate) fn put_header(
    out: &mut BytesMut,
    packet_type: PacketType,
    remaining: usize,
) -> Result<(), EncodeError> {
    put_header_with_flags(out, packet_type, packet_type.flags(), remaining)
}

#[inline]
pub(crate) fn put_header_with_flags(
    out: &mut BytesMut,
    packet_type: PacketType,
    flags: u8,
    remaining: usize,
) -> Result<(), EncodeError> {
    if remaining > MAX_REMAINING_LENGTH {
        return Err(EncodeError::PacketTooLong(packet_len(remaining)));
    }
    out.reserve(5 + remaining);
    out.put_u8((packet_type as u8) << 4 | flags);
    put_variable(out, remaining);
    Ok(())
}
