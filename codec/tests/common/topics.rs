//! What must hold for any two texts as topic filter and topic name, checked
//! against section 4.7 as it reads. The fuzz target uses this file too.

use codec::{MAX_TOPIC_LENGTH, TopicFilter, TopicName};

/// The first byte of `input` says which levels become wildcards, the rest is a
/// filter, a line feed and a name.
pub(crate) fn any_texts(input: &[u8]) {
    let Some((&choice, texts)) = input.split_first() else {
        return;
    };
    let Ok(texts) = std::str::from_utf8(texts) else {
        return;
    };
    let (filter, name) = texts.split_once('\n').unwrap_or((texts, texts));
    check(filter, name);
    widened(choice, name);
}

fn check(filter: &str, name: &str) {
    let parsed_name = TopicName::new(name);
    assert_eq!(parsed_name.is_ok(), is_name(name), "{name:?}");
    if let Err(error) = &parsed_name {
        let _ = error.to_string();
    }
    let parsed = TopicFilter::new(filter);
    assert_eq!(parsed.is_ok(), is_filter(filter), "{filter:?}");
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return drop(error.to_string()),
    };
    assert_eq!(parsed.as_str(), filter);
    let (group, matched) = share(filter);
    assert_eq!(parsed.share_name(), group);
    assert_eq!(parsed.matched(), matched);
    assert_eq!(parsed.has_wildcard(), TopicName::new(matched).is_err());
    if group.is_none() {
        let text = format!("$share/group/{filter}");
        let shared = TopicFilter::new(text.as_str());
        assert_eq!(shared.is_ok(), text.len() <= MAX_TOPIC_LENGTH);
        assert!(shared.is_err() || shared.unwrap().matched() == filter);
    }
    if let Ok(name) = parsed_name {
        let expected = is_match(matched, &name);
        assert_eq!(parsed.matches(&name), expected, "{filter:?} {name:?}");
    }
}

/// A name is matched by itself and by what becomes of it when levels are
/// replaced with wildcards; but not at the start of `$SYS` and its like.
fn widened(choice: u8, name: &str) {
    let Ok(parsed) = TopicName::new(name) else {
        return;
    };
    let mut levels: Vec<_> = name.split('/').collect();
    let pluses = choice & 0x0f;
    for (at, level) in levels.iter_mut().enumerate().take(4) {
        if pluses >> at & 1 == 1 {
            *level = "+";
        }
    }
    // From this level on, or from one after the last.
    let rest = usize::from(choice >> 4);
    if rest <= levels.len() {
        levels.truncate(rest);
        levels.push("#");
    }
    let hides = name.starts_with('$') && matches!(levels[0], "+" | "#");
    let filter = levels.join("/");
    // As a filter, a name that starts with `$share/` is another's.
    for filter in [&filter, &format!("$share/group/{filter}")] {
        if filter.starts_with("$share/") && *filter == levels.join("/") {
            continue;
        }
        let filter = TopicFilter::new(filter.as_str()).unwrap();
        assert_eq!(filter.matches(&parsed), !hides, "{filter:?} {name:?}");
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_TOPIC_LENGTH).contains(&name.len()) && !name.contains(['+', '#', '\0'])
}

fn is_filter(filter: &str) -> bool {
    if filter.len() > MAX_TOPIC_LENGTH || filter.contains('\0') {
        return false;
    }
    let (group, matched) = share(filter);
    let is_group = |group: &str| !group.is_empty() && !group.contains(['+', '#']);
    if !group.is_none_or(is_group) || matched.is_empty() {
        return false;
    }
    let last = matched.split('/').count() - 1;
    matched.split('/').enumerate().all(|(at, level)| {
        let is_alone = level == "+" || level == "#" && at == last;
        is_alone || !level.contains(['+', '#'])
    })
}

/// The group, and what names are matched with.
fn share(filter: &str) -> (Option<&str>, &str) {
    let levels: Vec<_> = filter.splitn(3, '/').collect();
    match levels[..] {
        ["$share", group, matched] => (Some(group), matched),
        ["$share", group] => (Some(group), ""),
        _ => (None, filter),
    }
}

fn is_match(filter: &str, name: &str) -> bool {
    if name.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')) {
        return false;
    }
    let filter: Vec<_> = filter.split('/').collect();
    let name: Vec<_> = name.split('/').collect();
    let (filter, has_length) = match filter.split_last() {
        Some((&"#", parents)) => (parents, name.len() >= parents.len()),
        _ => (&filter[..], name.len() == filter.len()),
    };
    has_length
        && filter
            .iter()
            .zip(&name)
            .all(|(part, level)| *part == "+" || part == level)
}
