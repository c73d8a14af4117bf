//! The frame that came last, as the browser has it: a large payload in it is
//! shown to the program where it is, instead of being copied back.

use std::cell::RefCell;

use js_sys::Uint8Array;

/// A payload of fewer bytes is copied: to show it would keep its whole frame.
const LARGE: usize = 1024;

struct Frame {
    data: Uint8Array,
    /// Where its copy is, that packets are decoded from.
    address: usize,
}

thread_local! {
    static LAST: RefCell<Option<Frame>> = const { RefCell::new(None) };
}

/// Remembers a frame that has come, and its copy.
pub(crate) fn remember(data: Uint8Array, copy: &[u8]) {
    let frame = (copy.len() >= LARGE).then(|| Frame {
        data,
        address: copy.as_ptr() as usize,
    });
    LAST.set(frame);
}

/// The payload of a received message in its frame, if it is large and that
/// came last. A message of another frame is somewhere else in memory, for it is
/// still there; one of the store is not asked for here.
pub(super) fn view(payload: &[u8]) -> Option<Uint8Array> {
    if payload.len() < LARGE {
        return None;
    }
    LAST.with_borrow(|last| {
        let frame = last.as_ref()?;
        let begin = (payload.as_ptr() as usize).checked_sub(frame.address)?;
        let end = begin + payload.len();
        let is_within = end <= frame.data.length() as usize;
        is_within.then(|| frame.data.subarray(begin as u32, end as u32))
    })
}
