//! A WebSocket that carries MQTT (section 6).

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::host::{Timer, now};
use crate::reply;

/// What a socket tells.
pub(crate) enum SocketEvent {
    Open,
    /// A binary frame. Packets need not align with frames \[MQTT-6.0.0-2\].
    Data(Uint8Array),
    /// A text frame, which MQTT does not allow \[MQTT-6.0.0-1\].
    Text,
    /// It is closed, with this code, or could not be opened.
    Close(u16),
}

/// A socket that is open or being opened; dropping it closes it, after what
/// was sent has left, and nothing more is told.
pub(crate) struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut()>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// # Errors
    /// The browser refuses to try; its words.
    pub(crate) fn open(
        url: &str,
        subprotocol: &str,
        handler: impl Fn(SocketEvent) + Clone + 'static,
    ) -> Result<Self, String> {
        let subprotocols = Array::new();
        if !subprotocol.is_empty() {
            subprotocols.push(&subprotocol.into());
        }
        let socket = WebSocket::new_with_str_sequence(url, &subprotocols)
            .map_err(|error| String::from(error.unchecked_ref::<js_sys::Error>().message()))?;
        socket.set_binary_type(BinaryType::Arraybuffer);

        let tell = handler.clone();
        let on_open = Closure::<dyn FnMut()>::new(move || tell(SocketEvent::Open));
        let tell = handler.clone();
        let on_message = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
            tell(match event.data().dyn_ref::<ArrayBuffer>() {
                Some(buffer) => SocketEvent::Data(Uint8Array::new(buffer)),
                None => SocketEvent::Text,
            });
        });
        // It means a failed connection, 1006 by definition. Browsers tell of the
        // close as well; Node 20 does not when none was ever open.
        let tell = handler.clone();
        let on_error = Closure::<dyn FnMut()>::new(move || tell(SocketEvent::Close(1006)));
        let on_close = Closure::<dyn FnMut(_)>::new(move |event: CloseEvent| {
            handler(SocketEvent::Close(event.code()));
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _on_open: on_open,
            _on_message: on_message,
            _on_error: on_error,
            _on_close: on_close,
        })
    }

    /// Whether it can send.
    pub(crate) fn is_open(&self) -> bool {
        self.socket.ready_state() == WebSocket::OPEN
    }

    /// Sends one binary frame.
    pub(crate) fn send(&self, frame: &[u8]) {
        // It fails only while the socket is being opened.
        let _ = self.socket.send_with_u8_array(frame);
    }

    /// Closes it after what was sent has left, and waits until the peer has
    /// agreed, or for a second in vain.
    pub(crate) async fn close(self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let (sender, closed) = reply::channel::<()>();
        let sender = Rc::new(Cell::new(Some(sender)));
        let done = move || drop(sender.take());
        let mut timer = Timer::new(done.clone());
        timer.fire_at(now() + PATIENCE, now());
        let on_close = Closure::<dyn FnMut()>::new(done);
        self.socket.set_onmessage(None);
        self.socket.set_onerror(None);
        self.socket
            .set_onclose(Some(on_close.as_ref().unchecked_ref()));
        if self.socket.ready_state() < WebSocket::CLOSED && self.socket.close().is_ok() {
            // The sender goes without a word; that is the word.
            let _ = closed.await;
        }
    }

    /// Bytes that have not left yet.
    pub(crate) fn buffered(&self) -> u32 {
        self.socket.buffered_amount()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onerror(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}
