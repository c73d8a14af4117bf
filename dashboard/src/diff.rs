//! What is different between two payloads: by leaf if both are JSON, else by
//! line or by word.

use crate::json::Json;

/// Differences that are told; nobody reads more.
pub const MAX_CHANGES: usize = 40;
/// Parts in which two texts are compared; of longer ones, only where they begin
/// and end alike is known.
const MAX_PARTS: usize = 200;

/// One difference, or in a text one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it is: `AM2301.Temperature`; empty in a text.
    pub path: String,
    /// What was there before; `None` if nothing was.
    pub before: Option<String>,
    /// What is there now; `None` if nothing is. In a part that is the same,
    /// both say so.
    pub after: Option<String>,
}

/// What is different in `after`; nothing if both are the same.
#[must_use]
pub fn diff(before: &str, after: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    if before == after {
        return changes;
    }
    let is_whole = |json: &Json| matches!(json, Json::Map(_) | Json::List(_));
    match (Json::parse(before), Json::parse(after)) {
        (Some(old), Some(new)) if is_whole(&old) && is_whole(&new) => {
            leaves(String::new(), Some(&old), Some(&new), &mut changes);
        }
        _ => texts(before, after, &mut changes),
    }
    changes
}

/// The members of an object or array, with their names.
fn parts(json: Option<&Json>) -> Vec<(String, &Json)> {
    match json {
        Some(Json::Map(members)) => {
            let members = members.iter();
            members.map(|(name, value)| (name.clone(), value)).collect()
        }
        Some(Json::List(items)) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, value)| ((at + 1).to_string(), value))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn leaves(path: String, before: Option<&Json>, after: Option<&Json>, changes: &mut Vec<Change>) {
    if before == after || changes.len() == MAX_CHANGES {
        return;
    }
    let (old, new) = (parts(before), parts(after));
    if old.is_empty() && new.is_empty() {
        let text = |json: Option<&Json>| json.map(Json::to_string);
        let (before, after) = (text(before), text(after));
        return changes.push(Change {
            path,
            before,
            after,
        });
    }
    let gone = |(name, _): &&(String, &Json)| !new.iter().any(|(other, _)| other == name);
    for (name, _) in new.iter().chain(old.iter().filter(gone)) {
        let find = |parts: &[(String, &Json)]| {
            let found = parts.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| (*value).clone())
        };
        let path = match &*path {
            "" => name.clone(),
            path => [path, name].join("."),
        };
        leaves(path, find(&old).as_ref(), find(&new).as_ref(), changes);
    }
}

fn texts(before: &str, after: &str, changes: &mut Vec<Change>) {
    let by_line = before.contains('\n') || after.contains('\n');
    let cut = |c: char| {
        if by_line {
            c == '\n'
        } else {
            matches!(c, ' ' | ':' | '=' | ',' | ';' | '/')
        }
    };
    let old: Vec<&str> = before.split_inclusive(cut).collect();
    let new: Vec<&str> = after.split_inclusive(cut).collect();
    let pairs = || old.iter().zip(&new);
    let head = pairs().take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev());
    let tail = tail.take(most).take_while(|(a, b)| a == b).count();
    let mut push = |old: &[&str], new: &[&str]| {
        let text = |parts: &[&str]| (!parts.is_empty()).then(|| parts.concat());
        if !old.is_empty() || !new.is_empty() {
            changes.push(Change {
                path: String::new(),
                before: text(old),
                after: text(new),
            });
        }
    };
    let (start, old_end, new_end) = (head, old.len() - tail, new.len() - tail);
    push(&old[..start], &new[..start]);
    middle(&old[start..old_end], &new[start..new_end], &mut push);
    push(&old[old_end..], &new[new_end..]);
}

/// The longest parts that two texts share, in their order, and what is between
/// them.
fn middle(old: &[&str], new: &[&str], push: &mut impl FnMut(&[&str], &[&str])) {
    if old.len() > MAX_PARTS || new.len() > MAX_PARTS {
        return push(old, new);
    }
    // How many parts what comes after two places has in common.
    let width = new.len() + 1;
    let mut common = vec![0_u8; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            let here = a * width + b;
            common[here] = if old[a] == new[b] {
                common[here + width + 1] + 1
            } else {
                common[here + width].max(common[here + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let (mut from_a, mut from_b) = (0, 0);
    while a < old.len() && b < new.len() {
        if old[a] == new[b] {
            push(&old[from_a..a], &new[from_b..b]);
            push(&old[a..=a], &new[b..=b]);
            (a, b) = (a + 1, b + 1);
            (from_a, from_b) = (a, b);
        } else if common[(a + 1) * width + b] >= common[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    push(&old[from_a..], &new[from_b..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> String {
        let one = |change: &Change| match (&change.before, &change.after) {
            (Some(before), Some(after)) if before == after => before.clone(),
            (before, after) => {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                format!("{}[{}>{}]", change.path, text(before), text(after))
            }
        };
        diff(before, after).iter().map(one).collect()
    }

    #[test]
    fn words_and_lines_that_changed_are_found_between_those_that_did_not() {
        assert_eq!(
            told("Temperature:14", "Temperature:15"),
            "Temperature:[14>15]"
        );
        assert_eq!(told("a b c d", "a x c y"), "a [b >x ]c [d>y]");
        assert_eq!(told("a c", "a b c"), "a [>b ]c");
        assert_eq!(told("a b c", "a c"), "a [b >]c");
        assert_eq!(
            told("one\ntwo three\nfour", "one\ntwo 3\nfour"),
            "one\n[two three\n>two 3\n]four"
        );
        assert_eq!(told("", "x"), "[>x]");
        assert_eq!(told("x", ""), "[x>]");
        assert_eq!(told("a a", "a a a"), "a [>a ]a");
        assert_eq!(told("same", "same"), "");
    }

    #[test]
    fn of_json_the_leaves_that_changed_are_told_with_their_path() {
        let before = r#"{"a":{"t":12.5,"h":40},"list":[1,2],"old":true}"#;
        let after = r#"{"list":[1,3,4],"a":{"t":13,"h":40},"new":null}"#;
        assert_eq!(
            told(before, after),
            "list.2[2>3]list.3[>4]a.t[12.5>13]new[>null]old[true>]"
        );
        assert_eq!(
            told(r#"{"a":1}"#, r#"{ "a": 1 }"#),
            "",
            "space says nothing"
        );
        assert_eq!(told(r#"{"a":{"b":1}}"#, r#"{"a":2}"#), "a.b[1>]");
        assert_eq!(told("14", "15"), "[14>15]", "a number alone is a text");
    }

    #[test]
    fn what_is_too_long_is_compared_as_a_whole() {
        let long = |word: &str| format!("begin {}end", format!("{word} ").repeat(MAX_PARTS + 1));
        let told = told(&long("x"), &long("y"));
        assert!(told.starts_with("begin [x x") && told.ends_with("y ]end"));
        let many = |value: usize| {
            let members = (0..100).map(|at| format!("\"{at}\":{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        assert_eq!(diff(&many(1), &many(2)).len(), MAX_CHANGES);
    }
}
