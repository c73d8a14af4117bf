//! Brings `core` a socket, a clock and a timer.
//!
//! Whatever one turn of the event loop produces leaves as one WebSocket frame,
//! since each frame costs a browser, and the peer's browser, far more than the
//! bytes in it: writes are gathered until a task at the end of the microtask
//! queue flushes them, after those tasks that were woken by what has just
//! arrived.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use js_sys::Uint8Array;
use protocol::Time;

use crate::core::Core;
use crate::host::{Timer, now, random};
use crate::page::{Page, is_hidden};
use crate::socket::{Socket, SocketEvent};
use crate::store::{Handle, Store};
use crate::{Error, Goodbye, Options};

/// Output that is sent before the turn is over, bytes: a frame of this size
/// gains nothing from being larger.
const LARGE: usize = 64 << 10;
/// Bytes in the socket above which publishes wait, and below which they go on.
const CONGESTED: u32 = 1 << 20;
const RELIEVED: u32 = 256 << 10;
/// How often a congested socket is looked at: it does not tell by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What all handles of a client share. Handlers hold it weakly, so that the
/// client ends with its last handle.
pub(crate) struct Driver {
    myself: Weak<Self>,
    core: RefCell<Core>,
    socket: RefCell<Option<(u64, Socket)>>,
    flush_is_due: Cell<bool>,
    timer: RefCell<Timer>,
    page: RefCell<Option<Page>>,
    /// The number of the credentials that were asked for last.
    credentials: Cell<u64>,
    store: RefCell<Option<Handle>>,
    is_committing: Cell<bool>,
}

impl Driver {
    pub(crate) fn new(mut options: Options) -> Rc<Self> {
        let store = options.store.take().and_then(Store::into_handle);
        let stored = store.as_ref().map(|store| store.open(now()));
        let driver = Rc::new_cyclic(|myself: &Weak<Self>| {
            let mut timer = Timer::new(with(myself, Self::on_timer));
            timer.use_alarm(options.has_background_timer && is_hidden(), now());
            let has_background_timer = options.has_background_timer;
            let wake = with(myself, |driver| {
                driver.act(Core::wake);
            });
            let weak = myself.clone();
            let page = Page::new(wake, move |is_hidden| {
                if let Some(driver) = weak.upgrade() {
                    let wanted = is_hidden && has_background_timer;
                    driver.timer.borrow_mut().use_alarm(wanted, now());
                }
            });
            Self {
                myself: myself.clone(),
                core: RefCell::new(Core::new(options, stored, random, now())),
                socket: RefCell::new(None),
                flush_is_due: Cell::new(false),
                timer: RefCell::new(timer),
                page: RefCell::new(Some(page)),
                credentials: Cell::new(0),
                store: RefCell::new(store),
                is_committing: Cell::new(false),
            }
        });
        driver.follow(now());
        driver
    }

    /// Does something with the core, and what follows from it.
    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut Core, Time) -> T) -> T {
        let now = now();
        let result = action(&mut self.core.borrow_mut(), now);
        self.follow(now);
        result
    }

    /// Asks the core something that changes nothing.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Core) -> T) -> T {
        question(&self.core.borrow())
    }

    fn follow(&self, now: Time) {
        self.commit_soon();
        self.ask_for_credentials();
        self.follow_socket(now);
        let len = self.core.borrow_mut().output().len();
        if len >= LARGE {
            self.flush(now);
        } else if len > 0 {
            self.flush_soon();
        }
        let core = self.core.borrow();
        let mut timer = self.timer.borrow_mut();
        if let Some(at) = core.poll_timeout() {
            timer.fire_at(at, now);
        }
        if core.is_congested() {
            timer.fire_at(now + LOOK_AGAIN, now);
        }
        if core.is_ended() {
            timer.clear();
            timer.use_alarm(false, now);
            self.page.replace(None);
        }
    }

    /// Commits what is to be stored, at the end of the turn, so that all of it
    /// goes at once; and goes on until there is nothing more.
    fn commit_soon(&self) {
        if !self.core.borrow_mut().wants_commit() || self.is_committing.replace(true) {
            return;
        }
        let myself = self.myself.clone();
        wasm_bindgen_futures::spawn_local(async move {
            while let Some(committing) = myself.upgrade().and_then(|driver| driver.commit()) {
                let outcome = committing.await;
                if let Some(driver) = myself.upgrade() {
                    driver.act(|core, now| core.handle_stored(outcome, now));
                }
            }
        });
    }

    /// Begins to commit; `None` if there is nothing to.
    fn commit(&self) -> Option<impl Future<Output = Result<(), Error>> + use<>> {
        let store = self.store.borrow();
        let mut core = self.core.borrow_mut();
        let committing = store.as_ref().zip(core.begin_commit());
        self.is_committing.set(committing.is_some());
        committing.map(|(store, changes)| store.commit(changes))
    }

    /// Commits what is left, and lets others have the store.
    fn close_store(&self) {
        let Some(store) = self.store.take() else {
            return;
        };
        let changes = self.core.borrow_mut().last_changes();
        if !changes.is_empty() {
            // Nobody waits for it; what is not stored is as before.
            drop(store.commit(&changes));
        }
        store.close();
    }

    fn ask_for_credentials(&self) {
        let core = self.core.borrow();
        let Some((number, refresh)) = core.wanted_credentials() else {
            return;
        };
        if self.credentials.replace(number) == number {
            return;
        }
        let refresh = refresh.clone();
        drop(core);
        let myself = self.myself.clone();
        wasm_bindgen_futures::spawn_local(async move {
            let refreshed = refresh.begin().await;
            if let Some(driver) = myself.upgrade() {
                driver.act(|core, now| core.handle_credentials(number, refreshed, now));
            }
        });
    }

    /// Closes the socket that is not wanted any more, opens the one that is.
    fn follow_socket(&self, now: Time) {
        loop {
            let wanted = self.core.borrow().socket();
            let current = self.socket.borrow().as_ref().map(|(number, _)| *number);
            if current == wanted {
                return;
            }
            if current.is_some() {
                self.flush(now);
                self.socket.replace(None);
                // What it could not send nobody wants any more.
                self.core.borrow_mut().output().clear();
            }
            let Some(number) = wanted else { return };
            let url = self.core.borrow().url().to_owned();
            let subprotocol = self.core.borrow().subprotocol();
            let myself = self.myself.clone();
            let opened = Socket::open(&url, subprotocol, move |event| {
                if let Some(driver) = myself.upgrade() {
                    driver.on_socket_event(event);
                }
            });
            match opened {
                Ok(socket) => {
                    self.socket.replace(Some((number, socket)));
                }
                Err(reason) => {
                    let error = Error::Blocked { url, reason };
                    self.core.borrow_mut().lost(error, now);
                }
            }
        }
    }

    fn on_socket_event(&self, event: SocketEvent) {
        self.act(|core, now| match event {
            SocketEvent::Open => core.handle_open(now),
            SocketEvent::Data(data) => {
                take_in(core.input(), data);
                core.handle_input(now);
                // A hidden page's timers are slow; its sockets are not.
                core.handle_timeout(now);
            }
            SocketEvent::Text => core.fail(Error::TextFrame, now),
            SocketEvent::Close(code) => core.handle_close(code, now),
        });
    }

    fn on_timer(&self) {
        self.timer.borrow_mut().fired();
        let relieved = self.core.borrow().is_congested() && self.buffered() < RELIEVED;
        self.act(|core, now| {
            if relieved {
                core.set_congested(false, now);
            }
            core.handle_timeout(now);
        });
    }

    fn buffered(&self) -> u32 {
        let socket = self.socket.borrow();
        socket.as_ref().map_or(0, |(_, socket)| socket.buffered())
    }

    fn flush_soon(&self) {
        if self.flush_is_due.replace(true) {
            return;
        }
        let myself = self.myself.clone();
        wasm_bindgen_futures::spawn_local(async move {
            if let Some(driver) = myself.upgrade() {
                driver.flush_is_due.set(false);
                driver.flush(now());
            }
        });
    }

    /// Sends all there is in one frame.
    fn flush(&self, now: Time) {
        let socket = self.socket.borrow();
        let Some((_, socket)) = socket.as_ref().filter(|(_, socket)| socket.is_open()) else {
            return;
        };
        let mut core = self.core.borrow_mut();
        let output = core.output();
        if output.is_empty() {
            return;
        }
        socket.send(output);
        output.clear();
        if socket.buffered() > CONGESTED && !core.is_congested() {
            core.set_congested(true, now);
            self.timer.borrow_mut().fire_at(now + LOOK_AGAIN, now);
        }
    }

    /// Says goodbye, and waits until the socket is closed.
    pub(crate) async fn end(&self, goodbye: Goodbye) -> Result<(), Error> {
        self.core.borrow_mut().end(goodbye)?;
        self.close_store();
        self.flush(now());
        let socket = self.socket.take();
        self.follow(now());
        if let Some((_, socket)) = socket {
            socket.close().await;
        }
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A plain one can always be sent.
        let _ = self.core.borrow_mut().end(Goodbye::new());
        self.close_store();
        self.flush(now());
    }
}

/// Appends a frame to what is to be decoded.
#[cfg_attr(not(feature = "js"), expect(clippy::needless_pass_by_value))]
fn take_in(input: &mut BytesMut, frame: Uint8Array) {
    let begin = input.len();
    if begin == 0 {
        // Memory of its own, which need not be filled before.
        *input = Bytes::from(frame.to_vec()).into();
    } else {
        input.resize(begin + frame.length() as usize, 0);
        frame.copy_to(&mut input[begin..]);
    }
    #[cfg(feature = "js")]
    crate::js::frame::remember(frame, &input[begin..]);
}

/// A handler for as long as the driver lives.
fn with(
    driver: &Weak<Driver>,
    action: impl Fn(&Driver) + Clone + 'static,
) -> impl Fn() + Clone + 'static {
    let driver = driver.clone();
    move || {
        if let Some(driver) = driver.upgrade() {
            action(&driver);
        }
    }
}
