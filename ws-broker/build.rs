//! The dashboard is embedded from `dist`, which `cargo xtask dashboard` makes;
//! its file names change with their content, so the folder is watched.

fn main() {
    println!("cargo:rerun-if-changed=../dist");
}
