//! Extended authentication (section 4.12) with SCRAM-SHA-256, the server's
//! end.

use base64ct::{Base64, Encoding};
use codec::ByteString;
use protocol::scram::{ClientFirst, Server};

use super::users::{Users, Verdict};

/// One authentication on its way.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Who it must be, if that is settled.
    user: Option<ByteString>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The client has not said who it is.
    Beginning,
    /// The client is to prove that it knows the password.
    Challenged(Box<Server>, Verdict),
    Over,
}

/// What comes of what the client said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This is to be sent, and the answer awaited.
    Challenge(Vec<u8>),
    /// The client is who it says, and is to be sent this.
    Done(Vec<u8>),
    /// It is not.
    Failed(String),
}

impl Exchange {
    /// One in which the client must be `user`, if there is one.
    pub(crate) fn new(user: Option<ByteString>) -> Self {
        Self {
            user,
            state: State::Beginning,
        }
    }

    /// Who the client says it is, and once that is done, is.
    pub(crate) fn user(&self) -> Option<&ByteString> {
        self.user.as_ref()
    }

    /// Goes on with what the client has sent.
    pub(crate) fn step(&mut self, users: &Users, data: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            // A client may wait until it is asked.
            State::Beginning if data.is_empty() => {
                self.state = State::Beginning;
                Step::Challenge(Vec::new())
            }
            State::Beginning => self.challenge(users, data).unwrap_or_else(Step::Failed),
            State::Challenged(server, verdict) => match (server.finish(data), verdict) {
                (Ok(data), Verdict::Right) => Step::Done(data),
                (Ok(_) | Err(_), Verdict::NoUser) => Step::Failed("there is no such user".into()),
                (Ok(_) | Err(_), Verdict::Wrong) => {
                    let user = self.user.as_deref().unwrap_or_default();
                    Step::Failed(format!(
                        "its password in the password_file is not for SCRAM; ws-broker passwd FILE \
                         {user} makes it so, and over TLS it works as it is"
                    ))
                }
                (Err(error), Verdict::Right) => Step::Failed(error.to_string()),
            },
            State::Over => Step::Failed("the authentication is over".into()),
        }
    }

    fn challenge(&mut self, users: &Users, data: &[u8]) -> Result<Step, String> {
        let first = ClientFirst::parse(data).map_err(|error| error.to_string())?;
        match &self.user {
            Some(user) if **user != *first.username() => {
                return Err(format!("it authenticates as {}", first.username()));
            }
            Some(_) => {}
            None => self.user = Some(first.username().into()),
        }
        let (credentials, verdict) = users.scram(first.username());
        let mut nonce = [0; 18];
        getrandom::fill(&mut nonce).map_err(|error| format!("no random numbers: {error}"))?;
        let (server, data) = first.challenge(credentials, &Base64::encode_string(&nonce));
        self.state = State::Challenged(Box::new(server), verdict);
        Ok(Step::Challenge(data))
    }
}
