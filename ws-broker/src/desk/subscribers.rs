use std::collections::BTreeMap;

use codec::TopicName;
use serde::{Deserialize, Serialize};

use super::{Asker, Code, Failure};
use crate::access::Access;

/// Topics in one request.
const MAX_TOPICS: usize = 512;
/// Subscriptions that are looked at for one topic: as many stand for more.
const MAX_OF_TOPIC: usize = 256;
/// Subscriptions that are looked at for one request.
const MAX_IN_ALL: usize = 4 << 10;

#[derive(Debug, Deserialize)]
pub(super) struct Question {
    topics: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Found {
    topics: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
}

/// How many sessions other than the asker's have a subscription that is meant
/// for a topic: one that begins with a wildcard is a monitor's.
pub(super) fn subscribers(asker: Asker<'_>, question: &Question) -> Result<Found, Failure> {
    if question.topics.len() > MAX_TOPICS {
        let text = format!("At most {MAX_TOPICS} topics may be asked for at once.");
        return Err(Failure::new(Code::Malformed, text));
    }
    let mut found = Found {
        topics: BTreeMap::new(),
        left_out: Vec::new(),
    };
    let mut left = MAX_IN_ALL;
    let mut sessions = Vec::new();
    for name in &question.topics {
        let Ok(topic) = TopicName::new(name.as_str()) else {
            continue;
        };
        if found.topics.contains_key(name)
            || !(asker.may(&topic, Access::Read) || asker.may(&topic, Access::Write))
        {
            continue;
        }
        if left == 0 {
            found.left_out.push(name.clone());
            continue;
        }
        let most = MAX_OF_TOPIC.min(left);
        sessions.clear();
        let seen = asker.broker.router.meant_for(&topic, most, |subscriber| {
            let outbox = &subscriber.outbox;
            let reads = asker
                .settings
                .allows(outbox.identity(), &topic, Access::Read);
            if outbox.id() != asker.outbox && reads {
                sessions.push(outbox.id());
            }
        });
        left -= seen;
        if seen == most && most < MAX_OF_TOPIC {
            found.left_out.push(name.clone());
            continue;
        }
        sessions.sort_unstable();
        sessions.dedup();
        found.topics.insert(name.clone(), sessions.len());
    }
    Ok(found)
}
