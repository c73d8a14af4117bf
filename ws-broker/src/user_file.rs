//! Files that say who may do what: the `acl_file` and the `password_file`.

use std::fs;
use std::io;
use std::path::Path;

/// The text of such a file, and what is odd about the file.
pub(crate) fn read(file: &Path) -> io::Result<(String, Vec<String>)> {
    let mut odd = Vec::new();
    let bytes = fs::read(file)?;
    // A comment may be in any encoding, and a name in another than UTF-8 is
    // nobody's.
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        odd.push(format!(
            "{} is not all UTF-8, as user names and topics in MQTT are.",
            file.display()
        ));
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    });
    if is_open_to_others(file) {
        let file = file.display();
        odd.push(format!(
            "File {file} has world readable permissions. Future versions will refuse to load this \
             file. To fix this, use `chmod 0700 {file}`."
        ));
    }
    Ok((text, odd))
}

#[cfg(unix)]
fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}
