use std::fs;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::*;
use crate::config::Protocol;

/// A folder with a certificate and its key; it is gone when this is dropped.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let folder = format!("ws-broker-{name}-{}", std::process::id());
        let files = Self(std::env::temp_dir().join(folder));
        fs::create_dir_all(&files.0).unwrap();
        let [certificate, key] = another();
        files.write("crt", &certificate);
        files.write("key", &key);
        files
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn tls(&self) -> Tls {
        let listener = Listener {
            tls: TlsOptions {
                certfile: Some(self.0.join("crt")),
                keyfile: Some(self.0.join("key")),
                ..TlsOptions::NONE
            },
            ..Listener::new(0, Protocol::Mqtt)
        };
        Tls::read(&listener, None).unwrap().unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn another() -> [String; 2] {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".into()]).unwrap();
    [cert.pem(), signing_key.serialize_pem()]
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_a_time_limit() {
    let files = Files::new("time-limit");
    let (near, _far) = tokio::io::duplex(100);
    let start = tokio::time::Instant::now();
    let error = files.tls().accept(near).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed(), HANDSHAKE_TIMEOUT);
}

#[test]
fn a_pair_is_taken_when_it_is_whole_and_a_bad_one_is_said_once() {
    let files = Files::new("renewal");
    let tls = files.tls();
    let failure = || tls.seen().failure.clone();
    let before = tls.config();
    let is_as_before = || Arc::ptr_eq(&before, &tls.config());
    tls.look_again();
    assert!(is_as_before());

    let [certificate, key] = another();
    files.write("crt", &certificate[..100]);
    tls.look_again();
    // It may be half written.
    assert!(matches!(failure(), Some((_, false))));
    files.write("crt", &certificate);
    tls.look_again();
    let (why, is_said) = failure().unwrap();
    assert!(why.contains("not the key of the certificate"), "{why}");
    assert!(!is_said);
    for _ in 0..2 {
        tls.look_again();
        assert!(matches!(failure(), Some((_, true))));
    }
    assert!(is_as_before());

    files.write("key", &key);
    tls.look_again();
    assert!(failure().is_none());
    assert!(!is_as_before());
    let now = tls.config();
    tls.look_again();
    assert!(Arc::ptr_eq(&now, &tls.config()));

    fs::remove_file(files.0.join("key")).unwrap();
    tls.look_again();
    assert!(failure().is_some());
    assert!(Arc::ptr_eq(&now, &tls.config()));
}
