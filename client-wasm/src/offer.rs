use codec::{Properties, ProtocolVersion, ReasonCode, TopicFilter};

/// What CONNACK says about subscriptions (sections 3.2.2.3.11 to .13).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offer {
    pub(crate) has_identifiers: bool,
    has_wildcards: bool,
    has_shares: bool,
}

impl Offer {
    /// Of a broker that has accepted; before 5.0 it does not say.
    pub(crate) fn new(version: ProtocolVersion, properties: &Properties) -> Self {
        Self {
            has_identifiers: version.is_v5()
                && properties.subscription_identifier_available() != Some(false),
            has_wildcards: properties.wildcard_subscription_available() != Some(false),
            has_shares: properties.shared_subscription_available() != Some(false),
        }
    }

    /// Why the broker would not take a subscription to `filter`.
    pub(crate) fn objection(self, filter: &TopicFilter) -> Option<ReasonCode> {
        if filter.share_name().is_some() && !self.has_shares {
            Some(ReasonCode::SharedSubscriptionsNotSupported)
        } else if filter.matched().contains(['+', '#']) && !self.has_wildcards {
            Some(ReasonCode::WildcardSubscriptionsNotSupported)
        } else {
            None
        }
    }
}
