use codec::TopicFilter;

/// Whether some topic name matches both filters.
pub(crate) fn overlap(one: &TopicFilter, other: &TopicFilter) -> bool {
    let (one, other) = (one.matched(), other.matched());
    // A wildcard at the front matches nothing that starts with $
    // [MQTT-4.7.2-1].
    let apart =
        |wild: &str, special: &str| wild.starts_with(['+', '#']) && special.starts_with('$');
    if apart(one, other) || apart(other, one) {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (None, None) | (Some("#"), _) | (_, Some("#")) => return true,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_overlap_when_a_topic_matches_both() {
        let filter = |text: &str| TopicFilter::new(text).unwrap();
        for (one, other, expected) in [
            ("a", "a", true),
            ("a", "b", false),
            ("a/b", "a/+", true),
            ("a/+/c", "+/b/+", true),
            ("a/+/c", "+/b/d", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "b/#", false),
            ("a/+", "a", false),
            ("a/b", "a/b/c", false),
            ("#", "a/+", true),
            ("#", "$SYS/a", false),
            ("+/a", "$SYS/a", false),
            ("$SYS/#", "$SYS/+", true),
            ("$share/g/a/+", "a/b", true),
            ("$share/g/a", "$share/h/b", false),
        ] {
            assert_eq!(
                overlap(&filter(one), &filter(other)),
                expected,
                "{one} {other}"
            );
            assert_eq!(
                overlap(&filter(other), &filter(one)),
                expected,
                "{other} {one}"
            );
        }
    }
}
