//! Reloads that were asked for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

/// A reload that was asked for and is not done yet: who connects after the
/// signal finds what it brings, as with Mosquitto, which has one thread.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    asked: OnceLock<Arc<AtomicBool>>,
    is_reading: AtomicBool,
    done: Notify,
}

impl Reloads {
    /// Looks at `asked`, which is set when a reload is asked for: the reload
    /// must begin after that. Only the first such call counts.
    pub(crate) fn watch(&self, asked: Arc<AtomicBool>) {
        let _ = self.asked.set(asked);
    }

    fn is_asked(&self) -> bool {
        let asked = self.asked.get();
        asked.is_some_and(|asked| asked.load(Ordering::SeqCst))
    }

    /// What is read from here on is what all that was asked for so far brings.
    pub(crate) fn begin(&self) {
        self.is_reading.store(true, Ordering::SeqCst);
        if let Some(asked) = self.asked.get() {
            asked.store(false, Ordering::SeqCst);
        }
    }

    /// What was read holds, or cannot be used.
    pub(crate) fn end(&self) {
        self.is_reading.store(false, Ordering::SeqCst);
        self.done.notify_waiters();
    }

    /// Waits until nothing that was asked for is outstanding.
    pub(crate) async fn settled(&self) {
        loop {
            let done = self.done.notified();
            // In this order: the other way round, a beginning between the two
            // would be missed.
            if !self.is_asked() && !self.is_reading.load(Ordering::SeqCst) {
                return;
            }
            done.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use super::*;

    fn is_waiting(future: &mut Pin<&mut impl Future<Output = ()>>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        future.as_mut().poll(&mut context).is_pending()
    }

    #[tokio::test]
    async fn who_comes_after_the_question_waits_for_its_answer() {
        let reloads = Reloads::default();
        reloads.settled().await;
        let asked = Arc::new(AtomicBool::new(false));
        reloads.watch(asked.clone());
        reloads.settled().await;
        asked.store(true, Ordering::SeqCst);
        let mut settled = pin!(reloads.settled());
        assert!(is_waiting(&mut settled));
        reloads.begin();
        assert!(is_waiting(&mut settled));
        // Asked for again while it is read: that is another one.
        asked.store(true, Ordering::SeqCst);
        reloads.end();
        assert!(is_waiting(&mut settled));
        reloads.begin();
        reloads.end();
        settled.await;
    }
}
