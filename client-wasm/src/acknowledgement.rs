use codec::{Properties, ReasonCode};

use crate::{Error, Operation, reply};

/// The broker's consent: its reason code, and in MQTT 5.0 what it says besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// `Success`, or which one it is.
    pub reason: ReasonCode,
    /// A reason string and user properties, if it says any.
    pub properties: Properties,
}

/// What becomes of what was asked of the broker.
pub(crate) type Outcome = Result<Acknowledgement, Error>;
/// Whoever is to hear of it.
pub(crate) type Reply = reply::Sender<Outcome>;
/// Hears of it.
pub(crate) type Answer = reply::Receiver<Outcome>;

impl Acknowledgement {
    /// Without a word of the broker's.
    pub(crate) const SUCCESS: Self = Self {
        reason: ReasonCode::Success,
        properties: Properties::new(),
    };

    /// What an answer with this reason code comes to.
    pub(crate) fn of(operation: Operation, reason: ReasonCode, properties: &Properties) -> Outcome {
        if reason.is_failure() {
            Err(Error::refused(operation, reason, properties))
        } else {
            Ok(Self {
                reason,
                properties: properties.detached(),
            })
        }
    }
}
