//! See the crate's documentation. One program for all tests, so that they run
//! side by side.

mod interop;
mod sessions;
