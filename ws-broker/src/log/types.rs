/// What Mosquitto sorts its lines by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Error,
    Warning,
    Notice,
    Information,
    Subscribe,
    Unsubscribe,
    Debug,
}

impl Type {
    const ALL: [Self; 7] = [
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Information,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Debug,
    ];

    /// As `log_type` has it, and the target of the line's event.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Information => "information",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Debug => "debug",
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Where below `$SYS/broker/log` its lines are published. Those about
    /// packets are not: they would bring forth more of themselves.
    pub(super) const fn topic(self) -> Option<&'static str> {
        match self {
            Self::Error => Some("E"),
            Self::Warning => Some("W"),
            Self::Notice => Some("N"),
            Self::Information => Some("I"),
            Self::Subscribe => Some("M/subscribe"),
            Self::Unsubscribe => Some("M/unsubscribe"),
            Self::Debug => None,
        }
    }
}

/// Which lines are written: Mosquitto's `log_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTypes(u8);

impl LogTypes {
    /// No lines.
    pub const NONE: Self = Self(0);
    /// `log_type all`, and `-v`.
    pub const ALL: Self = Self(0b111_1111);
    /// What Mosquitto writes when nothing is said.
    pub const DEFAULT: Self = Self(0b000_1111);

    /// Adds the types that a `log_type` line names; false if there is no such
    /// type. Types that this broker has no lines of add nothing.
    pub fn add(&mut self, name: &str) -> bool {
        match name {
            "all" => self.0 = Self::ALL.0,
            "none" => self.0 = 0,
            "websockets" | "internal" => {}
            name => match Type::find(name) {
                Some(kind) => self.0 |= 1 << kind as u8,
                None => return false,
            },
        }
        true
    }

    pub(super) const fn has(self, kind: Type) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}
