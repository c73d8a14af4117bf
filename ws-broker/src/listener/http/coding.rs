//! In which form a file is sent: as it is, or compressed, as whoever asks
//! takes it (RFC 9110, 12.5.3).

use hyper::header::{self, HeaderMap};

/// A form in which a file can be sent, the smallest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Brotli,
}

impl Coding {
    /// Its name in Content-Encoding; none for what is sent as it is.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Brotli => Some("br"),
        }
    }

    fn is_called(self, name: &str) -> bool {
        let names: &[&str] = match self {
            Coding::Identity => &["identity"],
            // The older name means the same (RFC 9110, 8.4.1.3).
            Coding::Gzip => &["gzip", "x-gzip"],
            Coding::Brotli => &["br"],
        };
        names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The form that whoever asks likes best, and of those the smallest; `None` if
/// it takes none of them.
pub(super) fn choose(headers: &HeaderMap, forms: impl Iterator<Item = Coding>) -> Option<Coding> {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        // It says nothing, so it may know nothing of them.
        return forms.min();
    }
    forms
        .map(|form| (weight(headers, form), form))
        .filter(|(weight, _)| *weight > 0)
        .max()
        .map(|(_, form)| form)
}

/// How much a form is liked, from 0, not at all, to 1,000.
fn weight(headers: &HeaderMap, form: Coding) -> u16 {
    let mut others = None;
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for coding in value.to_str().unwrap_or_default().split(',') {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let weight = thousandths(weight.trim());
            match name.trim() {
                name if form.is_called(name) => return weight,
                "*" => others = Some(weight),
                _ => {}
            }
        }
    }
    // What is sent as it is need not be named, but is liked least.
    others.unwrap_or(u16::from(form == Coding::Identity))
}

/// `q=0.5` is 500; what cannot be read is not asked for.
fn thousandths(weight: &str) -> u16 {
    let number = weight
        .split_once('=')
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .and_then(|(_, number)| number.trim().parse::<f32>().ok())
        .filter(|number| (0.0..=1.0).contains(number));
    number.map_or(0, |number| (number * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn chosen(values: &[&'static str], forms: &[Coding]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        choose(&headers, forms.iter().copied())
    }

    #[test]
    fn the_smallest_is_sent_of_what_is_liked_best() {
        use Coding::{Brotli, Gzip, Identity};
        for (values, wanted) in [
            (&["gzip, deflate, br, zstd"][..], Some(Brotli)),
            (&["gzip, deflate"], Some(Gzip)),
            (&["X-GZIP"], Some(Gzip)),
            (&["deflate", "br"], Some(Brotli)),
            (&["br;q=1.0"], Some(Brotli)),
            (&["br;q=0.5, gzip ; Q = 0.8"], Some(Gzip)),
            (&["gzip, br;q=0"], Some(Gzip)),
            (&["gzip, br;q=0.000"], Some(Gzip)),
            (&["gzip;q=0.001"], Some(Gzip)),
            (&["*"], Some(Brotli)),
            (&["*, br;q=0"], Some(Gzip)),
            (&["*;q=0.1, gzip;q=0.1, identity"], Some(Identity)),
            (&["identity, gzip;q=0.5"], Some(Identity)),
            (&["identity;q=0, *"], Some(Brotli)),
            // Not compressed is good enough unless it is refused.
            (&["deflate"], Some(Identity)),
            (&[""], Some(Identity)),
            (&[], Some(Identity)),
            (&["br;q=x, gzip;q=2, deflate;level=1"], Some(Identity)),
            (&["br;q=NaN"], Some(Identity)),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["deflate, *;q=0"], None),
        ] {
            let forms = [Identity, Gzip, Brotli];
            assert_eq!(chosen(values, &forms), wanted, "{values:?}");
        }
    }

    #[test]
    fn what_has_one_form_is_sent_in_it() {
        use Coding::Identity;
        assert_eq!(chosen(&["gzip, br"], &[Identity]), Some(Identity));
        assert_eq!(chosen(&["*"], &[Identity]), Some(Identity));
        assert_eq!(chosen(&[], &[Identity]), Some(Identity));
        assert_eq!(chosen(&["gzip, identity;q=0"], &[Identity]), None);
    }
}
