//! What stands between a line and a destination that may be slow: a full pipe,
//! a full disk, a syslog that hangs.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::types::Type;

/// What may wait for a destination, bytes. What comes when it is full is lost,
/// and counted: a log that nobody reads stops nothing.
const MAX_WAITING: usize = 1 << 20;

/// A line and its type.
pub(super) type Line = (Type, String);

/// Where lines are written.
pub(super) trait Output: Send + 'static {
    /// Writes lines, each with its end; may take as long as it wants.
    ///
    /// # Errors
    /// Some of them are lost.
    fn write(&mut self, lines: &[Line]) -> io::Result<()>;
}

/// A thread that writes lines, and what waits for it. It ends when this is
/// dropped and all is written.
#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Line>,
    bytes: usize,
    lost: usize,
    is_writing: bool,
    is_over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait(state);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until it is over.
    fn run(&self, mut output: impl Output) {
        loop {
            let mut state = self.lock();
            state.is_writing = false;
            self.changed.notify_all();
            while state.waiting.is_empty() {
                if state.is_over {
                    return;
                }
                state = self.wait(state);
            }
            let lines = std::mem::take(&mut state.waiting);
            state.bytes = 0;
            state.is_writing = true;
            drop(state);
            if output.write(&lines).is_err() {
                self.lock().lost += lines.len();
            }
        }
    }
}

impl Writer {
    /// A writer with a thread; `None` if there can be no more threads.
    pub(super) fn start(output: impl Output) -> Option<Self> {
        let shared = Arc::new(Shared::default());
        let its = shared.clone();
        let thread = std::thread::Builder::new().name("log".into());
        thread.spawn(move || its.run(output)).ok()?;
        Some(Self(shared))
    }

    /// Takes a line, without waiting for the destination. `missing` is what is
    /// said where so many lines are lost.
    pub(super) fn push(&self, line: Line, missing: impl FnOnce(usize) -> Line) {
        let mut state = self.0.lock();
        if state.bytes + line.1.len() > MAX_WAITING {
            state.lost += 1;
            return;
        }
        let was_empty = state.waiting.is_empty();
        if state.lost > 0 {
            let missing = missing(std::mem::take(&mut state.lost));
            state.bytes += missing.1.len();
            state.waiting.push(missing);
        }
        state.bytes += line.1.len();
        state.waiting.push(line);
        if was_empty {
            self.0.changed.notify_all();
        }
    }

    /// Waits until all is written, or until the deadline.
    pub(super) fn flush(&self, deadline: Instant) {
        let mut state = self.0.lock();
        while state.is_writing || !state.waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Writes when it is let, and fails when that is said.
    struct Stubborn {
        may: mpsc::Receiver<bool>,
        written: mpsc::Sender<Vec<String>>,
    }

    impl Output for Stubborn {
        fn write(&mut self, lines: &[Line]) -> io::Result<()> {
            let works = self.may.recv().unwrap_or(true);
            if !works {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let lines = lines.iter().map(|(_, text)| text.clone()).collect();
            let _ = self.written.send(lines);
            Ok(())
        }
    }

    fn stubborn() -> (Writer, mpsc::Sender<bool>, mpsc::Receiver<Vec<String>>) {
        let ((let_it, may), (written, read)) = (mpsc::channel(), mpsc::channel());
        let writer = Writer::start(Stubborn { may, written }).expect("a thread");
        (writer, let_it, read)
    }

    fn push(writer: &Writer, text: &str) {
        let missing = |n| (Type::Warning, format!("{n} lines are missing"));
        writer.push((Type::Notice, text.into()), missing);
    }

    #[test]
    fn who_does_not_read_holds_nobody_and_is_told_what_is_missing() {
        let (writer, let_it, read) = stubborn();
        push(&writer, "first");
        while !writer.0.lock().is_writing {
            std::thread::yield_now();
        }
        let long = "x".repeat(MAX_WAITING / 4);
        for _ in 0..7 {
            push(&writer, &long);
        }
        // It still holds the first.
        writer.flush(Instant::now());
        for _ in 0..2 {
            let_it.send(true).expect("it is there");
        }
        assert_eq!(read.recv().expect("it writes"), ["first"]);
        assert_eq!(read.recv().expect("it writes"), vec![long; 4]);
        push(&writer, "last");
        let_it.send(true).expect("it is there");
        let lines = read.recv().expect("it writes");
        assert_eq!(lines, ["3 lines are missing", "last"]);
    }

    #[test]
    fn what_could_not_be_written_is_said_when_it_works_again() {
        let (writer, let_it, read) = stubborn();
        push(&writer, "gone");
        let_it.send(false).expect("it is there");
        writer.flush(Instant::now() + Duration::from_secs(60));
        push(&writer, "here");
        let_it.send(true).expect("it is there");
        let lines = read.recv().expect("it writes");
        assert_eq!(lines, ["1 lines are missing", "here"]);
    }

    #[test]
    fn what_waits_is_written_when_it_is_over() {
        let (writer, let_it, read) = stubborn();
        push(&writer, "last words");
        drop(writer);
        let_it.send(true).expect("it is there");
        assert_eq!(read.recv().expect("it writes"), ["last words"]);
        assert!(read.recv().is_err(), "the thread has ended");
    }
}
