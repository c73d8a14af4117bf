//! What the broker asks of names beyond the specification: of topics, filters,
//! users and clients.

use protocol::Violation;

/// Topic names and filters with more levels are refused, as Mosquitto does:
/// it bounds the depth of the topic trees.
pub(crate) const MAX_TOPIC_LEVELS: usize = 201;

/// Whether there is nothing in a name that a server may refuse (section
/// 1.5.4): control characters, and code points that are no characters.
/// Mosquitto takes neither.
pub(crate) fn is_plain(name: &str) -> bool {
    // Most are, and are seen to be at once.
    name.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        || !name.chars().any(|c| c.is_control() || is_noncharacter(c))
}

fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Checks a topic name or filter.
///
/// # Errors
/// It has too many levels, or is not [plain](is_plain).
pub(crate) fn check_topic(topic: &str) -> Result<(), Violation> {
    if topic.split('/').count() > MAX_TOPIC_LEVELS {
        Err(Violation::TooManyLevels)
    } else if !is_plain(topic) {
        Err(Violation::ControlCharacter)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_languages_are_plain_and_control_characters_are_not() {
        for name in [
            "",
            "Kitchen/Fridge",
            "Küche/Kühlschrank",
            "厨房",
            "🍓",
            "\u{fffd}",
        ] {
            assert!(is_plain(name), "{name:?}");
        }
        for name in [
            "\n",
            "a\u{1}",
            "\u{1f}",
            "\u{7f}",
            "é\u{9f}",
            "\u{fdd0}",
            "\u{ffff}",
            "\u{1fffe}",
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
    }

    #[test]
    fn levels_are_counted() {
        assert_eq!(check_topic(&"/".repeat(200)), Ok(()));
        assert_eq!(check_topic(&"/".repeat(201)), Err(Violation::TooManyLevels));
        assert_eq!(check_topic("a\nb"), Err(Violation::ControlCharacter));
    }
}
