//! Makes a certificate for this machine that vouches for itself, and its key,
//! for the brokers that `cargo xtask bench` starts.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let folder = env::args_os().nth(1).context("the folder is missing")?;
    let folder = PathBuf::from(folder);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    for (name, text) in [
        ("certificate.pem", made.cert.pem()),
        ("key.pem", made.signing_key.serialize_pem()),
    ] {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
