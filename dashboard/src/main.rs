//! Starts the page. Natively there is nothing to start: the library is built
//! for the host only so that its tests run there.

fn main() {
    if cfg!(target_arch = "wasm32") {
        dashboard::start();
    }
}
