use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use js_sys::{Array, Date, Promise, Uint8Array};
use protocol::Time;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::Error;
use crate::journal::{Change, Journal, Restored};
use crate::store::Possible;

#[wasm_bindgen]
extern "C" {
    /// What js/store.js has opened.
    pub type Handle;

    #[wasm_bindgen(method, getter)]
    fn keys(this: &Handle) -> Array;

    #[wasm_bindgen(method, getter)]
    fn values(this: &Handle) -> Array;

    #[wasm_bindgen(method, js_name = commit)]
    fn put(this: &Handle, keys: &[f64], values: Array) -> Promise;

    #[wasm_bindgen(method, js_name = close)]
    fn let_go(this: &Handle);
}

#[cfg(feature = "store")]
#[wasm_bindgen(module = "/js/store.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = open)]
    async fn open_store(name: &str, waits: bool) -> Result<JsValue, JsValue>;
}

/// A place in the browser for what is on its way, so that it survives a reload
/// or a crash of the page; for [`crate::Options::store`].
///
/// With a store, a publish at QoS 1 or 2 is sent when it is stored. A later
/// page with the same store goes on with whatever was not acknowledged: under
/// the same packet identifiers where the broker has kept the session, as new
/// messages where it has not; what the broker had taken already (PUBREC) is
/// not sent again. A message received at QoS 1 or 2 is acknowledged when it is
/// stored, and forgotten when the application has taken it: when it asks the
/// [`crate::Subscription`] for the next, or drops it. A later page gets the
/// others, with `dup` set, from the first subscription that matches.
///
/// Nobody else can have the store meanwhile.
#[derive(Clone)]
pub struct Store(Rc<RefCell<Option<Handle>>>);

impl Store {
    /// Opens a store by its name, and reads what is in it.
    ///
    /// # Errors
    /// [`Error::StoreInUse`] if somebody has it for longer than a page takes
    /// to go; [`Error::Store`] where there is no IndexedDB or there are no Web
    /// Locks, which pages have over https or from localhost, and for what
    /// another version of this crate has stored.
    #[cfg(feature = "store")]
    pub async fn open(name: &str) -> Result<Self, Error> {
        Self::opened(name, false).await
    }

    /// As [`Store::open`], but waits for whoever has the store.
    ///
    /// # Errors
    /// As [`Store::open`], but for [`Error::StoreInUse`].
    #[cfg(feature = "store")]
    pub async fn wait(name: &str) -> Result<Self, Error> {
        Self::opened(name, true).await
    }

    #[cfg(feature = "store")]
    async fn opened(name: &str, waits: bool) -> Result<Self, Error> {
        let opened = open_store(name, waits).await;
        let handle = opened.map_err(|error| describe(&error))?;
        Ok(Self::new(handle.unchecked_into()))
    }

    pub(crate) fn new(handle: Handle) -> Self {
        Self(Rc::new(RefCell::new(Some(handle))))
    }

    /// For the first client that is made with it.
    #[allow(clippy::needless_pass_by_value, reason = "as where there is no store")]
    pub(crate) fn into_handle(self) -> Option<Handle> {
        self.0.take()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Handle {
    /// What is stored.
    pub(crate) fn open(&self, now: Time) -> (Journal, Restored) {
        let keys = self.keys().into_iter();
        let records = keys.zip(self.values()).map(|(key, value)| {
            let record: Uint8Array = value.unchecked_into();
            let key = key.as_f64().unwrap_or_default();
            (key as u64, Bytes::from(record.to_vec()))
        });
        Journal::open(Possible, records, Date::now() as u64, now)
    }

    /// Commits all of it, or nothing.
    pub(crate) fn commit(
        &self,
        changes: &[Change],
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        const HANDSHAKES: f64 = -1.0;
        let values = Array::new();
        let mut keys = Vec::with_capacity(changes.len());
        for change in changes {
            let (key, value) = match change {
                Change::Put(key, record) => (*key as f64, Uint8Array::from(&record[..]).into()),
                Change::Delete(key) => (*key as f64, JsValue::UNDEFINED),
                Change::DeleteHandshakes => (HANDSHAKES, JsValue::UNDEFINED),
            };
            keys.push(key);
            values.push(&value);
        }
        let committing = JsFuture::from(self.put(&keys, values));
        async move {
            let committed = committing.await;
            committed.map(|_| ()).map_err(|error| describe(&error))
        }
    }

    pub(crate) fn close(self) {
        self.let_go();
    }
}

/// What an exception of the store's means.
fn describe(error: &JsValue) -> Error {
    let error: &js_sys::Error = error.unchecked_ref();
    let name = error.name();
    if name == "QuotaExceededError" {
        Error::StoreFull
    } else if name == "InUse" {
        Error::StoreInUse
    } else {
        Error::Store(error.message().into())
    }
}
