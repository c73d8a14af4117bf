use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use codec::ByteString;

/// Who connects: what [`crate::Options::credentials`] gives.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The user name.
    pub username: Option<ByteString>,
    /// The password, any bytes: a token, most often.
    pub password: Option<Bytes>,
}

impl Credentials {
    /// A user name and a password.
    pub fn new(username: impl Into<ByteString>, password: impl Into<Bytes>) -> Self {
        Self {
            username: Some(username.into()),
            password: Some(password.into()),
        }
    }
}

impl std::fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// What credentials come to.
pub(crate) type Refreshed = Result<Credentials, String>;

type Refreshing = Pin<Box<dyn Future<Output = Refreshed>>>;

/// Where credentials come from.
#[derive(Clone)]
pub(crate) struct Refresh(Rc<dyn Fn() -> Refreshing>);

impl Refresh {
    pub(crate) fn new<F>(refresh: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Refreshed> + 'static,
    {
        Self(Rc::new(move || Box::pin(refresh())))
    }

    /// Begins to ask for them.
    pub(crate) fn begin(&self) -> Refreshing {
        (self.0)()
    }
}
