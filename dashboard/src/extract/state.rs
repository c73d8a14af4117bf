//! The usual wordings of on and off.

use super::pairs;

/// Which pair of words says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// `ON`/`OFF`, `Turn On`/`Turn Off`, `true`/`false`.
    OnOff,
    /// `open`/`closed`.
    OpenClosed,
    /// `online`/`offline`, as a device's will says it.
    OnlineOffline,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// On, open, online.
    pub on: bool,
    /// Which pair of words says it.
    pub words: Words,
}

impl State {
    /// Reads one word or two, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<State> {
        const WORDS: [(&str, bool, Words); 11] = [
            ("turn on", true, Words::OnOff),
            ("turn off", false, Words::OnOff),
            ("on", true, Words::OnOff),
            ("off", false, Words::OnOff),
            ("true", true, Words::OnOff),
            ("false", false, Words::OnOff),
            ("open", true, Words::OpenClosed),
            ("closed", false, Words::OpenClosed),
            ("close", false, Words::OpenClosed),
            ("online", true, Words::OnlineOffline),
            ("offline", false, Words::OnlineOffline),
        ];
        let (_, on, words) = *WORDS
            .iter()
            .find(|(word, ..)| word.eq_ignore_ascii_case(text.trim()))?;
        Some(State { on, words })
    }
}

/// Reads a state that stands alone or behind a key: `ON`, `State:ON`.
pub(super) fn parse(text: &str) -> Option<(Option<String>, State)> {
    if let Some(state) = State::parse(text) {
        return Some((None, state));
    }
    let (key, value) = pairs::split(text)?;
    State::parse(value).map(|state| (Some(key.to_owned()), state))
}
