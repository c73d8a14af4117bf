use proptest::prelude::*;

use super::message::{escape, unescape};
use super::*;

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &[u8] =
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &[u8] = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn credentials() -> Credentials {
    static ONCE: std::sync::OnceLock<Credentials> = std::sync::OnceLock::new();
    let derive = || {
        let salt = message::base64("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Credentials::derive(b"pencil", salt, 4096)
    };
    ONCE.get_or_init(derive).clone()
}

fn server() -> Server {
    let first = ClientFirst::parse(CLIENT_FIRST).unwrap();
    first.challenge(credentials(), SERVER_NONCE).0
}

/// A client that has sent its proof.
fn proved() -> Client {
    let mut client = Client::start("user", CLIENT_NONCE).0;
    client.prove(b"pencil", SERVER_FIRST).unwrap();
    client
}

#[test]
fn rfc_7677_section_3_the_example() {
    let (mut client, message) = Client::start("user", CLIENT_NONCE);
    assert_eq!(message, CLIENT_FIRST);
    let first = ClientFirst::parse(&message).unwrap();
    assert_eq!(first.username(), "user");
    let (server, message) = first.challenge(credentials(), SERVER_NONCE);
    assert_eq!(message, SERVER_FIRST);
    let message = client.prove(b"pencil", &message).unwrap();
    assert_eq!(message, CLIENT_FINAL);
    let message = server.finish(&message).unwrap();
    assert_eq!(message, SERVER_FINAL);
    assert!(!client.is_done());
    client.finish(&message).unwrap();
    assert!(client.is_done());
}

#[test]
fn rfc_5802_section_5_1_names_may_have_commas_and_equals_signs() {
    for name in ["a,b=c", "=2C", ",", "=", "Jürgen", "=3D=2C,"] {
        assert_eq!(unescape(&escape(name)).unwrap(), name);
        let (_, message) = Client::start(name, "x");
        let first = ClientFirst::parse(&message).unwrap();
        assert_eq!(first.username(), name);
    }
    for bad in ["", "a=b", "a=", "=2", "=2c", "=é"] {
        assert_eq!(unescape(bad), Err(Error::Malformed), "{bad}");
    }
}

#[test]
fn a_first_message_of_another_kind_is_refused() {
    for (message, error) in [
        ("", Error::Malformed),
        ("n,,", Error::Malformed),
        ("n,n=user,r=x", Error::Malformed),
        ("x,,n=user,r=x", Error::Malformed),
        ("n,,n=user", Error::Malformed),
        ("n,,n=user,r=", Error::Malformed),
        ("n,,n=user,r=a b", Error::Malformed),
        ("n,,n=,r=x", Error::Malformed),
        ("n,,r=x,n=user", Error::Malformed),
        ("n,b,n=user,r=x", Error::Malformed),
        ("n,a=admin,n=user,r=x", Error::AuthorizationIdentity),
        ("p=tls-unique,,n=user,r=x", Error::ChannelBinding),
        ("n,,m=x,n=user,r=x", Error::Extension),
    ] {
        assert_eq!(
            ClientFirst::parse(message.as_bytes()),
            Err(error),
            "{message}"
        );
    }
    assert_eq!(ClientFirst::parse(b"n,,n=\xff,r=x"), Err(Error::Malformed));
    let long = format!("n,,n={},r=x", "u".repeat(5000));
    assert_eq!(ClientFirst::parse(long.as_bytes()), Err(Error::Malformed));
    // Extensions that are not mandatory may stand at the end.
    assert!(ClientFirst::parse(b"n,,n=user,r=x,ext=1").is_ok());
}

#[test]
fn a_client_that_could_bind_channels_says_the_same_at_the_end() {
    let first = ClientFirst::parse(b"y,,n=user,r=x").unwrap();
    let (server, _) = first.clone().challenge(credentials(), "y");
    let error = server.finish(b"c=biws,r=xy,p=AAAA");
    assert_eq!(error, Err(Error::ChannelBinding));
    let (server, challenge) = first.challenge(credentials(), "y");
    let challenge = String::from_utf8(challenge).unwrap();
    let salted = salted_password(b"pencil", &credentials().salt, 4096);
    let key = client_key(&salted);
    let signed = format!("n=user,r=x,{challenge},c=eSws,r=xy");
    let proof = xor(&key, &hmac(&hash(&key), &[signed.as_bytes()]));
    let last = format!("c=eSws,r=xy,p={}", message::to_base64(&proof));
    assert!(server.finish(last.as_bytes()).is_ok());
}

#[test]
fn a_server_does_not_take_a_wrong_proof_or_nonce() {
    let last = std::str::from_utf8(CLIENT_FINAL).unwrap();
    for (wrong, error) in [
        (last.replace("dHzb", "AHzb"), Error::Proof),
        (last.replace(",r=rOpr", ",r=xOpr"), Error::Nonce),
        (last.replace("c=biws", "c=eSws"), Error::ChannelBinding),
        (last.replace(",p=", ",x=1,p="), Error::Proof),
        (last.replace("c=biws,", ""), Error::Malformed),
        (last.replace("c=biws", "m=x,c=biws"), Error::Extension),
        (last.replace("dHzb", "!Hzb"), Error::Malformed),
        (last.replace("dHzb", ""), Error::Malformed),
        (last.split(",p=").next().unwrap().into(), Error::Malformed),
        (String::new(), Error::Malformed),
    ] {
        assert_eq!(server().finish(wrong.as_bytes()), Err(error), "{wrong}");
    }
    assert!(server().finish(CLIENT_FINAL).is_ok());
}

/// Bytes, and texts that look like messages.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("n,,".to_owned()),
        Just("c=biws".to_owned()),
        Just(format!("r={CLIENT_NONCE}{SERVER_NONCE}")),
        "[a-z]=[a-zA-Z0-9=+/é]{0,8}",
        Just("i=4096".to_owned()),
        Just(",".to_owned()),
    ];
    let text = prop::collection::vec(piece, 0..6).prop_map(|p| p.join(",").into_bytes());
    prop_oneof![text, prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #[test]
    fn whatever_comes_nobody_is_let_in_and_nothing_panics(message in messages()) {
        if let Ok(first) = ClientFirst::parse(&message) {
            prop_assert!(!first.username().is_empty());
        }
        prop_assert!(server().finish(&message).is_err());
        let mut client = proved();
        prop_assert!(client.finish(&message).is_err());
        let mut client = Client::start("user", CLIENT_NONCE).0;
        if client.prove(b"pencil", &message).is_ok() {
            prop_assert!(message.starts_with(b"r=rOprNGfwEbeRWgbNEkqO"));
        }
    }

    #[test]
    fn names_come_back_as_they_were(name in "\\PC{1,20}") {
        prop_assert_eq!(unescape(&escape(&name)).unwrap(), name);
    }
}

#[test]
fn a_proof_from_another_password_is_refused() {
    let mut client = Client::start("user", CLIENT_NONCE).0;
    let last = client.prove(b"pencils", SERVER_FIRST).unwrap();
    assert_eq!(server().finish(&last), Err(Error::Proof));
}

#[test]
fn a_client_does_not_take_a_wrong_challenge() {
    let challenge = std::str::from_utf8(SERVER_FIRST).unwrap();
    for (wrong, error) in [
        (challenge.replace("r=rOpr", "r=xOpr"), Error::Nonce),
        // Nothing of the server's own.
        (challenge.replace(SERVER_NONCE, ""), Error::Nonce),
        (
            challenge.replace("i=4096", "i=4095"),
            Error::Iterations(4095),
        ),
        (
            challenge.replace("i=4096", "i=600001"),
            Error::Iterations(600_001),
        ),
        (challenge.replace("i=4096", "i=-1"), Error::Malformed),
        (
            challenge.replace("i=4096", "i=99999999999"),
            Error::Malformed,
        ),
        (challenge.replace(",i=4096", ""), Error::Malformed),
        (challenge.replace("s=W22Z", "s=W{2Z"), Error::Malformed),
        (format!("m=x,{challenge}"), Error::Extension),
        (String::new(), Error::Malformed),
    ] {
        let mut client = Client::start("user", CLIENT_NONCE).0;
        assert_eq!(
            client.prove(b"pencil", wrong.as_bytes()),
            Err(error),
            "{wrong}"
        );
        // And that was its only chance.
        let again = client.prove(b"pencil", SERVER_FIRST);
        assert_eq!(again, Err(Error::OutOfTurn));
    }
}

#[test]
fn a_client_does_not_take_a_server_that_cannot_prove_itself() {
    let last = std::str::from_utf8(SERVER_FINAL).unwrap();
    for (wrong, error) in [
        (last.replace("6rri", "7rri"), Error::Signature),
        ("v=".into(), Error::Signature),
        ("v=!".into(), Error::Malformed),
        (String::new(), Error::Malformed),
        ("e=other-error".into(), Error::Refused("other-error".into())),
    ] {
        let mut client = proved();
        assert_eq!(client.finish(wrong.as_bytes()), Err(error), "{wrong}");
        assert!(!client.is_done());
    }
    let mut too_early = Client::start("user", CLIENT_NONCE).0;
    assert_eq!(too_early.finish(SERVER_FINAL), Err(Error::OutOfTurn));
}

#[test]
fn credentials_check_a_plain_password_too() {
    let credentials = credentials();
    assert!(credentials.verify(b"pencil"));
    assert!(!credentials.verify(b"pencils"));
    assert!(!credentials.verify(b""));
    let text = format!("{credentials:?}");
    assert!(!text.contains("key"), "{text}");
}

#[test]
fn a_user_who_does_not_exist_looks_like_one_who_does() {
    let fake = |name, secret: u8| Credentials::fake(name, &[secret; 32], 4096, 16);
    let ada = fake("ada", 1);
    assert_eq!(ada, fake("ada", 1));
    assert_eq!((ada.salt.len(), ada.iterations), (16, 4096));
    assert_ne!(ada.salt, fake("bob", 1).salt);
    assert_ne!(ada.salt, fake("ada", 2).salt);
    assert_ne!(ada.stored_key, ada.server_key);
}
