//! `ciphers` and `ciphers_tls1.3`: OpenSSL's names and lists.

use rustls::{CipherSuite, SupportedCipherSuite};

use crate::config::TlsOptions;

/// What the two lists come to.
pub(crate) struct Chosen {
    /// In the order of preference; `None` for what there is.
    pub(crate) suites: Option<Vec<SupportedCipherSuite>>,
    /// Whether it is the broker's order that counts.
    pub(crate) is_ordered: bool,
    pub(crate) warnings: Vec<String>,
}

/// Chooses among those that there are.
pub(crate) fn choose(options: &TlsOptions, all: &[SupportedCipherSuite]) -> Result<Chosen, String> {
    let mut chosen = Chosen {
        suites: None,
        is_ordered: false,
        warnings: Vec::new(),
    };
    let (new, old): (Vec<_>, Vec<_>) = all.iter().partition(|suite| suite.tls13().is_some());
    let lists = [
        ("ciphers_tls1.3", &options.ciphers_tls13, new),
        ("ciphers", &options.ciphers, old),
    ];
    if lists.iter().all(|(_, list, _)| list.is_none()) {
        return Ok(chosen);
    }
    let mut suites = Vec::new();
    for (key, list, there) in lists {
        match list {
            None => suites.extend(there),
            Some(list) => {
                let (found, unknown) = select(list, &there);
                let names: Vec<_> = there.iter().map(name).collect();
                let names = names.join(":");
                if found.is_empty() {
                    return Err(format!("{key} has nothing that there is here: {names}"));
                }
                if !unknown.is_empty() {
                    let unknown = unknown.join(":");
                    chosen.warnings.push(format!(
                        "{key}: {unknown} is left out: there are {names} here."
                    ));
                }
                suites.extend(found);
                chosen.is_ordered = true;
            }
        }
    }
    chosen.suites = Some(suites);
    Ok(chosen)
}

/// What a list of OpenSSL's selects, and what in it selects nothing.
fn select<'a>(
    list: &'a str,
    there: &[SupportedCipherSuite],
) -> (Vec<SupportedCipherSuite>, Vec<&'a str>) {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let items = list.split([':', ',', ' ']).map(str::trim);
    // @STRENGTH and @SECLEVEL: all that there is is strong.
    let items = items.filter(|item| !item.is_empty() && !item.starts_with('@'));
    let mut forbidden = Vec::new();
    for item in items {
        let (sign, pattern) = match item.split_at(1) {
            (sign @ ("!" | "-" | "+"), pattern) => (sign, pattern),
            _ => ("", item),
        };
        let matching = there.iter().filter(|suite| is_meant(pattern, &name(suite)));
        let matching: Vec<_> = matching.copied().collect();
        let keep = |suite: &SupportedCipherSuite| !matching.contains(suite);
        match sign {
            "!" => {
                found.retain(keep);
                forbidden.extend(matching);
            }
            "-" => found.retain(keep),
            // To the end.
            "+" => {
                let moved: Vec<_> = found.iter().filter(|s| !keep(s)).copied().collect();
                found.retain(keep);
                found.extend(moved);
            }
            _ if matching.is_empty() => unknown.push(item),
            _ => {
                for suite in matching {
                    if !found.contains(&suite) && !forbidden.contains(&suite) {
                        found.push(suite);
                    }
                }
            }
        }
    }
    (found, unknown)
}

/// Whether a name, or words that are joined by `+`, stand for a suite.
fn is_meant(pattern: &str, name: &str) -> bool {
    let is_new = name.starts_with("TLS_");
    pattern == name
        || pattern.split('+').all(|word| match word {
            "ALL" | "COMPLEMENTOFDEFAULT" | "DEFAULT" | "HIGH" => true,
            "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" | "TLSv1.2" | "FIPS" => !is_new,
            "ECDSA" | "aECDSA" => name.contains("-ECDSA-"),
            "RSA" | "aRSA" => name.contains("-RSA-"),
            "AES" | "AESGCM" => name.contains("AES"),
            "AES128" => name.contains("AES128"),
            "AES256" => name.contains("AES256"),
            "CHACHA20" => name.contains("CHACHA20"),
            "SHA256" => name.ends_with("SHA256"),
            "SHA384" => name.ends_with("SHA384"),
            _ => false,
        })
}

/// OpenSSL's name of a suite.
fn name(suite: &SupportedCipherSuite) -> String {
    let name = match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => return format!("{other:?}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate;

    fn chosen(list: &str) -> Result<(Vec<String>, Vec<String>), String> {
        let options = TlsOptions {
            ciphers: Some(list.into()),
            ..TlsOptions::NONE
        };
        let chosen = choose(&options, &certificate::provider().cipher_suites)?;
        let suites = chosen.suites.unwrap();
        let names = suites.iter().filter(|s| s.tls13().is_none()).map(name);
        Ok((names.collect(), chosen.warnings))
    }

    #[test]
    fn names_are_openssls_and_their_order_counts() {
        let (names, warnings) =
            chosen("ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256").unwrap();
        let expected = ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"];
        assert_eq!(names, expected);
        assert_eq!(warnings, [""; 0]);
        let (names, warnings) = chosen("AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:RC4-SHA").unwrap();
        assert_eq!(names, ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert!(warnings[0].starts_with("ciphers: AES256-SHA:RC4-SHA is left out: there are "));
    }

    #[test]
    fn words_stand_for_many() {
        assert_eq!(chosen("HIGH:!aNULL:@STRENGTH").unwrap().0.len(), 6);
        assert_eq!(chosen("DEFAULT:!CHACHA20:-AES128").unwrap().0.len(), 2);
        let ecdsa = chosen("ECDHE+aECDSA+AESGCM").unwrap().0;
        assert_eq!(ecdsa.len(), 2);
        assert!(ecdsa.iter().all(|name| name.contains("ECDSA-AES")));
        let last = chosen("ALL:+AES256").unwrap().0;
        assert!(last[4].contains("AES256") && last[5].contains("AES256"));
        assert_eq!(chosen("!AES:ALL").unwrap().0.len(), 2);
    }

    #[test]
    fn a_list_without_any_says_which_there_are() {
        let error = chosen("RC4-SHA:PSK-AES128-CBC-SHA").unwrap_err();
        assert!(error.contains("ECDHE-ECDSA-AES256-GCM-SHA384:"), "{error}");
        assert!(chosen("ALL:!ALL").is_err());
    }

    #[test]
    fn the_other_version_keeps_what_it_has() {
        let options = TlsOptions {
            ciphers_tls13: Some("TLS_AES_128_GCM_SHA256".into()),
            ..TlsOptions::NONE
        };
        let chosen = choose(&options, &certificate::provider().cipher_suites).unwrap();
        assert_eq!(chosen.suites.unwrap().len(), 7);
    }
}
