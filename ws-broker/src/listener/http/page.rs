//! The dashboard, from inside the binary.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::answer::{Answer, content_type, empty, full, set, text, unpacked};
use super::coding::{self, Coding};

/// What `cargo xtask dashboard` has built; empty when it has not. A file that is
/// smaller compressed is there in its compressed forms alone: the few who want
/// it as it is get it unpacked.
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

/// What the names of the compressed forms end with.
const GZIP: &str = ".gz";
const BROTLI: &str = ".br";

const NOT_ACCEPTABLE: &str = "there is brotli, gzip, and the file as it is\n";

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
    // The compressed forms are not files of their own.
    if [GZIP, BROTLI].iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    let plain = Dashboard::get(name);
    let gzip = Dashboard::get(&[name, GZIP].concat());
    let brotli = Dashboard::get(&[name, BROTLI].concat());
    if plain.is_none() && gzip.is_none() {
        return None;
    }
    let forms = [
        (Coding::Identity, true),
        (Coding::Gzip, gzip.is_some()),
        (Coding::Brotli, brotli.is_some()),
    ];
    let forms = forms.iter().filter(|(_, is_there)| *is_there);
    let Some(coding) = coding::choose(headers, forms.map(|(coding, _)| *coding)) else {
        let mut answer = text(StatusCode::NOT_ACCEPTABLE, NOT_ACCEPTABLE);
        set(&mut answer, header::VARY, "accept-encoding");
        return Some(answer);
    };
    let form = match coding {
        Coding::Identity => plain,
        Coding::Gzip => gzip.clone(),
        Coding::Brotli => brotli,
    };
    let (etag, body) = match (form, gzip) {
        (Some(form), _) => (etag(&form, ""), full(bytes(form))),
        (None, gzip) => {
            let gzip = gzip?;
            (etag(&gzip, "-unpacked"), unpacked(bytes(gzip)))
        }
    };
    let mut answer = empty(StatusCode::OK);
    if is_known(headers, &etag) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        if let Some(name) = coding.name() {
            set(&mut answer, header::CONTENT_ENCODING, name);
        }
        *answer.body_mut() = body;
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        answer.headers_mut().insert(header::ETAG, etag);
    }
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

fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// Each form of a file has its own (RFC 9110, 8.8.3.3).
fn etag(file: &EmbeddedFile, of: &str) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}{of}\"")
}

/// Whether whoever asks has this already (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    known.any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
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
    fn what_is_known_is_recognised() {
        let knows = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            is_known(&headers, "\"a\"")
        };
        assert!(knows("\"a\""));
        assert!(knows("W/\"a\""));
        assert!(knows("\"b\", \"a\""));
        assert!(knows("*"));
        assert!(!knows("\"b\""));
        assert!(!knows("a"));
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }
}
