//! Messages wait here for the next frame, so that the screen is drawn once a
//! frame however many come.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use yew::Callback;

use crate::store::Message;

/// A hidden page has no frames: after this many milliseconds nothing waits for
/// one any longer,
const LONGEST_WAIT: u32 = 200;
/// nor beyond this many messages.
const ENOUGH: usize = 1024;

/// The messages since the last frame.
#[derive(Clone)]
pub(crate) struct Frame {
    waiting: Rc<RefCell<Waiting>>,
    flush: Callback<Vec<Message>>,
}

#[derive(Default)]
struct Waiting {
    messages: Vec<Message>,
    /// Whichever comes first; both are cancelled when dropped.
    next: Option<(AnimationFrame, Timeout)>,
}

impl Frame {
    /// Gives what has come to `flush` once a frame.
    pub(crate) fn new(flush: Callback<Vec<Message>>) -> Frame {
        Frame {
            waiting: Rc::default(),
            flush,
        }
    }

    /// A message has come.
    pub(crate) fn push(&self, message: Message) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.messages.push(message);
        if waiting.messages.len() >= ENOUGH {
            drop(waiting);
            self.flush();
        } else if waiting.next.is_none() {
            let (frame, timeout) = (self.clone(), self.clone());
            waiting.next = Some((
                request_animation_frame(move |_| frame.flush()),
                Timeout::new(LONGEST_WAIT, move || timeout.flush()),
            ));
        }
    }

    fn flush(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let messages = std::mem::take(&mut waiting.messages);
        let next = waiting.next.take();
        drop(waiting);
        drop(next);
        self.flush.emit(messages);
    }
}
