//! A folder with an authority of one's own and a certificate for this machine,
//! as `ws-broker cert` makes it and the broker renews it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::dates::now;
use super::files::{at, parse, read_chain};
use super::names::{Name, Permitted, of_machine};
use crate::replace::{Readers, replace};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Ten years.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(3650 * 24 * 3600);
/// With the day that clocks may be late, a little less than the 397 days that
/// browsers take at most.
const LIFETIME: Duration = Duration::from_secs(395 * 24 * 3600);
/// How long before its end a certificate is renewed, seconds.
const RENEWAL: i64 = 30 * 24 * 3600;

/// The extension that says whom an authority may vouch for.
const NAME_CONSTRAINTS: [u64; 4] = [2, 5, 29, 30];

const MARKER: &str = "\
# ws-broker has made server.crt and server.key beside this file, and renews them
# by itself: near their end, and when this machine has another name or address.
# Without this file it leaves them alone. Names that they are for as well, one a
# line:
";

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// An authority that is there.
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    permitted: Permitted,
    until: SystemTime,
}

/// A certificate that was made.
pub(super) struct Made {
    pub(super) names: BTreeSet<Name>,
    /// What the authority cannot vouch for.
    pub(super) left_out: BTreeSet<Name>,
}

impl Authority {
    pub(super) fn may_vouch_for(&self, name: &Name) -> bool {
        self.permitted.has(name)
    }
}

impl Folder {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.into())
    }

    /// The folder of a certificate that is renewed by itself.
    pub(super) fn of(certfile: &Path, keyfile: &Path) -> Option<Self> {
        let folder = Self::new(certfile.parent()?);
        let is_ours = certfile == folder.certfile()
            && keyfile == folder.keyfile()
            && folder.marker().is_file();
        is_ours.then_some(folder)
    }

    pub(super) fn cafile(&self) -> PathBuf {
        self.0.join("ca.crt")
    }

    fn cakey(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    pub(super) fn certfile(&self) -> PathBuf {
        self.0.join("server.crt")
    }

    pub(super) fn keyfile(&self) -> PathBuf {
        self.0.join("server.key")
    }

    pub(super) fn marker(&self) -> PathBuf {
        self.0.join("server.names")
    }

    /// Whether there is an authority, or what looks like one.
    pub(super) fn has_authority(&self) -> bool {
        self.cafile().exists() || self.cakey().exists()
    }

    /// Makes an authority for these names and those that are only known nearby.
    pub(super) fn make_authority(&self, names: &BTreeSet<Name>) -> Result<(), String> {
        let failed = |error: rcgen::Error| format!("cannot make an authority: {error}");
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = params("ws-broker authority", AUTHORITY_LIFETIME)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Not as a critical extension: the libraries of small devices do not
        // know it, and would refuse the authority.
        let constraints = Permitted::local_and(names).to_der();
        let constraints =
            constraints.map(|der| CustomExtension::from_oid_content(&NAME_CONSTRAINTS, der));
        params.custom_extensions.extend(constraints);
        let certificate = params.self_signed(&key).map_err(failed)?;
        replace(&self.cakey(), &key.serialize_pem(), Readers::Owner)?;
        replace(&self.cafile(), &certificate.pem(), Readers::All)
    }

    /// The authority that is there.
    pub(super) fn authority(&self) -> Result<Authority, String> {
        let (cafile, cakey) = (self.cafile(), self.cakey());
        let certificate = read_chain(&cafile)?.swap_remove(0);
        let parsed = parse(&cafile, &certificate)?;
        let key = fs::read_to_string(&cakey)
            .map_err(|error| at(&cakey, format!("cannot read the private key: {error}")))?;
        let key = KeyPair::from_pem(&key)
            .map_err(|error| at(&cakey, format!("cannot read the private key: {error}")))?;
        if *key.public_key_raw() != *parsed.public_key().subject_public_key.data {
            let cafile = cafile.display();
            return Err(at(
                &cakey,
                format!("not the key of the certificate in {cafile}"),
            ));
        }
        let until = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(until);
        if until < SystemTime::now() + DAY {
            return Err(at(
                &cafile,
                "the authority has expired: make another one in another folder",
            ));
        }
        let permitted = Permitted::by(&parsed);
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| at(&cafile, format!("it cannot vouch for others: {error}")))?;
        Ok(Authority {
            certificate,
            issuer,
            permitted,
            until,
        })
    }

    /// The names that somebody has asked for, besides this machine's own.
    pub(super) fn asked(&self) -> Result<BTreeSet<Name>, String> {
        let marker = self.marker();
        let text = match fs::read_to_string(&marker) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(at(&marker, format!("cannot read it: {error}"))),
        };
        let lines = text
            .lines()
            .enumerate()
            .map(|(n, line)| (n + 1, line.trim()));
        let names = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let parse = |(number, line): (usize, &str)| {
            let error = || format!("{}:{number}: {line:?} is not a name", marker.display());
            Name::parse(line).ok_or_else(error)
        };
        names.map(parse).collect()
    }

    /// Makes a certificate for this machine and the names that were asked for.
    pub(super) fn make(&self, asked: &BTreeSet<Name>) -> Result<Made, String> {
        self.make_lasting(LIFETIME, asked)
    }

    fn make_lasting(&self, lifetime: Duration, asked: &BTreeSet<Name>) -> Result<Made, String> {
        let failed = |error: rcgen::Error| format!("cannot make a certificate: {error}");
        let authority = self.authority()?;
        let wanted: BTreeSet<_> = of_machine().union(asked).cloned().collect();
        let (names, left_out): (BTreeSet<_>, BTreeSet<_>) = wanted
            .into_iter()
            .partition(|name| authority.permitted.has(name));
        let mut params = params("ws-broker", lifetime)?;
        params.not_after = params.not_after.min(authority.until.into());
        params.subject_alt_names = names
            .iter()
            .map(san)
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &authority.issuer).map_err(failed)?;
        let mut marker = String::from(MARKER);
        for name in asked {
            let _ = writeln!(marker, "{name}");
        }
        replace(&self.keyfile(), &key.serialize_pem(), Readers::Owner)?;
        replace(&self.certfile(), &certificate.pem(), Readers::All)?;
        replace(&self.marker(), &marker, Readers::All)?;
        Ok(Made { names, left_out })
    }

    /// Makes another certificate if it is time; gives its names then.
    pub(super) fn renew(&self) -> Result<Option<BTreeSet<Name>>, String> {
        let asked = self.asked()?;
        let certificate = read_chain(&self.certfile())?.swap_remove(0);
        let (until, has) = {
            let parsed = parse(&self.certfile(), &certificate)?;
            (
                parsed.validity().not_after.timestamp(),
                Name::in_certificate(&parsed),
            )
        };
        let is_old = until - now() < RENEWAL;
        let wanted = of_machine();
        let lacking = || wanted.union(&asked).any(|name| !has.contains(name));
        if !is_old && !lacking() {
            return Ok(None);
        }
        let authority = self.authority()?;
        let mut lacking = wanted.union(&asked).filter(|name| !has.contains(name));
        // Near its own end an authority has nothing better to give.
        let can_last = || authority.until > SystemTime::now() + Duration::from_secs(RENEWAL as u64);
        if lacking.any(|name| authority.permitted.has(name)) || is_old && can_last() {
            return Ok(Some(self.make(&asked)?.names));
        }
        Ok(None)
    }
}

/// What is the same for both kinds of certificates.
fn params(what: &str, lifetime: Duration) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::default();
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| format!("no random numbers: {error}"))?;
    // It is positive, and not short.
    serial[0] = serial[0] & 0x7F | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let now = SystemTime::now();
    params.not_after = (now + lifetime).into();
    params.not_before = now.into();
    let host = sysinfo::System::host_name().unwrap_or_default();
    let day = params.not_before.date();
    // The clock of a phone may be late.
    params.not_before -= DAY;
    let name: String = format!("{what} of {host} ({day})")
        .chars()
        .take(64)
        .collect();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn san(name: &Name) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        Name::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        Name::Ip(ip) => SanType::IpAddress(*ip),
    })
}

/// A certificate's SHA-256, as phones show it.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes = Sha256::digest(certificate);
    let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    hex.join(":")
}

/// Whether a certificate can vouch for others.
pub(super) fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;
    use crate::certificate::{provider, read_authorities};

    /// A folder with everything; it is gone when this is dropped.
    struct Made(Folder);

    impl Made {
        fn new(name: &str, lifetime: Duration) -> Self {
            let name = format!("ws-broker-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            let folder = Folder::new(&folder);
            folder.make_authority(&of_machine()).unwrap();
            folder.make_lasting(lifetime, &BTreeSet::new()).unwrap();
            Self(folder)
        }

        fn ask(&self, name: &str) {
            fs::write(self.0.marker(), format!("# a comment\n\n{name}\n")).unwrap();
        }
    }

    impl Drop for Made {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0.0).unwrap();
        }
    }

    #[test]
    fn a_certificate_is_renewed_near_its_end() {
        for (days, is_renewed) in [(29, true), (31, false)] {
            let made = Made::new(&format!("end-{days}"), DAY * days);
            let before = fs::read(made.0.certfile()).unwrap();
            assert_eq!(made.0.renew().unwrap().is_some(), is_renewed, "{days}");
            assert_eq!(fs::read(made.0.certfile()).unwrap() != before, is_renewed);
            assert_eq!(made.0.renew().unwrap(), None);
        }
    }

    #[test]
    fn a_certificate_is_renewed_for_another_name() {
        let made = Made::new("names", LIFETIME);
        let folder = Folder::of(&made.0.certfile(), &made.0.keyfile()).unwrap();
        made.ask("attic.local");
        let names = folder.renew().unwrap().unwrap();
        assert!(names.contains(&Name::parse("attic.local").unwrap()));
        assert_eq!(folder.renew().unwrap(), None);
        // What the authority cannot vouch for makes no difference.
        made.ask("attic.local\nexample.org");
        assert_eq!(folder.renew().unwrap(), None);
        made.ask("no name");
        assert!(
            folder
                .renew()
                .unwrap_err()
                .ends_with("server.names:3: \"no name\" is not a name")
        );
        // Without the file it is left alone.
        fs::remove_file(made.0.marker()).unwrap();
        assert!(Folder::of(&made.0.certfile(), &made.0.keyfile()).is_none());
    }

    #[test]
    fn without_the_authority_s_key_it_says_so_when_it_is_time() {
        let made = Made::new("keyless", LIFETIME);
        fs::remove_file(made.0.cakey()).unwrap();
        assert_eq!(made.0.renew().unwrap(), None);
        made.ask("attic.local");
        let error = made.0.renew().unwrap_err();
        assert!(
            error.contains("ca.key: cannot read the private key: "),
            "{error}"
        );
    }

    /// Whoever gets hold of the authority's key cannot be a bank.
    #[test]
    fn nobody_believes_the_authority_about_the_rest_of_the_world() {
        let made = Made::new("constraints", LIFETIME);
        let authority = made.0.authority().unwrap();
        let roots = read_authorities(Some(&made.0.cafile()), None).unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let verifier = verifier.build().unwrap();
        for (name, is_believed) in [
            ("attic.local", true),
            ("10.1.2.3", true),
            ("example.org", false),
        ] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new([name.into()]).unwrap();
            let certificate = params.signed_by(&key, &authority.issuer).unwrap();
            let server = ServerName::try_from(name).unwrap();
            let verified =
                verifier.verify_server_cert(certificate.der(), &[], &server, &[], UnixTime::now());
            assert_eq!(verified.is_ok(), is_believed, "{name}: {verified:?}");
        }
    }

    #[test]
    fn browsers_take_the_lifetime() {
        let made = Made::new("lifetime", LIFETIME);
        let certificate = read_chain(&made.0.certfile()).unwrap().swap_remove(0);
        let parsed = parse(&made.0.certfile(), &certificate).unwrap();
        let validity = parsed.validity();
        let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400;
        assert!((390..397).contains(&days), "{days}");
    }
}
