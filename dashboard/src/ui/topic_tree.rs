use std::rc::Rc;

use yew::prelude::*;

use super::icons;
use super::shared::Shared;
use super::window::{reveal, space, use_rows};
use crate::extract::Reading;
use crate::number::display;
use crate::store::{Store, Topic};
use crate::strings;
use crate::time::Millis;
use crate::tree::{self, Key, Row, Step};

/// Pixels; `--row` in the style is the same.
const HEIGHT: u32 = 48;
/// Levels that are indented; deeper ones stand below the last of them.
const DEEPEST: usize = 8;
/// Characters of a value that can fit in a row.
const MAX_VALUE: usize = 80;

/// What the tree needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct TopicTreeProps {
    pub(super) rows: Shared<Vec<Row>>,
    pub(super) store: Shared<Store>,
    pub(super) now: Millis,
    /// The topic that is looked at closely.
    pub(super) selected: Option<Rc<str>>,
    /// Somebody opens or closes a branch.
    pub(super) on_open: Callback<(Rc<str>, bool)>,
    /// Somebody wants to look at a topic closely.
    pub(super) on_select: Callback<Rc<str>>,
}

/// The tree: one stop for the keyboard, in which the arrow keys move.
#[component]
pub(super) fn TopicTree(props: &TopicTreeProps) -> Html {
    let TopicTreeProps {
        rows,
        store,
        now,
        selected,
        on_open,
        on_select,
    } = props;
    let list = use_node_ref();
    let cursor = use_state(|| selected.as_deref().unwrap_or_default().to_owned());
    let part = use_rows(&list, rows.len(), HEIGHT);
    let found = rows.iter().position(|row| *row.path == **cursor);
    let at = found.unwrap_or(0);
    let act = {
        let (on_open, on_select) = (on_open.clone(), on_select.clone());
        move |row: &Row| match (row.topic, row.open) {
            (Some(_), _) => on_select.emit(row.path.clone()),
            (None, Some(open)) => on_open.emit((row.path.clone(), !open)),
            (None, None) => {}
        }
    };
    let onkeydown = {
        let (list, rows, cursor) = (list.clone(), rows.clone(), cursor.clone());
        let (on_open, act) = (on_open.clone(), act.clone());
        Callback::from(move |event: KeyboardEvent| {
            let key = match event.key().as_str() {
                "ArrowUp" => Key::Up,
                "ArrowDown" => Key::Down,
                "ArrowLeft" => Key::Left,
                "ArrowRight" => Key::Right,
                "Home" => Key::First,
                "End" => Key::Last,
                "Enter" | " " => {
                    event.prevent_default();
                    if let Some(row) = rows.get(at) {
                        act(row);
                    }
                    return;
                }
                _ => return,
            };
            event.prevent_default();
            match tree::step(&rows, at, key) {
                Some(Step::Go(to)) => {
                    cursor.set(rows[to].path.to_string());
                    reveal(&list, to, HEIGHT);
                }
                Some(Step::Set(open)) => on_open.emit((rows[at].path.clone(), open)),
                None => {}
            }
        })
    };
    // It must be there to be named.
    let active = (part.start..part.end).contains(&at).then(|| id(at));
    html! {
        <div class="tree" role="tree" aria-label={strings::TREE} tabindex="0" ref={list} data-testid="tree"
            aria-activedescendant={active} {onkeydown} onscroll={part.onscroll.clone()}>
            { space(part.start, HEIGHT) }
            { for (part.start..part.end).map(|number| {
                let row = &rows[number];
                let is_selected = row.topic.is_some() && selected.as_ref() == Some(&row.path);
                let onclick = {
                    let (cursor, row, act) = (cursor.clone(), row.clone(), act.clone());
                    Callback::from(move |_: MouseEvent| {
                        cursor.set(row.path.to_string());
                        act(&row);
                    })
                };
                let fold = row.open.map(|open| {
                    let (on_open, path) = (on_open.clone(), row.path.clone());
                    Callback::from(move |event: MouseEvent| {
                        event.stop_propagation();
                        on_open.emit((path.clone(), !open));
                    })
                });
                let text = |yes: bool| if yes { "true" } else { "false" };
                html! {
                    <div
                        key={row.path.clone()}
                        id={id(number)}
                        class={classes!("row", format!("depth-{}", row.depth.min(DEEPEST)), (number == at).then_some("cursor"))}
                        role="treeitem"
                        aria-level={(row.depth + 1).to_string()}
                        aria-expanded={row.open.map(text)}
                        aria-selected={text(is_selected)}
                        data-path={AttrValue::Rc(row.path.clone())}
                        {onclick}
                    >
                        <span class="fold" onclick={fold}>{ for row.open.map(|_| icons::chevron()) }</span>
                        <span class="level" title={AttrValue::Rc(row.path.clone())}>{ row.level().to_owned() }</span>
                        if row.below > 0 {
                            <span class="below">{ strings::topics(row.below) }</span>
                        }
                        { for row.topic.map(|place| leaf(store.at(place), *now)) }
                    </div>
                }
            }) }
            { space(rows.len() - part.end, HEIGHT) }
        </div>
    }
}

fn id(number: usize) -> String {
    format!("row-{number}")
}

/// The topic's latest value and its age.
fn leaf(topic: &Topic, now: Millis) -> Html {
    let stale = topic.is_stale(now).then_some("stale");
    let age = strings::age(topic.age(now));
    html! { <>
        <span class={classes!("latest", stale)}>{ brief(topic) }</span>
        <span class="age">{ for topic.latest.retain.then(icons::pin) }{ age }</span>
    </> }
}

/// The latest value in a line.
fn brief(topic: &Topic) -> String {
    let start = |text: &str| text.chars().take(MAX_VALUE).collect::<String>();
    match &topic.reading {
        Reading::Numbers(_) => {
            let several = topic.series.len() > 1;
            let one = |series: &crate::store::Series| {
                let leaf = &series.leaf;
                let label = leaf.label.as_deref().filter(|_| several).unwrap_or("");
                let value = display(leaf.value, leaf.decimals);
                let parts = [label, &value, &leaf.unit].map(str::trim);
                parts
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            start(
                &topic
                    .series
                    .iter()
                    .take(4)
                    .map(one)
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        }
        Reading::State { state, .. } => strings::state(*state).to_owned(),
        Reading::Text { text, .. } if text.is_empty() => strings::EMPTY_PAYLOAD.to_owned(),
        Reading::Text { text, .. } => start(text),
        Reading::Bytes { len, .. } => strings::binary(*len),
    }
}
