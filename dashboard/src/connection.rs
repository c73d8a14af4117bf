//! The connection as a person sees it: short interruptions are not worth a
//! word, long ones are said plainly.

use crate::credentials::Proof;
use crate::time::Millis;

/// An interruption is shown after this many milliseconds.
pub const QUIET: f64 = 1_000.0;
/// After this many, the page calls itself offline.
pub const OFFLINE: f64 = 5_000.0;

/// Why there is no connection, where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It wants a user and a password, or other ones; and why, if it says so.
    Login(Option<String>),
    /// It takes the password only as it is, for anybody to read.
    Bare,
    /// Nobody answers there, or the network is down.
    Unreachable,
    /// The connection was there, and broke.
    Lost,
    /// The browser does not even try: a page from HTTPS may only use `wss`.
    Blocked,
    /// It speaks none of this page's versions of MQTT.
    Version,
    /// It does not like the client identifier.
    Identifier,
    /// It has shut this client out.
    Banned,
    /// It has too much to do, or does not serve just now.
    Busy,
    /// Another client came with the same client identifier.
    TakenOver,
    /// It sends this client to another broker, which it may name.
    Elsewhere(Option<String>),
    /// It could not prove that it knows the password.
    Impostor,
    /// Anything else.
    Other(Why),
}

/// Why something failed that seldom does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// As a reason code (section 2.4); none if the broker gave none.
    pub code: Option<u8>,
    /// In the broker's own words.
    pub words: Option<String>,
}

impl Refusal {
    /// Whether it says no more than that there is no connection.
    fn is_plain(&self) -> bool {
        matches!(self, Refusal::Unreachable | Refusal::Lost)
    }
}

/// What is known about the login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// The broker did not ask for one.
    #[default]
    NotAsked,
    /// It wants one.
    Asked,
    /// One was given; the answer is not there yet.
    Given,
    /// It was refused.
    Refused,
    /// The password would have to be sent for anybody to read.
    Bare,
}

/// What the client reports.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// An attempt begins.
    Connecting,
    /// CONNACK has come.
    Connected,
    /// The connection is gone, or did not come about.
    Disconnected {
        /// Why, where that is known.
        refusal: Option<Refusal>,
        /// Milliseconds until the next attempt, if there is one.
        retry_in: Option<f64>,
    },
    /// Who the page is for the broker, and how it has proved that.
    Admitted(Identity),
    /// The broker does not let this user read all topics.
    SubscribeRefused,
}

/// Who the page is for the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The client identifier.
    pub client_id: String,
    /// The user, if there was a login.
    pub user: Option<String>,
    /// How it was proved.
    pub proof: Proof,
    /// The page speaks MQTT 3.1.1, since the broker does not take 5.0.
    pub is_old: bool,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The first attempt.
    Connecting,
    /// Connected, or away for less than [`QUIET`].
    Connected,
    /// Away for a moment.
    Reconnecting,
    /// Away for longer than [`OFFLINE`].
    Offline,
    /// The broker wants a login.
    Refused,
}

/// The connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    up: bool,
    /// Since when it is up, or down.
    since: Millis,
    /// It was up at least once.
    ever: bool,
    login: Login,
    reason: Option<Refusal>,
    retry_at: Option<Millis>,
    identity: Option<Identity>,
    /// The broker does not let this user read all topics.
    pub read_refused: bool,
}

impl Connection {
    /// A page that was opened at `now`.
    #[must_use]
    pub fn new(now: Millis) -> Connection {
        Connection {
            up: false,
            since: now,
            ever: false,
            login: Login::NotAsked,
            reason: None,
            retry_at: None,
            identity: None,
            read_refused: false,
        }
    }

    /// Takes in what the client reports.
    pub fn receive(&mut self, event: &LinkEvent, now: Millis) {
        match event {
            LinkEvent::Connecting => self.retry_at = None,
            LinkEvent::Connected => {
                *self = Connection {
                    up: true,
                    ever: true,
                    ..Connection::new(now)
                };
            }
            LinkEvent::Disconnected { refusal, retry_in } => {
                if self.up {
                    (self.up, self.since) = (false, now);
                }
                self.login = match (refusal, self.login) {
                    (Some(Refusal::Bare), _) => Login::Bare,
                    (Some(Refusal::Login(_)), Login::Given | Login::Refused) => Login::Refused,
                    (Some(Refusal::Login(_)), _) | (_, Login::Given) => Login::Asked,
                    (_, login) => login,
                };
                self.reason = refusal.clone();
                self.identity = None;
                self.retry_at = retry_in.map(|ms| Millis(now.0 + ms));
            }
            LinkEvent::Admitted(identity) => self.identity = Some(identity.clone()),
            LinkEvent::SubscribeRefused => self.read_refused = true,
        }
    }

    /// What to show at `now`.
    #[must_use]
    pub fn shown(&self, now: Millis) -> Shown {
        match now.since(self.since) {
            _ if self.up => Shown::Connected,
            _ if self.login != Login::NotAsked => Shown::Refused,
            OFFLINE.. => Shown::Offline,
            _ if !self.ever => Shown::Connecting,
            QUIET.. => Shown::Reconnecting,
            _ => Shown::Connected,
        }
    }

    /// Whether a command can be sent.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether it ever was up.
    #[must_use]
    pub fn was_up(&self) -> bool {
        self.ever
    }

    /// Since when it is as it is: up, or down.
    #[must_use]
    pub fn since(&self) -> Millis {
        self.since
    }

    /// A login was given, with which the page connects anew.
    pub fn log_in(&mut self, now: Millis) {
        self.leave(now);
        self.login = Login::Given;
    }

    /// The page connects anew, as nobody.
    pub fn log_out(&mut self, now: Millis) {
        self.leave(now);
        self.login = Login::NotAsked;
    }

    fn leave(&mut self, now: Millis) {
        if self.up {
            (self.up, self.since) = (false, now);
        }
        self.identity = None;
        self.retry_at = None;
    }

    /// Who the page is for the broker, while there is a connection.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whether the page speaks MQTT 3.1.1, since the broker does not take 5.0.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.identity().is_some_and(|identity| identity.is_old)
    }

    /// What is known about the login.
    #[must_use]
    pub fn login(&self) -> Login {
        self.login
    }

    /// Why the login was refused, as the broker words it.
    #[must_use]
    pub fn login_reason(&self) -> Option<&str> {
        match &self.reason {
            Some(Refusal::Login(why)) => why.as_deref(),
            _ => None,
        }
    }

    /// Why there is no connection, where that is known.
    #[must_use]
    pub fn reason(&self) -> Option<&Refusal> {
        self.reason.as_ref()
    }

    /// The same, if it says more than that nobody answers.
    #[must_use]
    pub fn news(&self) -> Option<&Refusal> {
        self.reason().filter(|reason| !reason.is_plain())
    }

    /// Whole seconds until the next attempt.
    #[must_use]
    pub fn retry_in(&self, now: Millis) -> Option<u32> {
        self.retry_at
            .map(|at| (at.since(now) / 1000.0).ceil() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: LinkEvent = LinkEvent::Disconnected {
        refusal: None,
        retry_in: Some(1_500.0),
    };

    fn connected() -> Connection {
        let mut link = Connection::new(Millis(0.0));
        link.receive(&LinkEvent::Connected, Millis(100.0));
        link
    }

    #[test]
    fn the_first_attempt_is_no_interruption() {
        let mut link = Connection::new(Millis(0.0));
        assert_eq!(link.shown(Millis(0.0)), Shown::Connecting);
        link.receive(&LOST, Millis(2_000.0));
        assert_eq!(link.shown(Millis(3_000.0)), Shown::Connecting);
        assert_eq!(link.shown(Millis(5_000.0)), Shown::Offline);
        assert!(!link.was_up());
    }

    #[test]
    fn an_interruption_is_shown_after_a_second_and_called_offline_after_five() {
        let mut link = connected();
        link.receive(&LOST, Millis(10_000.0));
        assert!(!link.is_up(), "commands are refused at once");
        assert_eq!(link.shown(Millis(10_999.0)), Shown::Connected);
        assert_eq!(link.shown(Millis(11_000.0)), Shown::Reconnecting);
        link.receive(&LinkEvent::Connecting, Millis(11_500.0));
        link.receive(&LOST, Millis(12_000.0));
        assert_eq!(link.shown(Millis(15_000.0)), Shown::Offline);
        assert_eq!(
            link.since(),
            Millis(10_000.0),
            "since the first loss, not the last"
        );
        assert_eq!(link.retry_in(Millis(12_600.0)), Some(1));
        link.receive(&LinkEvent::Connected, Millis(16_000.0));
        assert_eq!(
            (link.shown(Millis(16_000.0)), link.since()),
            (Shown::Connected, Millis(16_000.0))
        );
    }

    fn refused(refusal: Refusal) -> LinkEvent {
        LinkEvent::Disconnected {
            refusal: Some(refusal),
            retry_in: None,
        }
    }

    #[test]
    fn a_login_is_asked_for_at_once_and_refused_only_after_one_was_given() {
        let mut link = Connection::new(Millis(0.0));
        link.receive(&refused(Refusal::Login(None)), Millis(50.0));
        link.receive(&refused(Refusal::Login(None)), Millis(60.0));
        assert_eq!(
            (link.shown(Millis(60.0)), link.login()),
            (Shown::Refused, Login::Asked)
        );
        link.log_in(Millis(65.0));
        link.receive(&LinkEvent::Connecting, Millis(70.0));
        assert_eq!(
            (link.shown(Millis(70.0)), link.login()),
            (Shown::Refused, Login::Given)
        );
        link.receive(&refused(Refusal::Login(None)), Millis(80.0));
        assert_eq!(link.login(), Login::Refused);
        link.log_in(Millis(85.0));
        link.receive(&LinkEvent::Connected, Millis(90.0));
        assert_eq!(
            (link.shown(Millis(90.0)), link.login()),
            (Shown::Connected, Login::NotAsked)
        );
    }

    #[test]
    fn other_reasons_are_told() {
        let mut link = Connection::new(Millis(0.0));
        let other = Refusal::Other(Why {
            code: Some(0x8b),
            ..Why::default()
        });
        link.receive(&refused(other.clone()), Millis(60.0));
        assert_eq!(
            (link.shown(Millis(6_000.0)), link.news()),
            (Shown::Offline, Some(&other))
        );
        link.receive(&refused(Refusal::Unreachable), Millis(7_000.0));
        assert_eq!(
            (link.news(), link.reason()),
            (None, Some(&Refusal::Unreachable)),
            "that nobody answers is said anyway"
        );
        link.receive(&LOST, Millis(8_000.0));
        assert_eq!(link.reason(), None);
    }

    #[test]
    fn what_may_not_be_read_is_remembered_until_the_next_connection() {
        let mut link = connected();
        link.receive(&LinkEvent::SubscribeRefused, Millis(200.0));
        assert!(link.read_refused);
        link.receive(&LinkEvent::Connected, Millis(300.0));
        assert!(!link.read_refused);
    }

    #[test]
    fn who_the_page_is_holds_as_long_as_the_connection() {
        let mut link = connected();
        let identity = Identity {
            client_id: "page-1".into(),
            user: Some("ada".into()),
            proof: Proof::Scram,
            is_old: false,
        };
        link.receive(&LinkEvent::Admitted(identity.clone()), Millis(100.0));
        assert_eq!(link.identity(), Some(&identity));
        link.log_out(Millis(500.0));
        assert_eq!((link.identity(), link.is_up()), (None, false));
        assert_eq!(link.since(), Millis(500.0));
        link.receive(&LinkEvent::Connected, Millis(600.0));
        link.receive(&LinkEvent::Admitted(identity), Millis(600.0));
        link.receive(&LOST, Millis(700.0));
        assert_eq!(link.identity(), None);
    }
}
