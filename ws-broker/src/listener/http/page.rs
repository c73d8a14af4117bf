//! The dashboard, from inside the binary.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::answer::{Answer, Body, content_type, empty, full, set, text};

/// What `cargo xtask dashboard` has built; empty when it has not.
#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dashboard;

/// Scripts, styles and data from this broker only; WebSockets to any, since
/// the page may be pointed at another broker; two workers, of which one keeps
/// the page and the other, which the page itself makes, the time of a hidden one.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self' ws: wss:; \
     worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NOT_BUILT: &str = "The broker runs, but this build has no dashboard inside.\n\
     `cargo xtask start` builds both.\n";

/// Answers a GET or HEAD.
pub(super) fn get(path: &str, headers: &HeaderMap) -> Answer {
    match path {
        "/" => file("index.html", headers).unwrap_or_else(|| text(StatusCode::OK, NOT_BUILT)),
        path => path
            .strip_prefix('/')
            .and_then(|name| file(name, headers))
            .unwrap_or_else(|| text(StatusCode::NOT_FOUND, "not found\n")),
    }
}

fn file(name: &str, headers: &HeaderMap) -> Option<Answer> {
    // The compressed copies are not files of their own.
    if name.ends_with(".br") {
        return None;
    }
    let plain = Dashboard::get(name)?;
    let compressed = accepts_brotli(headers)
        .then(|| Dashboard::get(&format!("{name}.br")))
        .flatten();
    let etag = etag(&plain);
    let mut answer = empty(StatusCode::OK);
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| *known == etag)
    {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    } else if let Some(compressed) = compressed {
        set(&mut answer, header::CONTENT_ENCODING, "br");
        *answer.body_mut() = body(compressed);
    } else {
        *answer.body_mut() = body(plain);
    }
    answer.headers_mut().insert(header::ETAG, etag);
    set(&mut answer, header::VARY, "accept-encoding");
    let kind = content_type(name);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    // A file whose name has a hash of its content in it never changes.
    let is_hashed = name
        .rsplit_once('.')
        .is_some_and(|(stem, _)| has_hash(stem));
    let cache = if is_hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    set(&mut answer, header::CACHE_CONTROL, cache);
    set(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut answer, header::REFERRER_POLICY, "no-referrer");
    set(
        &mut answer,
        header::CONTENT_SECURITY_POLICY,
        CONTENT_SECURITY_POLICY,
    );
    set(
        &mut answer,
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    Some(answer)
}

fn body(file: EmbeddedFile) -> Body {
    match file.data {
        Cow::Borrowed(data) => full(data),
        Cow::Owned(data) => full(data),
    }
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the browser takes brotli: named, and not with quality 0.
fn accepts_brotli(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .any(|value| {
            let mut codings = value.to_str().unwrap_or_default().split(',');
            codings.any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                parts.next() == Some("br")
                    && !parts.any(|q| matches!(q, "q=0" | "q=0.0" | "q=0.00"))
            })
        })
}

/// Whether a file's name ends with `-` and at least eight hexadecimal digits.
fn has_hash(stem: &str) -> bool {
    let stem = stem.strip_suffix("_bg").unwrap_or(stem);
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_cached_for_ever() {
        assert!(has_hash("dashboard-0123456789abcdef_bg"));
        assert!(has_hash("tokens-0123abcd"));
        assert!(!has_hash("index"));
        assert!(!has_hash("apple-touch-icon"));
    }

    #[test]
    fn brotli_is_sent_to_those_who_take_it() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_brotli(&headers)
        };
        assert!(accepts("gzip, deflate, br"));
        assert!(accepts("br;q=1.0"));
        assert!(!accepts("gzip, br;q=0"));
        assert!(!accepts("gzip"));
        assert!(!accepts_brotli(&HeaderMap::new()));
    }
}
