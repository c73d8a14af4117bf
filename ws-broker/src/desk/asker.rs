use codec::TopicName;

use super::{Code, Failure, ROOT};
use crate::access::{Access, Identity};
use crate::broker::Broker;
use crate::settings::Settings;

/// Who asks, and what may be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    /// The broker that is asked.
    pub broker: &'a Broker,
    /// What holds for the asker.
    pub settings: &'a Settings,
    /// Who it is.
    pub who: &'a Identity,
    /// Its own outbox.
    pub outbox: u64,
    /// How long an answer may be, bytes.
    pub limit: usize,
}

impl Asker<'_> {
    /// Whether the asker may do this there.
    pub(super) fn may(&self, topic: &TopicName, access: Access) -> bool {
        self.settings.allows(self.who, topic, access)
    }

    /// Whether the asker may see layouts.
    pub(super) fn may_read_layouts(&self) -> bool {
        let topic = TopicName::new(format!("{ROOT}/layout/home"));
        topic.is_ok_and(|topic| self.may(&topic, Access::Read))
    }

    /// Nothing, if the asker may ask this.
    ///
    /// # Errors
    /// The rules do not let it.
    pub(super) fn check(&self, name: &str) -> Result<(), Failure> {
        let topic = TopicName::new(format!("{ROOT}/request/{name}"));
        if topic.is_ok_and(|topic| self.settings.may_ask(self.who, &topic)) {
            return Ok(());
        }
        let text = format!("The acl_file has no \"topic write {ROOT}/request/{name}\" for you.");
        Err(Failure::new(Code::NotAllowed, text))
    }
}
