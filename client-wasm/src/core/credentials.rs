//! Credentials that are asked for before each connection.

use protocol::Time;

use super::{Core, Link};
use crate::Error;
use crate::credentials::{Refresh, Refreshed};

impl Core {
    /// Credentials that are to be asked for, by a number of their own.
    pub(crate) fn wanted_credentials(&self) -> Option<(u64, &Refresh)> {
        let refresh = self.options.credentials.as_ref()?;
        let wanted = matches!(self.link, Link::Preparing { .. });
        wanted.then_some((self.sockets, refresh))
    }

    /// The credentials with this number have come, or will not.
    pub(crate) fn handle_credentials(&mut self, number: u64, refreshed: Refreshed, now: Time) {
        let is_late = number != self.sockets || !matches!(self.link, Link::Preparing { .. });
        if is_late {
            return;
        }
        match refreshed {
            Ok(credentials) => {
                self.options.username = credentials.username;
                self.options.password = credentials.password;
                self.options.authenticator = None;
                self.link = Link::Opening {
                    deadline: now + self.options.connect_timeout,
                };
            }
            Err(why) => self.lost(Error::Credentials(why), now),
        }
    }

    /// Others were given meanwhile.
    pub(super) fn stop_preparing(&mut self) {
        if let Link::Preparing { deadline } = self.link {
            self.link = Link::Opening { deadline };
        }
    }
}
