//! Publications as the browser keeps them while the page is loaded again.

use std::rc::Rc;

use super::{Draft, EXTRAS, MAX_RECENT, Outcome, Publication, Publications};
use crate::json::Json;
use crate::time::Millis;

/// Characters that are kept of one publication, and of all: a browser has 5 MB
/// for everything that pages of this broker keep.
const MAX_ONE: usize = 16 << 10;
const MAX_ALL: usize = 64 << 10;

impl Publications {
    /// The latest ones, as JSON. What is too large for the browser is left out.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut left = MAX_ALL;
        let texts = self.recent.iter().map(|one| json(one).to_string());
        let texts: Vec<String> = texts
            .filter(|text| text.len() <= MAX_ONE)
            .take_while(|text| {
                let fits = text.len() <= left;
                left = left.saturating_sub(text.len());
                fits
            })
            .collect();
        ["[", &texts.join(","), "]"].concat()
    }

    /// Those that were kept, `offset` minutes ahead of UTC; what cannot be read
    /// is left out.
    #[must_use]
    pub fn from_text(text: &str, offset: i32) -> Publications {
        let json = Json::parse(text).unwrap_or(Json::Null);
        let kept = json.items().iter().take(MAX_RECENT).enumerate();
        let kept = kept.filter_map(|(at, one)| {
            // Those of this page count from 0.
            publication(u32::MAX - at as u32, one, offset)
        });
        Publications {
            recent: kept.collect(),
        }
    }
}

fn json(one: &Publication) -> Json {
    let draft = &*one.draft;
    let extras = EXTRAS.iter().filter_map(|(extra, name)| {
        let text = draft.get(*extra);
        (!text.is_empty()).then(|| (*name, text.into()))
    });
    Json::map([
        ("at", one.at.0.into()),
        ("topic", (&*draft.topic).into()),
        ("payload", (&*draft.payload).into()),
        ("qos", f64::from(draft.qos).into()),
        ("retain", Json::Bool(draft.retain)),
        ("extras", Json::map(extras)),
    ])
}

fn publication(number: u32, json: &Json, offset: i32) -> Option<Publication> {
    let text = |name| Some(json.get(name)?.text()?.to_owned());
    let at = Millis(json.get("at")?.number()?);
    let mut draft = Draft {
        topic: text("topic")?,
        payload: text("payload")?,
        qos: json.get("qos")?.number()?.clamp(0.0, 2.0) as u8,
        retain: json.get("retain")?.is_true(),
        ..Draft::default()
    };
    for (extra, name) in EXTRAS {
        let said = json.get("extras").and_then(|extras| extras.get(name));
        if let Some(said) = said.and_then(Json::text) {
            draft.set(extra, said.to_owned());
        }
    }
    Some(Publication {
        number,
        at,
        clock: [at.date(offset), at.clock(offset)].join(" "),
        draft: Rc::new(draft),
        outcome: Outcome::Earlier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publishing::Extra;

    fn sent(payloads: impl IntoIterator<Item = String>) -> Publications {
        let mut publications = Publications::default();
        for (number, payload) in (0..).zip(payloads) {
            let mut draft = Draft {
                topic: "a/\"b\"".into(),
                payload,
                qos: 2,
                retain: true,
                ..Draft::default()
            };
            draft.set(Extra::Expiry, "60".into());
            draft.set(Extra::User, "room: kitchen\nby: ada".into());
            let at = Millis(86_400_000.0 + f64::from(number) * 1000.0);
            publications.begin(number, Rc::new(draft), at, 0);
        }
        publications
    }

    #[test]
    fn what_is_kept_can_be_sent_again_and_says_when_it_was_sent() {
        let before = sent(["1".into(), "{\"x\":\n\"é\u{1}\"}".into()]);
        let after = Publications::from_text(&before.to_text(), 0);
        let drafts = |of: &Publications| of.iter().map(|one| one.draft.clone()).collect::<Vec<_>>();
        assert_eq!(drafts(&before), drafts(&after));
        let told = after.iter().map(|one| (&*one.clock, &one.outcome));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("2 Jan 00:00:01", &Outcome::Earlier),
                ("2 Jan 00:00:00", &Outcome::Earlier)
            ]
        );
        assert_eq!(after.to_text(), before.to_text(), "and again");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_latest() {
        let large = |len: usize| "x".repeat(len);
        let all = sent((0..20).map(|at| large(10_000 + at)));
        assert!(all.to_text().len() <= MAX_ALL + MAX_RECENT);
        let kept = Publications::from_text(&all.to_text(), 0);
        let lens: Vec<usize> = kept.iter().map(|one| one.draft.payload.len()).collect();
        assert_eq!(lens, [10_019, 10_018, 10_017, 10_016, 10_015, 10_014]);
        let one = sent([large(3), large(MAX_ONE)]);
        let kept = Publications::from_text(&one.to_text(), 0);
        assert_eq!(kept.iter().count(), 1, "the one that is too large is not");
    }

    #[test]
    fn what_is_none_of_ours_is_left_out() {
        for text in ["", "{}", "[1]", "[{\"topic\":\"a\"}]", "[{\"at\":1e999}]"] {
            let kept = Publications::from_text(text, 0);
            assert_eq!(kept, Publications::default(), "{text}");
        }
    }
}
