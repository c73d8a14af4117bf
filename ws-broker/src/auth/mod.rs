//! Who a client is: user names and passwords, and SCRAM-SHA-256.
//!
//! A password is checked on a thread of its own, since that takes long on
//! purpose, and few at a time, so that a crowd of clients that come back at
//! once leaves the machine to those who are there.

mod exchange;
mod guard;
pub mod passwd;
mod password;
mod users;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codec::ByteString;
use tokio::sync::Semaphore;

use crate::broker::Broker;
use crate::listener::Address;
use crate::log::warning;
use guard::{Guard, Report};

pub(crate) use exchange::{Exchange, Step};
pub use users::PasswordFileError;
pub(crate) use users::Users;
use users::Verdict;

/// What is known of those who pretend to be a user.
#[derive(Debug)]
pub(crate) struct Auth {
    guard: Guard,
    /// Passwords that may be checked at the same time.
    permits: Arc<Semaphore>,
}

/// How a login ends: what the client is to be sent with CONNACK, or why it is
/// refused.
pub(crate) type Outcome = Result<Option<Bytes>, String>;

/// A login that takes its time.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Default for Auth {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            guard: Guard::default(),
            permits: Arc::new(Semaphore::new(cores.div_ceil(2))),
        }
    }
}

/// Somebody who wants to be believed.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    broker: Arc<Broker>,
    address: Address,
    user: ByteString,
}

impl Attempt {
    /// From `address`.
    pub(crate) fn new(broker: &Arc<Broker>, address: &Address, user: ByteString) -> Self {
        Self {
            broker: broker.clone(),
            address: address.clone(),
            user,
        }
    }

    /// Checks a password.
    pub(crate) fn check(self, users: Arc<Users>, password: Option<Bytes>) -> Pending {
        Box::pin(async move {
            self.wait().await?;
            // As in Mosquitto, an empty one is none.
            let Some(password) = password.filter(|password| !password.is_empty()) else {
                return self.fail("it has no password".into()).await;
            };
            let permit = self.broker.auth.permits.clone().acquire_owned().await;
            let user = self.user.clone();
            let checked = tokio::task::spawn_blocking(move || {
                // Whoever does not wait for the outcome still takes the time.
                let _permit = permit;
                users.check(&user, &password)
            });
            match checked.await {
                Ok(Verdict::Right) => self.succeed(None),
                Ok(Verdict::Wrong) => self.fail("its password is wrong".into()).await,
                Ok(Verdict::NoUser) => self.fail("there is no such user".into()).await,
                Err(error) => Err(format!("its password cannot be checked: {error}")),
            }
        })
    }

    /// Ends an exchange.
    pub(crate) fn finish(self, outcome: Result<Vec<u8>, String>) -> Pending {
        Box::pin(async move {
            self.wait().await?;
            match outcome {
                Ok(data) => self.succeed(Some(data.into())),
                Err(why) => self.fail(why).await,
            }
        })
    }

    async fn wait(&self) -> Result<(), String> {
        let now = self.broker.clock.now();
        let wait = self
            .broker
            .auth
            .guard
            .wait(self.address.ip(), &self.user, now);
        pause(wait.unwrap_or_else(|longest| longest)).await;
        match wait {
            Ok(_) => Ok(()),
            Err(_) => Err("too many logins of this user fail from this address".into()),
        }
    }

    fn succeed(&self, data: Option<Bytes>) -> Outcome {
        self.broker
            .auth
            .guard
            .succeeded(self.address.ip(), &self.user);
        Ok(data)
    }

    async fn fail(&self, why: String) -> Outcome {
        pause(self.count_failure(&why)).await;
        Err(why)
    }

    /// Counts a failure that is answered at once.
    pub(crate) fn count_failure(&self, why: &str) -> Duration {
        let now = self.broker.clock.now();
        let failure = self
            .broker
            .auth
            .guard
            .failed(self.address.ip(), &self.user, now);
        let Self { address, user, .. } = self;
        match failure.report {
            Some(Report::Both(failures)) => warning!(
                "Warning: {failures} logins as {user} from {address} have failed, the last \
                 because {why}; further ones have to wait."
            ),
            Some(Report::Address(failures)) => warning!(
                "Warning: {failures} logins from {address} have failed, the last as {user} \
                 because {why}; answers to wrong ones have to wait."
            ),
            Some(Report::User(failures)) => warning!(
                "Warning: {failures} logins as {user} have failed, the last from {address} \
                 because {why}; answers to wrong ones have to wait."
            ),
            None => {}
        }
        failure.delay
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
