//! Files that others may be reading while they are written.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner, and its group if that could read the file that was there.
    Owner,
    /// Everybody.
    All,
}

/// Writes a file anew beside the old one and puts it in its place, so that
/// nobody ever reads half of it.
pub(crate) fn replace(file: &Path, text: &str, readers: Readers) -> Result<(), String> {
    // What a link leads to is replaced, not the link.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.into());
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = file.with_file_name(name);
    let written = create(&beside, readers).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        keep_access(file, &beside, readers)?;
        new.sync_all()?;
        fs::rename(&beside, file)
    });
    written.map_err(|error| {
        // It may not even have come about.
        let _ = fs::remove_file(&beside);
        format!("cannot write {}: {error}", file.display())
    })
}

fn create(file: &Path, readers: Readers) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    options.open(file)
}

/// The broker may run as another user, who owns the old file or is in its
/// group, and must be able to read the new one.
#[cfg(unix)]
fn keep_access(old: &Path, new: &Path, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let Ok(old) = fs::metadata(old) else {
        return Ok(());
    };
    let own = fs::metadata(new)?;
    let is_given = (old.uid(), old.gid()) == (own.uid(), own.gid())
        || chown(new, Some(old.uid()), Some(old.gid())).is_ok();
    if is_given && readers == Readers::Owner {
        let mode = (old.mode() & 0o660) | 0o600;
        fs::set_permissions(new, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_access(_: &Path, _: &Path, _: Readers) -> io::Result<()> {
    Ok(())
}
