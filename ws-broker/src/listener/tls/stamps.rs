//! Whether files have changed.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::certificate::files_of;
use crate::config::TlsOptions;

/// How the files that the options name looked at one time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// A file that took its place may have the same time and size.
    inode: u64,
}

impl Stamps {
    pub(super) fn of(options: &TlsOptions) -> Self {
        let named = [
            &options.certfile,
            &options.keyfile,
            &options.cafile,
            &options.crlfile,
        ];
        let mut files: Vec<_> = named.into_iter().flatten().cloned().collect();
        if let Some(folder) = &options.capath {
            files.extend(files_of(folder).unwrap_or_default());
        }
        let stamp = |file: PathBuf| {
            let stamp = fs::metadata(&file).ok().map(|metadata| Stamp {
                len: metadata.len(),
                modified: metadata.modified().ok(),
                #[cfg(unix)]
                inode: std::os::unix::fs::MetadataExt::ino(&metadata),
                #[cfg(not(unix))]
                inode: 0,
            });
            (file, stamp)
        };
        Self(files.into_iter().map(stamp).collect())
    }
}
