//! What may change while the broker runs: its configuration is read again
//! when somebody asks for it.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use codec::{ProtocolVersion, TopicFilter, TopicName};
use protocol::scram;

use crate::access::{Access, Acl, Identity};
use crate::auth::{PasswordFileError, Users};
use crate::bridge;
use crate::certificate;
use crate::config::{Config, Security};
use crate::desk;
use crate::listener::{KeyLogFile, Tls};
use crate::router::Retained;

/// What holds now.
///
/// Whoever needs it often keeps what [`Live::get`] gave, and gets it anew when
/// it is told to: nothing that is done for every packet takes the lock.
#[derive(Debug)]
pub(crate) struct Live(RwLock<Arc<Settings>>);

/// The configuration and what it names, at one time.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The configuration.
    pub config: Config,
    /// The rules for all listeners without their own.
    all: Rules,
    /// Those of each listener that has its own.
    own: Vec<Option<Rules>>,
    /// The TLS of each listener that has it.
    tls: Vec<Option<Arc<Tls>>>,
    /// What browsers get that ask for the authority.
    pub http_ca: Option<Bytes>,
}

/// Why what a configuration names cannot be used; displays as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A password file.
    #[error(transparent)]
    Passwords(#[from] PasswordFileError),
    /// A certificate, its key or another file of TLS.
    #[error("{0}")]
    Tls(String),
}

/// Who may come in, and what they may do.
#[derive(Debug)]
pub(crate) struct Rules {
    /// As configured.
    pub security: Security,
    /// The users; none without a `password_file`.
    pub users: Option<Arc<Users>>,
}

impl Live {
    /// These settings to begin with.
    pub(crate) fn new(settings: Settings) -> Self {
        Self(RwLock::new(Arc::new(settings)))
    }

    /// What holds now.
    pub(crate) fn get(&self) -> Arc<Settings> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From here on other settings hold.
    pub(crate) fn set(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }
}

impl Settings {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// A file of passwords or of TLS cannot be used.
    pub(crate) fn read(config: Config) -> Result<Self, SettingsError> {
        let tls = read_tls(&config).map_err(SettingsError::Tls)?;
        bridge::check(&config.bridges).map_err(SettingsError::Tls)?;
        let http_ca = config.http_cafile.as_deref().map(certificate::read_public);
        let own = config.listeners.iter();
        let own = own.map(|listener| listener.security.as_ref().map(Rules::read).transpose());
        Ok(Self {
            all: Rules::read(&config.security)?,
            own: own.collect::<Result<_, _>>()?,
            tls,
            http_ca: http_ca.transpose().map_err(SettingsError::Tls)?,
            config,
        })
    }

    /// What [`Identity::rules`] is for clients of a listener, counted from 1:
    /// the same for all that have no rules of their own, so that their clients
    /// are the same users.
    pub(crate) fn number(&self, listener: u16) -> u16 {
        let own = listener
            .checked_sub(1)
            .and_then(|place| self.own.get(usize::from(place)));
        own.and_then(Option::as_ref).map_or(0, |_| listener)
    }

    /// The rules for clients of a listener, by [`Identity::rules`].
    pub(crate) fn rules(&self, number: u16) -> &Rules {
        let own = number
            .checked_sub(1)
            .and_then(|place| self.own.get(usize::from(place)));
        own.and_then(Option::as_ref).unwrap_or(&self.all)
    }

    /// The versions that a listener's clients may speak; `None` for all.
    pub(crate) fn versions(&self, number: u16) -> Option<&[ProtocolVersion]> {
        let place = number.checked_sub(1)?;
        let listener = self.config.listeners.get(usize::from(place))?;
        listener.versions.as_deref()
    }

    /// The TLS of a listener, which are counted from 1.
    pub(crate) fn tls(&self, number: u16) -> Option<&Arc<Tls>> {
        let place = usize::from(number).checked_sub(1)?;
        self.tls.get(place)?.as_ref()
    }

    /// All there is of TLS.
    pub(crate) fn all_tls(&self) -> impl Iterator<Item = &Arc<Tls>> {
        self.tls.iter().flatten()
    }

    /// Whether a client may read or write there.
    pub(crate) fn allows(&self, who: &Identity, topic: &TopicName, access: Access) -> bool {
        // What is below $SYS and $dashboard is the broker's own, and must be
        // true; $share/ is there for filters, as in Mosquitto.
        if topic.starts_with("$SYS") && access == Access::Write {
            return who.may_publish_sys(topic);
        }
        if desk::owns(topic) && access == Access::Write || topic.starts_with("$share/") {
            return false;
        }
        who.is_bridge()
            || access == Access::Read && desk::is_answer(topic)
            || self.acl(who).allows(who, topic, access)
    }

    /// Whether a client may ask the desk what has this topic.
    pub(crate) fn may_ask(&self, who: &Identity, topic: &TopicName) -> bool {
        self.acl(who).allows(who, topic, Access::Write)
    }

    fn acl(&self, who: &Identity) -> &Acl {
        &self.rules(who.rules).security.acl
    }

    /// Whether a rule denies a client all of a subscription, as far as that is
    /// easily told.
    pub(crate) fn denies_all(&self, who: &Identity, filter: &TopicFilter) -> bool {
        !desk::is_answer(filter.matched()) && self.acl(who).denies_all(who, filter)
    }

    /// Whether there is anything for a client in a subscription, as far as that
    /// is easily told.
    pub(crate) fn may_get_something(&self, who: &Identity, filter: &TopicFilter) -> bool {
        desk::is_answer(filter.matched()) || self.acl(who).may_get_something(who, filter)
    }

    /// Who publishes a message that is retained, if that is to be known later.
    pub(crate) fn source<'a>(&self, who: &'a Identity) -> Option<&'a Identity> {
        let has_rules = self.rules(who.rules).security.acl.is_active();
        (has_rules && self.config.check_retain_source).then_some(who)
    }

    /// Whether who has published a retained message may still do so, as
    /// `check_retain_source` asks; nobody is asked where it is not known.
    pub(crate) fn trusts(&self, retained: &Retained) -> bool {
        let topic = &retained.message.topic;
        let source = retained.source.as_ref();
        !self.config.check_retain_source
            || source.is_none_or(|source| self.allows(source, topic, Access::Write))
    }

    /// What is odd about the configuration and the files that it names.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let rules = std::iter::once(&self.all).chain(self.own.iter().flatten());
        let of_files = rules.flat_map(|rules| {
            let users = rules.users.iter().flat_map(|users| &users.warnings);
            users.chain(&rules.security.acl.warnings)
        });
        let known = self.config.warnings.iter().chain(of_files);
        let of_tls = self.all_tls().flat_map(|tls| tls.warnings());
        known.map(Cow::from).chain(of_tls.map(Cow::from))
    }
}

fn read_tls(config: &Config) -> Result<Vec<Option<Arc<Tls>>>, String> {
    let key_log = match &config.tls_keylog {
        None => None,
        Some(file) => match KeyLogFile::open(file) {
            Ok(key_log) => Some(Arc::new(key_log)),
            Err(error) => {
                return Err(format!(
                    "cannot write tls_keylog {}: {error}",
                    file.display()
                ));
            }
        },
    };
    let listeners = config.listeners.iter();
    let tls = listeners.map(|listener| Tls::read(listener, key_log.as_ref()));
    tls.map(|tls| Ok(tls?.map(Arc::new))).collect()
}

impl Rules {
    fn read(security: &Security) -> Result<Self, PasswordFileError> {
        let users = security.password_file.as_deref().map(Users::read);
        Ok(Self {
            users: users.transpose()?.map(Arc::new),
            security: security.clone(),
        })
    }

    /// Whether a client can authenticate with this method.
    pub(crate) fn offers(&self, method: &str) -> bool {
        let users = self.users.as_ref();
        method == scram::METHOD && users.is_some_and(|users| users.has_scram())
    }

    /// Whether a client that has come in by the rules of `before` may stay;
    /// an error says why not. Passwords are not kept, so one whose hash in the
    /// file is another has to be shown again.
    pub(crate) fn still_admit(
        &self,
        before: &Self,
        user: Option<&str>,
        allow_anonymous: bool,
    ) -> Result<(), &'static str> {
        match (&self.users, user) {
            (Some(users), Some(user)) => {
                let then = before.users.as_ref().map(|users| users.stored(user));
                match (users.stored(user), then) {
                    (None, _) => Err("there is no such user any more"),
                    (Some(_), None) => Err("it has shown no password, and one is wanted now"),
                    (now, Some(then)) if now == then => Ok(()),
                    (Some(_), Some(_)) => Err("its password has changed"),
                }
            }
            (None, Some(_)) if !allow_anonymous => {
                Err("there is no password_file any more, and anonymous clients are not allowed")
            }
            (_, None) if !allow_anonymous => Err("anonymous clients are not allowed any more"),
            _ => Ok(()),
        }
    }
}
