//! What is read from PEM files, for listeners and for whoever connects to
//! others. Every error is one line that names the file.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, SupportedProtocolVersion};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::TlsVersion;

/// What encrypts.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A version of TLS and those above it.
pub(crate) fn versions(lowest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match lowest {
        TlsVersion::V1_2 => &BOTH,
        TlsVersion::V1_3 => &BOTH[..1],
    }
}

/// A certificate, those that vouch for it, and its key.
pub(crate) fn certified_key(certfile: &Path, keyfile: &Path) -> Result<CertifiedKey, String> {
    let chain = read_chain(certfile)?;
    let key = provider()
        .key_provider
        .load_private_key(read_key(keyfile)?)
        .map_err(|error| at(keyfile, format!("the private key cannot be used: {error}")))?;
    // rustls would ask the same, but takes no certificate of X.509's version 1,
    // which `openssl x509 -req` makes.
    let certificate = parse(certfile, &chain[0])?;
    if let Some(public) = key.public_key()
        && *public != *certificate.public_key().raw
    {
        let certfile = certfile.display();
        return Err(at(
            keyfile,
            format!("not the key of the certificate in {certfile}"),
        ));
    }
    Ok(CertifiedKey::new(chain, key))
}

/// A certificate and those that vouch for it, in the order of the file; at
/// least one.
pub(crate) fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let what = "certificate";
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(file, what, &error))?;
    if certificates.is_empty() {
        return Err(unreadable(file, what, &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

/// The certificates of a file as PEM, and nothing else that may be in it, such
/// as a key.
pub(crate) fn read_public(file: &Path) -> Result<Bytes, String> {
    let mut text = String::new();
    for certificate in read_chain(file)? {
        parse(file, &certificate)?;
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = Base64::encode_string(&certificate);
        let mut rest = &*encoded;
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    Ok(text.into())
}

/// What is in a certificate.
pub(crate) fn parse<'a>(
    file: &Path,
    certificate: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, String> {
    match X509Certificate::from_der(certificate) {
        Ok((_, certificate)) => Ok(certificate),
        Err(_) => Err(at(file, "what is in it is not a certificate")),
    }
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let what = "private key";
    let text = fs::read(file).map_err(|error| unreadable(file, what, &pem::Error::Io(error)))?;
    let read = PrivateKeyDer::from_pem_slice(&text);
    let is_encrypted = || text.windows(9).any(|word| word == b"ENCRYPTED");
    read.map_err(|error| {
        if is_encrypted() {
            let name = file.display();
            let how = format!("openssl pkey -in {name} -out FILE");
            return at(
                file,
                format!("the private key has a passphrase: take it off with \"{how}\""),
            );
        }
        unreadable(file, what, &error)
    })
}

/// Who is believed: all certificates of a file, and of the files in a folder.
pub(crate) fn read_authorities(
    cafile: Option<&Path>,
    capath: Option<&Path>,
) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for authority in authorities(cafile, capath)? {
        let added = roots.add(authority);
        added.map_err(|error| {
            format!("a certificate in cafile or capath cannot be used: {error}")
        })?;
    }
    Ok(roots)
}

/// The certificates of a file, and of the files in a folder.
pub(crate) fn authorities(
    cafile: Option<&Path>,
    capath: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut authorities = Vec::new();
    let mut add = |file: &Path, certificates: Vec<CertificateDer<'static>>| {
        for certificate in certificates {
            parse(file, &certificate)?;
            // A folder has links to its files.
            if !authorities.contains(&certificate) {
                authorities.push(certificate);
            }
        }
        Ok::<_, String>(())
    };
    if let Some(file) = cafile {
        add(file, read_chain(file)?)?;
    }
    if let Some(folder) = capath {
        let mut has_any = false;
        for file in files_of(folder)? {
            // What else is there, such as lists of revoked ones, is passed over.
            if let Ok(certificates) = read_chain(&file) {
                add(&file, certificates)?;
                has_any = true;
            }
        }
        if !has_any {
            return Err(at(folder, "there is no certificate in this folder"));
        }
    }
    Ok(authorities)
}

/// Adds those to a lonely certificate that vouch for it, as far as they are
/// known, since a client may know only the last of them. OpenSSL does so, and
/// Mosquitto's users rely on it.
pub(crate) fn complete(
    key: &mut CertifiedKey,
    cafile: Option<&Path>,
    capath: Option<&Path>,
) -> Result<(), String> {
    let authorities = authorities(cafile, capath)?;
    if key.cert.len() > 1 {
        return Ok(());
    }
    // Each at most once, however they vouch for each other.
    for _ in 0..authorities.len() {
        let Some(Ok((_, last))) = key.cert.last().map(|last| X509Certificate::from_der(last))
        else {
            break;
        };
        let vouches = |authority: &&CertificateDer<'static>| {
            X509Certificate::from_der(authority).is_ok_and(|(_, authority)| {
                // Who vouches for itself need not be sent.
                authority.subject() != authority.issuer()
                    && authority.subject() == last.issuer()
                    && last.verify_signature(Some(authority.public_key())).is_ok()
            })
        };
        match authorities.iter().find(vouches).cloned() {
            Some(authority) => key.cert.push(authority),
            None => break,
        }
    }
    Ok(())
}

/// The lists of revoked certificates in a file; at least one.
pub(crate) fn read_revoked(
    file: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let what = "list of revoked certificates";
    let lists = CertificateRevocationListDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(file, what, &error))?;
    if lists.is_empty() {
        return Err(unreadable(file, what, &pem::Error::NoItemsFound));
    }
    Ok(lists)
}

/// The files in a folder, links to them included, in the order of their names.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error| at(folder, format!("cannot read the folder: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// What is wrong with a file.
pub(crate) fn at(file: &Path, what: impl Display) -> String {
    format!("{}: {what}", file.display())
}

fn unreadable(file: &Path, what: &str, error: &pem::Error) -> String {
    let why = match error {
        pem::Error::Io(error) => format!("cannot read the {what}: {error}"),
        pem::Error::NoItemsFound => format!("there is no {what} in it: a PEM file is wanted"),
        error => format!("cannot read the {what}: {error}"),
    };
    at(file, why)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    /// An authority for which another one vouches, or nobody else.
    fn authority(
        name: &str,
        by: Option<&Issuer<'static, KeyPair>>,
    ) -> (String, Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = match by {
            Some(by) => params.signed_by(&key, by),
            None => params.self_signed(&key),
        };
        (certificate.unwrap().pem(), Issuer::new(params, key))
    }

    #[test]
    fn a_lonely_certificate_gets_those_that_vouch_for_it() {
        let folder = std::env::temp_dir().join(format!("ws-broker-chain-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).unwrap();
            file
        };
        let (root, root_issuer) = authority("root", None);
        let (middle, issuer) = authority("middle", Some(&root_issuer));
        let (impostor, _) = authority("middle", Some(&root_issuer));
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".into()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        let keyfile = file("a.key", &key.serialize_pem());
        let certfile = file("a.crt", &certificate);
        let cafile = file("b.crt", &format!("{impostor}{root}{middle}"));
        let middle = read_chain(&file("c.crt", &middle)).unwrap();

        let mut lonely = certified_key(&certfile, &keyfile).unwrap();
        complete(&mut lonely, Some(&cafile), None).unwrap();
        assert_eq!(lonely.cert.len(), 2);
        assert_eq!(lonely.cert[1..], middle);
        // A folder has the same, twice, and what is not a certificate.
        let mut lonely = certified_key(&certfile, &keyfile).unwrap();
        complete(&mut lonely, None, Some(&folder)).unwrap();
        assert_eq!(lonely.cert[1..], middle);

        let chain = file("d.crt", &format!("{certificate}{root}"));
        let mut told = certified_key(&chain, &keyfile).unwrap();
        complete(&mut told, Some(&cafile), None).unwrap();
        assert_eq!(told.cert.len(), 2);
        assert_eq!(
            read_authorities(Some(&cafile), Some(&folder))
                .unwrap()
                .len(),
            4
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_key_with_a_passphrase_is_named_as_such() {
        let file = std::env::temp_dir().join(format!("ws-broker-locked-{}", std::process::id()));
        for text in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n\
             MIIF\n-----END RSA PRIVATE KEY-----\n",
        ] {
            fs::write(&file, text).unwrap();
            let error = read_key(&file).unwrap_err();
            assert!(
                error.contains("has a passphrase: take it off with \"openssl"),
                "{error}"
            );
        }
        fs::remove_file(&file).unwrap();
    }
}
