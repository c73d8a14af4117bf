//! Starts the page. Natively there is nothing to start: the library is built
//! for the host only so that its tests run there.

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {
    if cfg!(target_arch = "wasm32") {
        dashboard::start();
    }
}
