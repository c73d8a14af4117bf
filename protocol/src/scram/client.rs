//! The client's end of an exchange.

use subtle::ConstantTimeEq;

use super::message::{attribute, base64, escape, is_nonce, text, to_base64};
use super::{
    Error, Key, MAX_ITERATIONS, MIN_ITERATIONS, client_key, hash, hmac, salted_password,
    server_key, xor,
};

/// The client's end of one exchange.
#[derive(Debug)]
pub struct Client(State);

#[derive(Debug)]
enum State {
    /// The first message was made.
    First {
        bare: String,
        nonce: String,
    },
    /// The proof was made.
    Final {
        signature: Key,
    },
    /// The server has proved itself.
    Done,
    Failed,
}

impl Client {
    /// Begins an exchange; gives the first message too.
    pub fn start(username: &str, nonce: &str) -> (Self, Vec<u8>) {
        let bare = ["n=", &escape(username), ",r=", nonce].concat();
        let message = ["n,,", &bare].concat().into_bytes();
        let nonce = nonce.into();
        (Self(State::First { bare, nonce }), message)
    }

    /// Answers the server's first message with the proof. It takes as long as
    /// the iterations that the server asks for.
    ///
    /// # Errors
    /// The message is not what it should be; the exchange is over.
    pub fn prove(&mut self, password: &[u8], server_first: &[u8]) -> Result<Vec<u8>, Error> {
        let State::First { bare, nonce } = std::mem::replace(&mut self.0, State::Failed) else {
            return Err(Error::OutOfTurn);
        };
        let challenge = text(server_first)?;
        let (full_nonce, rest) = attribute(challenge, 'r')?;
        let (salt, rest) = attribute(rest, 's')?;
        let (iterations, _) = attribute(rest, 'i')?;
        // Without something of the server's in it, an old exchange could be
        // played again.
        if !is_nonce(full_nonce) || full_nonce.len() == nonce.len() {
            return Err(Error::Nonce);
        }
        if !full_nonce.starts_with(&nonce) {
            return Err(Error::Nonce);
        }
        let salt = base64(salt)?;
        let iterations = iterations.parse().map_err(|_| Error::Malformed)?;
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
            return Err(Error::Iterations(iterations));
        }
        let salted = salted_password(password, &salt, iterations);
        let client_key = client_key(&salted);
        let without_proof = ["c=biws,r=", full_nonce].concat();
        let parts = [&bare, ",", challenge, ",", &without_proof].map(str::as_bytes);
        let proof = xor(&client_key, &hmac(&hash(&client_key), &parts));
        self.0 = State::Final {
            signature: hmac(&server_key(&salted), &parts),
        };
        Ok([&without_proof, ",p=", &to_base64(&proof)]
            .concat()
            .into_bytes())
    }

    /// Checks the server's last message.
    ///
    /// # Errors
    /// The server does not know the password, or refuses.
    pub fn finish(&mut self, server_final: &[u8]) -> Result<(), Error> {
        let State::Final { signature } = std::mem::replace(&mut self.0, State::Failed) else {
            return Err(Error::OutOfTurn);
        };
        let text = text(server_final)?;
        if let Ok((why, _)) = attribute(text, 'e') {
            return Err(Error::Refused(why.chars().take(100).collect()));
        }
        let (verifier, _) = attribute(text, 'v')?;
        if !bool::from(base64(verifier)?.ct_eq(&signature[..])) {
            return Err(Error::Signature);
        }
        self.0 = State::Done;
        Ok(())
    }

    /// Whether the server has proved that it knows the password.
    pub const fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }
}
