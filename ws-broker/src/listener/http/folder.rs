//! `http_dir`: the files of a folder, instead of the dashboard.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::answer::{self, Answer, content_type, empty, set, text};

/// What a path leads to.
enum Found {
    File(File, u64, HeaderValue),
    /// A folder, whose path ends with a `/`.
    Folder,
}

/// Answers a GET or HEAD.
pub(super) async fn get(folder: &Path, path: &str, headers: &HeaderMap) -> Answer {
    let not_found = || text(StatusCode::NOT_FOUND, "not found\n");
    let Some(name) = file_name(path) else {
        return not_found();
    };
    let (root, file) = (folder.to_owned(), name.clone());
    let found = tokio::task::spawn_blocking(move || find(&root, &file));
    let (file, len, etag) = match found.await {
        Ok(Ok(Found::File(file, len, etag))) => (file, len, etag),
        Ok(Ok(Found::Folder)) => return redirect(path).unwrap_or_else(not_found),
        _ => return not_found(),
    };
    let mut answer = if headers.get(header::IF_NONE_MATCH) == Some(&etag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        Response::new(answer::file(file.into(), len))
    };
    let kind = content_type(&name);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer.headers_mut().insert(header::ETAG, etag);
    set(&mut answer, header::CACHE_CONTROL, "no-cache");
    set(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

/// The name of a file below the folder; `None` if a path is for none. No part
/// of it goes up, and none is hidden, but for what is there to be found
/// (RFC 8615).
fn file_name(path: &str) -> Option<String> {
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let name = path.strip_prefix('/')?;
    if name.contains(['\0', '\\', ':']) {
        return None;
    }
    let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
    let is_plain =
        |part: &str| !part.is_empty() && (!part.starts_with('.') || part == ".well-known");
    if !(folders.is_empty() && !name.starts_with('/') || folders.split('/').all(is_plain)) {
        return None;
    }
    match last {
        "" => Some(format!("{name}index.html")),
        last => is_plain(last).then(|| name.to_owned()),
    }
}

/// Looks for a file, which must be below the folder wherever links lead.
fn find(root: &Path, name: &str) -> io::Result<Found> {
    let root = root.canonicalize()?;
    let path: PathBuf = root.join(name).canonicalize()?;
    if !path.starts_with(&root) {
        return Err(io::ErrorKind::NotFound.into());
    }
    // To open what is no file, such as a pipe, may wait for ever.
    let kind = path.metadata()?;
    if kind.is_dir() {
        return Ok(Found::Folder);
    }
    if !kind.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH);
    let changed = changed.unwrap_or_default().as_nanos();
    let len = metadata.len();
    let etag = HeaderValue::from_str(&format!("W/\"{len:x}-{changed:x}\""));
    Ok(Found::File(file, len, etag.map_err(io::Error::other)?))
}

/// To the same path as a folder's, so that what its page names is found.
fn redirect(path: &str) -> Option<Answer> {
    let mut answer = empty(StatusCode::PERMANENT_REDIRECT);
    let location = HeaderValue::from_str(&format!("{path}/")).ok()?;
    answer.headers_mut().insert(header::LOCATION, location);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_below_the_folder_or_none() {
        for (path, name) in [
            ("/", "index.html"),
            ("/a.html", "a.html"),
            ("/a/b.js", "a/b.js"),
            ("/a/", "a/index.html"),
            ("/a%20b%2Fc", "a b/c"),
            ("/%C3%BC.txt", "ü.txt"),
            ("/.well-known/x", ".well-known/x"),
            ("/a..b", "a..b"),
        ] {
            assert_eq!(file_name(path).as_deref(), Some(name), "{path}");
        }
        for path in [
            "",
            "*",
            "a",
            "//",
            "//a",
            "/a//b",
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/%2e%2e/a",
            "/..%2fa",
            "/..%5ca",
            "/%2e%2e%2fa",
            "/%252e%252e/a\0",
            "/a%00.html",
            "/%ff",
            "/.git/config",
            "/.htpasswd",
            "/./a",
            "/%2fetc/passwd",
            "/C:/a",
        ] {
            assert_eq!(file_name(path), None, "{path}");
        }
        // What is encoded twice is decoded once.
        assert_eq!(file_name("/%252e").as_deref(), Some("%2e"));
    }
}
