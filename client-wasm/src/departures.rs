//! Filters that nobody wants any more, until the broker has agreed.

use codec::{Properties, TopicFilter};

use crate::acknowledgement::{Outcome, Reply};

#[derive(Debug, Default)]
pub(crate) struct Departures(Vec<Departure>);

#[derive(Debug)]
pub(crate) struct Departure {
    filter: TopicFilter,
    /// User properties of its UNSUBSCRIBE.
    properties: Properties,
    /// The token of the UNSUBSCRIBE that was sent.
    sent: Option<u64>,
    gone: Option<Reply>,
}

impl Departure {
    pub(crate) fn is(&self, filter: &TopicFilter) -> bool {
        self.filter == *filter
    }

    pub(crate) fn is_unsent(&self) -> bool {
        self.sent.is_none()
    }

    pub(crate) fn was_sent(&self, token: u64) -> bool {
        self.sent == Some(token)
    }
}

impl Departures {
    pub(crate) fn add(&mut self, filter: TopicFilter, properties: Properties, gone: Option<Reply>) {
        self.0.push(Departure {
            filter,
            properties,
            sent: None,
            gone,
        });
    }

    /// What is to be asked for: one filter with properties, or any number
    /// without.
    pub(crate) fn unsent(&self) -> Vec<(Properties, Vec<TopicFilter>)> {
        let mut requests: Vec<(Properties, Vec<TopicFilter>)> = Vec::new();
        for departure in self.0.iter().filter(|departure| departure.is_unsent()) {
            let properties = departure.properties.clone();
            let filter = departure.filter.clone();
            match requests.iter_mut().find(|(p, _)| p.is_empty()) {
                Some((_, filters)) if properties.is_empty() => filters.push(filter),
                _ => requests.push((properties, vec![filter])),
            }
        }
        requests
    }

    /// An UNSUBSCRIBE with these filters was sent.
    pub(crate) fn sent(&mut self, token: u64, filters: &[TopicFilter]) {
        for departure in &mut self.0 {
            if departure.is_unsent() && filters.contains(&departure.filter) {
                departure.sent = Some(token);
            }
        }
    }

    /// The connection is gone, and no answer will come.
    pub(crate) fn disconnected(&mut self) {
        for departure in &mut self.0 {
            departure.sent = None;
        }
    }

    /// Forgets those that `which` picks, and tells whoever waits for them.
    pub(crate) fn settle(&mut self, which: &dyn Fn(&Departure) -> bool, outcome: &Outcome) {
        self.0.retain_mut(|departure| {
            let is_over = which(departure);
            if is_over && let Some(gone) = departure.gone.take() {
                gone.send(outcome.clone());
            }
            !is_over
        });
    }
}
