//! The tree of topics, flat: a row for each level that is to be seen.

use std::rc::Rc;

use crate::host;

/// A branch with no more topics than this is open until somebody closes it.
const FEW: usize = 12;
/// So is each one, while there are no more topics than this in all.
const SOME: usize = 40;

/// A level of a topic's name, with everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name up to this level: `Kitchen/Fridge`.
    pub path: Rc<str>,
    /// Where the level begins in it.
    pub start: usize,
    /// Levels above it.
    pub depth: usize,
    /// The topic that ends here, if one does: its place in the store.
    pub topic: Option<usize>,
    /// Topics below it.
    pub below: usize,
    /// Whether what is below it is to be seen; `None` if nothing is below.
    pub open: Option<bool>,
}

impl Row {
    /// The level itself.
    #[must_use]
    pub fn level(&self) -> &str {
        &self.path[self.start..]
    }
}

/// The branches that somebody has opened or closed, and which of it, by path.
pub type Opened = Vec<(Rc<str>, bool)>;

/// Opens or closes a branch.
#[must_use]
pub fn set(opened: &Opened, path: &Rc<str>, open: bool) -> Opened {
    let others = opened.iter().filter(|(other, _)| other != path);
    others.cloned().chain([(path.clone(), open)]).collect()
}

/// All topics in the order of the tree, with their places in the store.
#[must_use]
pub fn sort<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(Rc<str>, usize)> {
    let names: Vec<(&str, String)> = names.map(|name| (name, order(name))).collect();
    let orders = names.iter().map(|(_, order)| order.as_str());
    let sorted = places(orders.enumerate().map(|(at, order)| (order, at)).collect());
    sorted.map(|at| (names[at].0.into(), at)).collect()
}

/// Places in the order of what they are sorted by.
pub(crate) fn places(mut sorted: Vec<(&str, usize)>) -> impl Iterator<Item = usize> {
    sorted.sort_unstable();
    sorted.into_iter().map(|(_, at)| at)
}

/// What names are sorted by: level by level, letters before case.
pub(crate) fn order(name: &str) -> String {
    let small = host::lower(name);
    let mut order = String::with_capacity(2 * name.len() + 8);
    for (small, level) in small.split('/').zip(name.split('/')) {
        // Below each character that a name can have, so that what is shorter comes first.
        for part in [small, "\u{1}", level, "\0"] {
            order.push_str(part);
        }
    }
    order
}

/// The rows of what [`sort`] has sorted. With a filter, only topics that have
/// it in their names, all of them to be seen.
#[must_use]
pub fn rows(sorted: &[(Rc<str>, usize)], filter: &str, opened: &Opened) -> Vec<Row> {
    let filter = host::lower(filter.trim());
    let found: Vec<&(Rc<str>, usize)> = sorted
        .iter()
        .filter(|(name, _)| filter.is_empty() || host::lower(name).contains(&filter))
        .collect();
    let mut tree = Tree {
        rows: Vec::new(),
        opened,
        all: !filter.is_empty() || found.len() <= SOME,
        is_filtered: !filter.is_empty(),
    };
    tree.level(&found, 0, 0);
    tree.rows
}

struct Tree<'a> {
    rows: Vec<Row>,
    opened: &'a Opened,
    /// Branches are open unless somebody closed them.
    all: bool,
    /// And even then.
    is_filtered: bool,
}

impl Tree<'_> {
    /// The rows of topics that are the same up to `start`.
    fn level(&mut self, topics: &[&(Rc<str>, usize)], start: usize, depth: usize) {
        let mut rest = topics;
        while let [(name, at), ..] = rest {
            let end = name[start..].find('/').map_or(name.len(), |i| start + i);
            let path = &name[..end];
            let same = |(other, _): &&(Rc<str>, usize)| {
                other.starts_with(path) && matches!(other.as_bytes().get(end), None | Some(b'/'))
            };
            let here = rest.iter().take_while(|topic| same(topic)).count();
            let topic = (end == name.len()).then_some(*at);
            let below = &rest[usize::from(topic.is_some())..here];
            let open = (!below.is_empty()).then(|| {
                let mut opened = self.opened.iter().filter(|_| !self.is_filtered);
                let chosen = opened.find(|(other, _)| **other == *path);
                chosen.map_or(self.all || below.len() <= FEW, |(_, open)| *open)
            });
            self.rows.push(Row {
                path: path.into(),
                start,
                depth,
                topic,
                below: below.len(),
                open,
            });
            if open == Some(true) {
                self.level(below, end + 1, depth + 1);
            }
            rest = &rest[here..];
        }
    }
}

/// A key that moves through the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// To the row above.
    Up,
    /// To the row below.
    Down,
    /// Opens, or goes down into what is open.
    Right,
    /// Closes, or goes up to the branch.
    Left,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Goes to a row.
    Go(usize),
    /// Opens or closes the row where it stands.
    Set(bool),
}

/// What `key` does at the row `at`.
#[must_use]
pub fn step(rows: &[Row], at: usize, key: Key) -> Option<Step> {
    let row = rows.get(at)?;
    let last = rows.len() - 1;
    match (key, row.open) {
        (Key::Up, _) => Some(Step::Go(at.saturating_sub(1))),
        (Key::Down, _) => Some(Step::Go((at + 1).min(last))),
        (Key::First, _) => Some(Step::Go(0)),
        (Key::Last, _) => Some(Step::Go(last)),
        (Key::Right, Some(false)) => Some(Step::Set(true)),
        (Key::Right, Some(true)) => Some(Step::Go((at + 1).min(last))),
        (Key::Right, None) => None,
        (Key::Left, Some(true)) => Some(Step::Set(false)),
        (Key::Left, _) => rows[..at]
            .iter()
            .rposition(|above| above.depth < row.depth)
            .map(Step::Go),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<(Rc<str>, usize)> {
        sort(names.iter().copied())
    }

    fn drawn(rows: &[Row]) -> Vec<String> {
        rows.iter()
            .map(|row| {
                let sign = match row.open {
                    None => "",
                    Some(true) => "- ",
                    Some(false) => "+ ",
                };
                let topic = if row.topic.is_some() { " *" } else { "" };
                format!("{}{sign}{}{topic}", "  ".repeat(row.depth), row.level())
            })
            .collect()
    }

    #[test]
    fn topics_become_a_tree_in_the_order_of_the_alphabet() {
        let sorted = sorted(&[
            "home/led",
            "Kitchen/Fridge",
            "Kitchen/Air/CO2",
            "b",
            "Kitchen/Air",
        ]);
        let rows = rows(&sorted, "", &Opened::new());
        assert_eq!(
            drawn(&rows),
            [
                "b *",
                "- home",
                "  led *",
                "- Kitchen",
                "  - Air *",
                "    CO2 *",
                "  Fridge *",
            ]
        );
        assert_eq!(
            (&*rows[5].path, rows[5].topic),
            ("Kitchen/Air/CO2", Some(2))
        );
        assert_eq!(rows[3].below, 3);
    }

    #[test]
    fn names_that_only_begin_alike_are_apart_and_empty_levels_are_levels() {
        let sorted = sorted(&["a", "a-b", "a/b", "/a", "a/", "A/b", "a//b"]);
        assert_eq!(
            drawn(&rows(&sorted, "", &Opened::new())),
            [
                "- ", "  a *", "- A", "  b *", "- a *", "  -  *", "    b *", "  b *", "a-b *"
            ]
        );
    }

    #[test]
    fn large_branches_are_closed_until_somebody_opens_them_and_a_filter_shows_all() {
        let names: Vec<String> = (0..50).map(|i| format!("g/{i:02}")).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.push("small/x");
        let sorted = sorted(&names);
        let closed = rows(&sorted, "", &Opened::new());
        assert_eq!(drawn(&closed), ["+ g", "- small", "  x *"]);
        let opened = set(&vec![("g".into(), false)], &"g".into(), true);
        let opened = set(&opened, &"small".into(), false);
        assert_eq!(rows(&sorted, "", &opened).len(), 1 + 50 + 1);
        assert_eq!(
            drawn(&rows(&sorted, " G/4", &vec![("g".into(), false)]))[..2],
            ["- g", "  40 *"]
        );
        assert!(rows(&sorted, "nowhere", &opened).is_empty());
    }

    #[test]
    fn keys_move_open_and_close() {
        let sorted = sorted(&["a/b/c", "a/d", "e"]);
        let rows = rows(&sorted, "", &Opened::new());
        // a, b, c, d, e
        assert_eq!(step(&rows, 0, Key::Up), Some(Step::Go(0)));
        assert_eq!(step(&rows, 4, Key::Down), Some(Step::Go(4)));
        assert_eq!(step(&rows, 2, Key::Last), Some(Step::Go(4)));
        assert_eq!(step(&rows, 2, Key::First), Some(Step::Go(0)));
        assert_eq!(step(&rows, 0, Key::Right), Some(Step::Go(1)));
        assert_eq!(step(&rows, 0, Key::Left), Some(Step::Set(false)));
        assert_eq!(step(&rows, 3, Key::Left), Some(Step::Go(0)));
        assert_eq!(step(&rows, 2, Key::Left), Some(Step::Go(1)));
        assert_eq!(step(&rows, 2, Key::Right), None);
        assert_eq!(step(&[], 0, Key::Down), None);
    }
}
