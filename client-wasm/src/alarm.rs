//! A timer in a worker, for a page that is hidden: browsers slow down the
//! page's own, and not the worker's.

use std::time::Duration;

use js_sys::{Array, Function};
use web_sys::{Blob, BlobPropertyBag, Url, Worker};

/// Sends word after as many milliseconds as it is told; a new time replaces
/// the one before.
const SCRIPT: &str =
    "let t;onmessage=(e)=>{clearTimeout(t);t=setTimeout(()=>postMessage(0),e.data)}";

/// The worker; it ends when this is dropped.
pub(crate) struct Alarm(Worker);

impl Alarm {
    /// A worker that calls `handler`. `None` where there can be none; where
    /// the page's Content-Security-Policy forbids it, one that never calls.
    pub(crate) fn new(handler: &Function) -> Option<Self> {
        let kind = BlobPropertyBag::new();
        kind.set_type("text/javascript");
        let parts = Array::of1(&SCRIPT.into());
        let script = Blob::new_with_str_sequence_and_options(&parts, &kind).ok()?;
        let url = Url::create_object_url_with_blob(&script).ok()?;
        let worker = Worker::new(&url);
        // It has been asked for, or cannot be.
        let _ = Url::revoke_object_url(&url);
        let worker = worker.ok()?;
        worker.set_onmessage(Some(handler));
        Some(Self(worker))
    }

    /// Calls the handler after this time, and not at the one set before.
    pub(crate) fn fire_in(&self, time: Duration) {
        // A number can always be sent.
        let _ = self.0.post_message(&(time.as_millis() as f64).into());
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.set_onmessage(None);
        self.0.terminate();
    }
}
