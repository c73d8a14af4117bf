use bytes::Bytes;
use codec::ByteString;
use protocol::scram;

/// Extended authentication as an application does it (section 4.12): what is
/// said in it. The client calls it at each connection, and when it
/// authenticates again. It fails with a few words that say why.
pub trait Authenticator {
    /// The name of the method, the same for ever.
    fn method(&self) -> ByteString;

    /// Begins anew: what is said first, if anything.
    ///
    /// # Errors
    /// It cannot begin.
    fn begin(&mut self) -> Result<Option<Bytes>, String>;

    /// Answers a challenge of the broker's. `None` answers later, with
    /// [`crate::Client::answer_challenge`].
    ///
    /// # Errors
    /// It is not what the broker should say; the connection is given up.
    fn answer(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, String>;

    /// The broker accepts; `data` is its last word, which may be empty.
    ///
    /// # Errors
    /// It is not the broker that it says it is; the connection is given up.
    fn finish(&mut self, data: &[u8]) -> Result<(), String>;
}

/// SCRAM-SHA-256: see [`crate::Options::scram`].
pub(crate) struct Scram {
    username: String,
    password: Bytes,
    nonce: fn() -> Option<String>,
    exchange: Option<scram::Client>,
}

impl Scram {
    pub(crate) fn new(username: String, password: Bytes, nonce: fn() -> Option<String>) -> Self {
        Self {
            username,
            password,
            nonce,
            exchange: None,
        }
    }
}

impl Authenticator for Scram {
    fn method(&self) -> ByteString {
        ByteString::from_static(scram::METHOD)
    }

    fn begin(&mut self) -> Result<Option<Bytes>, String> {
        let nonce = (self.nonce)().ok_or("the browser has no random numbers")?;
        let (exchange, first) = scram::Client::start(&self.username, &nonce);
        self.exchange = Some(exchange);
        Ok(Some(first.into()))
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, String> {
        let exchange = self.exchange.as_mut().ok_or("nothing was begun")?;
        let proof = exchange.prove(&self.password, challenge);
        let proof = proof.map_err(|error| error.text().to_owned())?;
        Ok(Some(proof.into()))
    }

    fn finish(&mut self, data: &[u8]) -> Result<(), String> {
        let mut exchange = self.exchange.take().ok_or("nothing was begun")?;
        exchange
            .finish(data)
            .map_err(|error| error.text().to_owned())
    }
}
