//! One value, from whoever finds it out to whoever waits for it, on one thread.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Nobody will tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silence;

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    reader: Option<Waker>,
    is_over: bool,
}

/// The end that tells; it may go without a word.
#[derive(Debug)]
pub(crate) struct Sender<T>(Rc<RefCell<State<T>>>);

/// The end that waits.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Rc<RefCell<State<T>>>);

/// Both ends.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = Rc::new(RefCell::new(State {
        value: None,
        reader: None,
        is_over: false,
    }));
    (Sender(Rc::clone(&state)), Receiver(state))
}

impl<T> Sender<T> {
    /// Tells, whether anybody still listens or not.
    pub(crate) fn send(self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_canceled(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.is_over = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// What was told, if anything was; once.
    pub(crate) fn try_recv(&mut self) -> Result<Option<T>, Silence> {
        let mut state = self.0.borrow_mut();
        match state.value.take() {
            None if state.is_over => Err(Silence),
            value => Ok(value),
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Silence>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.try_recv() {
            Ok(Some(value)) => Poll::Ready(Ok(value)),
            Ok(None) => {
                self.0.borrow_mut().reader = Some(context.waker().clone());
                Poll::Pending
            }
            Err(silence) => Poll::Ready(Err(silence)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// What is seen before and after `action`, and whether it woke the reader.
    fn seen(action: impl FnOnce(Sender<u8>)) -> (Poll<Result<u8, Silence>>, bool) {
        let (sender, mut receiver) = channel();
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        assert_eq!(Pin::new(&mut receiver).poll(&mut context), Poll::Pending);
        action(sender);
        let is_woken = flag.0.load(Ordering::Relaxed);
        (Pin::new(&mut receiver).poll(&mut context), is_woken)
    }

    #[test]
    fn whoever_waits_hears_a_word_or_that_there_is_none() {
        assert_eq!(seen(|sender| sender.send(1)), (Poll::Ready(Ok(1)), true));
        assert_eq!(seen(drop), (Poll::Ready(Err(Silence)), true));
    }

    #[test]
    fn a_sender_knows_whether_anybody_listens() {
        let (sender, receiver) = channel::<u8>();
        assert!(!sender.is_canceled());
        drop(receiver);
        assert!(sender.is_canceled());
        sender.send(1);
    }
}
