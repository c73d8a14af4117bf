use codec::{Properties, PropertyId, Publish, TopicName};

use crate::Violation;

/// The aliases that the other end has set (section 3.3.2.3.4).
#[derive(Debug, Default)]
pub(crate) struct InboundAliases(Vec<Option<TopicName>>);

impl InboundAliases {
    /// Puts the topic in place of its alias, or remembers the pair. `maximum`
    /// is what this end accepts.
    pub(crate) fn resolve(&mut self, publish: &mut Publish, maximum: u16) -> Result<(), Violation> {
        let Some(alias) = publish.properties.topic_alias() else {
            return if publish.topic.is_alias() {
                Err(Violation::TopicAlias)
            } else {
                Ok(())
            };
        };
        if alias == 0 || alias > maximum {
            return Err(Violation::TopicAlias);
        }
        publish.properties.remove(PropertyId::TopicAlias);
        let at = usize::from(alias) - 1;
        if publish.topic.is_alias() {
            let topic = self.0.get(at).cloned().flatten();
            publish.topic = topic.ok_or(Violation::TopicAlias)?;
        } else {
            if self.0.len() <= at {
                self.0.resize(at + 1, None);
            }
            // Some clients send the topic with its alias each time.
            if self.0[at].as_ref() != Some(&publish.topic) {
                let topic = TopicName::new(&*publish.topic).map_err(|_| Violation::TopicAlias)?;
                self.0[at] = Some(topic);
            }
        }
        Ok(())
    }
}

/// The aliases that this end has set: the first topics that are published get
/// them, for as long as the connection lasts. The other end chooses how many
/// it accepts, and perhaps the topics, but not how much this end remembers.
#[derive(Debug)]
pub(crate) struct OutboundAliases {
    maximum: u16,
    /// By the topics' lengths, then in the order of their bytes: so few are
    /// found as fast as by a hash, and in less code.
    aliases: Vec<(TopicName, u16)>,
    /// Bytes of all topics that have an alias.
    bytes: usize,
}

const MAX_ALIASES: u16 = 256;
const MAX_BYTES: usize = 16 * 1024;

impl OutboundAliases {
    pub(crate) fn new(maximum: u16) -> Self {
        Self {
            maximum: maximum.min(MAX_ALIASES),
            aliases: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) const fn is_enabled(&self) -> bool {
        self.maximum > 0
    }

    /// Adds the alias property for `topic` if it has or can get one; gives the
    /// topic to send, which is empty when the other end knows the alias.
    pub(crate) fn apply<'t>(
        &mut self,
        topic: &'t TopicName,
        properties: &mut Properties,
    ) -> &'t str {
        let order = |(known, _): &(TopicName, u16)| {
            let lengths = known.len().cmp(&topic.len());
            lengths.then_with(|| known.as_bytes().cmp(topic.as_bytes()))
        };
        let place = match self.aliases.binary_search_by(order) {
            Ok(at) => {
                properties.push(codec::Property::TopicAlias(self.aliases[at].1));
                return "";
            }
            Err(place) => place,
        };
        if self.aliases.len() < usize::from(self.maximum)
            && self.bytes + topic.len() <= MAX_BYTES
            && let Ok(copy) = TopicName::new(&**topic)
        {
            let alias = self.aliases.len() as u16 + 1;
            self.bytes += copy.len();
            self.aliases.insert(place, (copy, alias));
            properties.push(codec::Property::TopicAlias(alias));
        }
        topic
    }
}
