//! The server's end of an exchange.

use subtle::ConstantTimeEq;

use super::message::{attribute, base64, is_nonce, text, to_base64, unescape};
use super::{Credentials, Error, hash, hmac, xor};

/// The client's first message, which says who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    username: String,
    nonce: String,
    /// What the last message must repeat, as base64.
    header: &'static str,
    bare: String,
}

impl ClientFirst {
    /// Reads it.
    ///
    /// # Errors
    /// It is no such message, or asks for what this server does not have.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = text(bytes)?;
        let (flag, rest) = text.split_once(',').ok_or(Error::Malformed)?;
        let header = match flag {
            "n" => "biws",
            // It could bind channels, and thinks that this server cannot.
            "y" => "eSws",
            _ if flag.starts_with("p=") => return Err(Error::ChannelBinding),
            _ => return Err(Error::Malformed),
        };
        let (identity, bare) = rest.split_once(',').ok_or(Error::Malformed)?;
        match identity {
            "" => {}
            _ if identity.starts_with("a=") => return Err(Error::AuthorizationIdentity),
            _ => return Err(Error::Malformed),
        }
        let (username, rest) = attribute(bare, 'n')?;
        let (nonce, _) = attribute(rest, 'r')?;
        if !is_nonce(nonce) {
            return Err(Error::Malformed);
        }
        Ok(Self {
            username: unescape(username)?,
            nonce: nonce.into(),
            header,
            bare: bare.into(),
        })
    }

    /// Who the client says it is.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Answers it; gives the message too. `nonce` is the server's part.
    pub fn challenge(self, credentials: Credentials, nonce: &str) -> (Server, Vec<u8>) {
        let nonce = format!("{}{nonce}", self.nonce);
        let salt = to_base64(&credentials.salt);
        let challenge = format!("r={nonce},s={salt},i={}", credentials.iterations);
        let message = challenge.clone().into_bytes();
        let server = Server {
            credentials,
            without_proof: format!("c={},r={nonce}", self.header),
            client_first: self.bare,
            challenge,
        };
        (server, message)
    }
}

/// The server's end of one exchange, which waits for the client's proof.
#[derive(Debug)]
pub struct Server {
    credentials: Credentials,
    client_first: String,
    challenge: String,
    /// The client's last message as it must be, but for its proof.
    without_proof: String,
}

impl Server {
    /// Checks the client's last message; gives the answer to it, which proves
    /// that this server knows the client.
    ///
    /// # Errors
    /// The client does not know the password, or its message is not what it
    /// should be.
    pub fn finish(self, client_final: &[u8]) -> Result<Vec<u8>, Error> {
        let text = text(client_final)?;
        // The proof stands at the end.
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(Error::Malformed)?;
        let (_, rest) = attribute(without_proof, 'c')?;
        let (nonce, extensions) = attribute(rest, 'r')?;
        let expected = &self.without_proof;
        let without_extensions = if extensions.is_empty() {
            without_proof
        } else {
            &without_proof[..without_proof.len() - extensions.len() - 1]
        };
        if without_extensions != *expected {
            let is_nonce_right = expected.ends_with(&format!(",r={nonce}"));
            return Err(if is_nonce_right {
                Error::ChannelBinding
            } else {
                Error::Nonce
            });
        }
        let proof: [u8; 32] = base64(proof)?.try_into().map_err(|_| Error::Malformed)?;
        let parts =
            [&self.client_first, ",", &self.challenge, ",", without_proof].map(str::as_bytes);
        let Credentials {
            stored_key,
            server_key,
            ..
        } = &self.credentials;
        let client_key = xor(&proof, &hmac(stored_key, &parts));
        if !bool::from(hash(&client_key).ct_eq(stored_key)) {
            return Err(Error::Proof);
        }
        let verifier = to_base64(&hmac(server_key, &parts));
        Ok(format!("v={verifier}").into_bytes())
    }
}
