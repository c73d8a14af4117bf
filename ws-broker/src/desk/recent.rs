use codec::TopicName;
use serde::Deserialize;

use super::request::Answer;
use super::ring::Ring;
use super::{Asker, Code, Failure};
use crate::access::Access;

/// Topics in one request.
const MAX_TOPICS: usize = 256;
/// What an answer has beside topics.
const FRAME: usize = r#"{"topics":{},"left_out":[]}"#.len();

#[derive(Debug, Deserialize)]
pub(super) struct Question {
    topics: Vec<String>,
    #[serde(default)]
    since: u64,
}

/// The values of topics since the broker started, as they were sent.
pub(super) fn recent(asker: Asker<'_>, question: &Question) -> Answer {
    if question.topics.len() > MAX_TOPICS {
        let text = format!("At most {MAX_TOPICS} topics may be asked for at once.");
        return Err(Failure::new(Code::Malformed, text));
    }
    let mut topics = question.topics.clone();
    topics.sort_unstable();
    topics.dedup();
    let names: Vec<_> = topics.iter().map(|name| json(name)).collect();
    // Whatever is left out has room for its name.
    let mut reserved: usize = names.iter().map(|name| name.len() + 1).sum();
    let (mut told, mut left_out) = (Vec::new(), Vec::new());
    let mut is_full = false;
    for (topic, name) in topics.iter().zip(&names) {
        let of_name = name.len() + 1;
        let room = |told: &[u8], left_out: &[u8]| {
            let used = FRAME + told.len() + left_out.len() + reserved;
            asker.limit.saturating_sub(used)
        };
        let Some(ring) = find(asker, topic) else {
            reserved -= of_name;
            continue;
        };
        let room = room(&told, &left_out);
        let points = match is_full {
            true => None,
            // What alone is too long is cut.
            false if told.is_empty() => encode_newest(&ring, question.since, room),
            false => encode(&ring, question.since, 0, room),
        };
        reserved -= of_name;
        match points {
            Some(points) if points.is_empty() => {}
            Some(points) => {
                separate(&mut told);
                told.extend_from_slice(name);
                told.push(b':');
                told.push(b'[');
                told.extend_from_slice(&points);
                told.push(b']');
            }
            None => {
                is_full = true;
                separate(&mut left_out);
                left_out.extend_from_slice(name);
            }
        }
    }
    let mut answer = b"{\"topics\":{".to_vec();
    answer.extend_from_slice(&told);
    answer.push(b'}');
    if !left_out.is_empty() {
        answer.extend_from_slice(b",\"left_out\":[");
        answer.extend_from_slice(&left_out);
        answer.push(b']');
    }
    answer.push(b'}');
    Ok(answer)
}

fn find(asker: Asker<'_>, topic: &str) -> Option<Ring> {
    let topic = TopicName::new(topic).ok()?;
    let ring = asker.broker.router.recent().get(&topic)?;
    asker.may(&topic, Access::Read).then_some(ring)
}

/// All points that are not too old; fewer of the oldest, if there is no room
/// for all.
fn encode_newest(ring: &Ring, since: u64, room: usize) -> Option<Vec<u8>> {
    let mut skipped = 0;
    loop {
        match encode(ring, since, skipped, room) {
            None if skipped < ring.len() => skipped += (ring.len() - skipped).div_ceil(2),
            encoded => return encoded,
        }
    }
}

/// The points, separated by commas; `None` if there is no room for them.
fn encode(ring: &Ring, since: u64, skipped: usize, room: usize) -> Option<Vec<u8>> {
    const BRACKETS: usize = 8;
    let mut out = Vec::new();
    for (at, payload) in ring.points().skip(skipped).filter(|(at, _)| *at >= since) {
        let Ok(text) = std::str::from_utf8(payload) else {
            continue;
        };
        separate(&mut out);
        out.push(b'[');
        out.extend_from_slice(at.to_string().as_bytes());
        out.push(b',');
        out.extend_from_slice(&json(text));
        out.push(b']');
        if out.len() + BRACKETS > room {
            return None;
        }
    }
    Some(out)
}

fn separate(list: &mut Vec<u8>) {
    if !list.is_empty() {
        list.push(b',');
    }
}

/// A string as JSON.
fn json(text: &str) -> Vec<u8> {
    // A string cannot fail.
    serde_json::to_vec(text).unwrap_or_default()
}
