//! Certificates, their keys, and who vouches for them.

pub(crate) mod ciphers;
pub mod command;
mod dates;
mod files;
mod folder;
mod names;

use std::path::Path;

pub(crate) use dates::{Dates, now};
pub(crate) use files::{
    at, authorities, certified_key, complete, files_of, provider, read_authorities, read_public,
    read_revoked, versions,
};

/// Makes a certificate anew that is renewed by itself, if it is time; gives
/// what it is for then.
pub(crate) fn renew(certfile: &Path, keyfile: &Path) -> Result<Option<String>, String> {
    match folder::Folder::of(certfile, keyfile) {
        Some(folder) => Ok(folder.renew()?.map(|names| names::list(&names))),
        None => Ok(None),
    }
}
