//! The store as the browser has it: js/store.js, which knows IndexedDB and Web
//! Locks. What is stored is `journal`'s.

#[cfg(any(feature = "js", feature = "store"))]
mod handle;

#[cfg(any(feature = "js", feature = "store"))]
pub(crate) use handle::Handle;
#[cfg(any(feature = "js", feature = "store"))]
pub use handle::Store;

/// Shows that there may be a store. Where there cannot, what deals with it is
/// no code at all.
#[cfg(any(feature = "js", feature = "store", test))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Possible;
#[cfg(not(any(feature = "js", feature = "store", test)))]
pub(crate) type Possible = std::convert::Infallible;

#[cfg(not(any(feature = "js", feature = "store")))]
pub(crate) use never::{Handle, Store};

/// No way to open a store was asked for.
#[cfg(not(any(feature = "js", feature = "store")))]
mod never {
    use std::future::Ready;

    use protocol::Time;

    use crate::Error;
    use crate::journal::{Change, Journal, Restored};

    #[derive(Clone)]
    pub(crate) enum Store {}

    pub(crate) enum Handle {}

    impl Store {
        pub(crate) fn into_handle(self) -> Option<Handle> {
            match self {}
        }
    }

    impl Handle {
        pub(crate) fn open(&self, _now: Time) -> (Journal, Restored) {
            match *self {}
        }

        pub(crate) fn commit(&self, _changes: &[Change]) -> Ready<Result<(), Error>> {
            match *self {}
        }

        pub(crate) fn close(self) {
            match self {}
        }
    }
}
