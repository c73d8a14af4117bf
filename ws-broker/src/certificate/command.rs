//! `ws-broker cert`: a certificate for this machine, and an authority that
//! vouches for it, in one go.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::files::at;
use super::folder::{Folder, fingerprint, is_authority};
use super::names::{Name, list, of_machine};
use crate::config::WEBSOCKET_PORT;

/// Makes a certificate for this machine's names and addresses, and an authority
/// of its own that vouches for it: for devices, phones and browsers in a home,
/// a lab or a classroom. Once more, it renews the certificate and keeps the
/// authority.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder for the files
    #[arg(long, value_name = "FOLDER", default_value = "certificates")]
    dir: PathBuf,
    /// Another name or address of this machine; may be given more than once
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
}

/// Does what is asked for; an error is one line.
///
/// # Errors
/// A file cannot be read or written, or would have to be overwritten.
#[expect(clippy::print_stdout, reason = "it is what the user sees")]
pub fn run(arguments: &Arguments) -> Result<(), String> {
    println!("{}", make(arguments)?);
    Ok(())
}

fn make(arguments: &Arguments) -> Result<String, String> {
    let mut given = BTreeSet::new();
    for name in &arguments.names {
        let parsed = Name::parse(name);
        given.insert(parsed.ok_or_else(|| format!("{name:?} is not a name or an address"))?);
    }
    let folder = &arguments.dir;
    fs::create_dir_all(folder)
        .and_then(|()| fs::canonicalize(folder))
        .map_err(|error| at(folder, format!("cannot make the folder: {error}")))
        .and_then(|folder| make_in(&folder, given))
}

fn make_in(folder: &Path, mut asked: BTreeSet<Name>) -> Result<String, String> {
    let files = Folder::new(folder);
    if !files.marker().exists() {
        for file in [files.certfile(), files.keyfile()] {
            if file.exists() {
                return Err(at(
                    &file,
                    "it is there, and not by this command; choose another folder with --dir",
                ));
            }
        }
    }
    let is_new = !files.has_authority();
    if is_new {
        let names = of_machine().union(&asked).cloned().collect();
        files.make_authority(&names)?;
    }
    let authority = files.authority().map_err(|error| {
        format!("{error}; nothing was changed, choose another folder with --dir")
    })?;
    if !is_authority(&authority.certificate) {
        return Err(at(
            &files.cafile(),
            "it cannot vouch for others; choose another folder with --dir",
        ));
    }
    let unable = |name: &&Name| !authority.may_vouch_for(name);
    if let Some(name) = asked.iter().find(unable) {
        return Err(at(
            &files.cafile(),
            format!(
                "the authority that is there cannot vouch for {name}; make another one in another \
                 folder with --dir"
            ),
        ));
    }
    asked.extend(files.asked()?);
    let made = files.make(&asked)?;
    Ok(say(
        &files,
        is_new,
        &made.names,
        &made.left_out,
        &fingerprint(&authority.certificate),
    ))
}

/// Where a phone finds this machine.
fn address(names: &BTreeSet<Name>) -> String {
    let is_near = |name: &&Name| match name {
        Name::Ip(IpAddr::V4(ip)) => !ip.is_loopback(),
        _ => false,
    };
    let name = names.iter().find(is_near);
    name.map_or_else(|| "ADDRESS".into(), ToString::to_string)
}

fn say(
    files: &Folder,
    is_new: bool,
    names: &BTreeSet<Name>,
    left_out: &BTreeSet<Name>,
    fingerprint: &str,
) -> String {
    let (ca, crt, key) = (files.cafile(), files.certfile(), files.keyfile());
    let (ca, crt, key) = (ca.display(), crt.display(), key.display());
    let mut text = String::new();
    let authority = if is_new {
        "A new authority"
    } else {
        "The authority that was there"
    };
    let _ = writeln!(text, "{authority}: {ca}\n    SHA-256 {fingerprint}");
    let _ = writeln!(text, "A new certificate: {crt}\n    for {}", list(names));
    if !left_out.is_empty() {
        let _ = writeln!(
            text,
            "    not for {}: the authority cannot vouch for them",
            list(left_out)
        );
    }
    let port = WEBSOCKET_PORT;
    let address = address(names);
    let _ = write!(
        text,
        "
For the configuration file:

    # MQTT over TLS
    listener 8883
    certfile {crt}
    keyfile {key}

    # The dashboard over HTTPS, and MQTT over WebSocket and TLS
    listener {port}
    protocol websockets
    certfile {crt}
    keyfile {key}

    # What the dashboard's port hands out as /ca.crt
    http_cafile {ca}

The broker takes the files over when they change. As long as it can write them
and server.names is beside them, it renews the certificate by itself: a month
before its end, and when this machine has another name or address. Keep ca.key
and server.key to yourself; whoever trusts the authority trusts only what it says
of names and addresses nearby.

Each device has to trust the authority once. It finds it at
    https://{address}:{port}/ca.crt
where a browser warns the first time, because it does not know the authority yet:
go on, and compare the SHA-256 above with what the device shows.

  Android   Open the address in Chrome. Settings > Security > More > Encryption and
            credentials > Install a certificate > CA certificate > ca.crt
  iPhone    Open the address in Safari, allow the profile. Settings > Profile
            Downloaded > Install; then General > About > Certificate Trust Settings
  Windows   As administrator: certutil -addstore Root ca.crt
  macOS     sudo security add-trusted-cert -d -r trustRoot \\
                -k /Library/Keychains/System.keychain ca.crt
  Linux     sudo cp {ca} /usr/local/share/ca-certificates/ws-broker.crt
            sudo update-ca-certificates
  Firefox   Settings > Privacy and Security > View Certificates > Authorities >
            Import > ca.crt, for websites
  Devices   mosquitto_pub --cafile ca.crt -h {address} -p 8883 ...; in Python
            client.tls_set(\"ca.crt\"); on an ESP the text of ca.crt in the sketch"
    );
    text
}
