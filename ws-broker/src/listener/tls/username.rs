//! What a client's certificate says of its user name.

use std::fmt::Write as _;

use codec::ByteString;
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, ToDer};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Name};

use crate::config::CertificateUsername;

/// A user name, or why there is none.
pub(crate) type Shown = Result<ByteString, &'static str>;

/// Looks into what a client has shown, itself first.
pub(super) fn of(chain: Option<&[CertificateDer<'_>]>, wanted: CertificateUsername) -> Shown {
    let Some(certificate) = chain.and_then(<[_]>::first) else {
        return Err("its user name is to be that of its certificate, and it has none");
    };
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Err("its certificate cannot be read");
    };
    let name = if wanted.is_identity {
        common_name(certificate.subject())?
    } else {
        rfc2253(certificate.subject())
    };
    if name.is_empty() {
        return Err("the name in its certificate is empty");
    }
    if name.len() > usize::from(u16::MAX) || name.contains('\0') {
        return Err("the name in its certificate cannot be a user name");
    }
    Ok(name.into())
}

/// The first of them, as Mosquitto.
fn common_name(subject: &X509Name<'_>) -> Result<String, &'static str> {
    let Some(name) = subject.iter_common_name().next() else {
        return Err("its certificate has no common name (CN)");
    };
    match text(name.attr_value()) {
        Some(name) => Ok(name),
        None => Err("the common name (CN) in its certificate is not text"),
    }
}

/// A name as RFC 2253 has it and OpenSSL writes it: from the last part to the
/// first, and what is not ASCII as the bytes of its UTF-8.
fn rfc2253(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let mut written = String::new();
    for part in parts.into_iter().rev() {
        let attributes: Vec<_> = part.iter().collect();
        for (number, attribute) in attributes.into_iter().rev().enumerate() {
            if !written.is_empty() {
                written.push(if number == 0 { ',' } else { '+' });
            }
            write_attribute(&mut written, attribute);
        }
    }
    written
}

fn write_attribute(written: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let oid = attribute.attr_type().to_id_string();
    let known = SHORT_NAMES.iter().find(|(known, _)| *known == oid);
    let value = attribute.attr_value();
    match (known, text(value)) {
        (Some((_, short)), Some(text)) => {
            written.push_str(short);
            written.push('=');
            escape(written, &text);
        }
        (known, _) => {
            written.push_str(known.map_or(oid.as_str(), |(_, short)| short));
            written.push_str("=#");
            for byte in value.to_der_vec().unwrap_or_default() {
                let _ = write!(written, "{byte:02X}");
            }
        }
    }
}

fn escape(written: &mut String, text: &str) {
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.bytes().enumerate() {
        let is_edge = at == 0 || at == last;
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                written.push('\\');
                written.push(byte.into());
            }
            b'#' if at == 0 => written.push_str("\\#"),
            b' ' if is_edge => written.push_str("\\ "),
            b' '..=b'~' => written.push(byte.into()),
            _ => {
                let _ = write!(written, "\\{byte:02X}");
            }
        }
    }
}

fn text(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    // By the tags of X.680, section 8.4.
    match value.tag().0 {
        // UTF8String, NumericString, PrintableString, IA5String, VisibleString.
        12 | 18 | 19 | 22 | 26 => std::str::from_utf8(bytes).ok().map(Into::into),
        // TeletexString, which everybody reads as Latin-1.
        20 => Some(bytes.iter().copied().map(char::from).collect()),
        // BMPString.
        30 => {
            let units = bytes.chunks(2).map(|pair| match *pair {
                [high, low] => Some(u16::from_be_bytes([high, low])),
                _ => None,
            });
            String::from_utf16(&units.collect::<Option<Vec<_>>>()?).ok()
        }
        _ => None,
    }
}

/// OpenSSL's short names of attributes.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
];

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    fn certificate(name: &[(DnType, DnValue)]) -> CertificateDer<'static> {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in name {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn shown(name: &[(DnType, DnValue)], is_identity: bool) -> Shown {
        let wanted = CertificateUsername {
            is_identity,
            is_subject: true,
        };
        of(Some(&[certificate(name)]), wanted)
    }

    fn text(text: &str) -> DnValue {
        DnValue::Utf8String(text.into())
    }

    /// The expected ones are what `openssl x509 -subject -nameopt RFC2253` says.
    #[test]
    fn a_subject_is_written_as_openssl_does() {
        let name = [
            (DnType::CountryName, text("DE")),
            (DnType::OrganizationName, text(" a,b+c\"d\\e<f>g;h# ")),
            (DnType::OrganizationalUnitName, text("#K\u{fc}che\t")),
            (DnType::CustomDnType(vec![1, 2, 3, 4]), text("x")),
            (DnType::CustomDnType(vec![2, 5, 4, 5]), text("=7")),
            (DnType::CommonName, text(" ")),
        ];
        let expected = "CN=\\ ,serialNumber==7,1.2.3.4=#0C0178,OU=\\#K\\C3\\BCche\\09,\
             O=\\ a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h#\\ ,C=DE";
        assert_eq!(shown(&name, false).as_deref(), Ok(expected));
    }

    #[test]
    fn a_common_name_may_be_in_any_alphabet() {
        let bmp = DnValue::BmpString("K\u{fc}che".try_into().unwrap());
        assert_eq!(
            shown(&[(DnType::CommonName, bmp)], true).as_deref(),
            Ok("K\u{fc}che")
        );
        let plain = DnValue::PrintableString("ada".try_into().unwrap());
        assert_eq!(
            shown(&[(DnType::CommonName, plain)], true).as_deref(),
            Ok("ada")
        );
    }

    #[test]
    fn what_is_no_name_says_why() {
        let other = [(DnType::OrganizationName, text("Home"))];
        assert!(shown(&other, true).unwrap_err().contains("no common name"));
        assert!(shown(&[], false).unwrap_err().contains("empty"));
        let nul = [(DnType::CommonName, text("a\0b"))];
        assert!(shown(&nul, true).unwrap_err().contains("cannot be"));
        let wanted = CertificateUsername {
            is_identity: true,
            is_subject: false,
        };
        assert!(of(None, wanted).unwrap_err().contains("it has none"));
    }
}
