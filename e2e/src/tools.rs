//! Where the programs are that tests run.

use std::path::PathBuf;

/// The path in an environment variable that `cargo xtask test` sets.
///
/// # Panics
/// If the variable is not set, or names what is not there.
#[must_use]
pub fn tool(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    match path {
        Some(path) if path.exists() => path,
        Some(path) => panic!(
            "{variable} names {}, which is not there: run these tests with `cargo xtask test`",
            path.display()
        ),
        None => panic!("{variable} is not set: run these tests with `cargo xtask test`"),
    }
}
