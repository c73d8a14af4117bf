use std::rc::Rc;

use yew::prelude::*;

use super::field;
use super::shared::Shared;
use super::topic_detail::TopicDetail;
use super::topic_tree::TopicTree;
use crate::browser;
use crate::route::{Route, View};
use crate::store::Store;
use crate::strings;
use crate::time::Millis;
use crate::tree::{self, Opened};
use crate::watch::Watch;

/// What the view needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct TopicsProps {
    pub(super) store: Shared<Store>,
    /// The topic that is looked at closely.
    pub(super) selected: Option<Rc<str>>,
    pub(super) watch: Option<Watch>,
    /// The page speaks MQTT 3.1.1.
    pub(super) is_old: bool,
    pub(super) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// Why nothing can be sent just now.
    pub(super) unavailable: Option<&'static str>,
    /// Somebody makes the broker forget what it keeps for topics.
    pub(super) on_clear: Callback<Rc<Vec<Rc<str>>>>,
}

/// Everything on the broker as a tree, and one topic of it in detail.
#[component]
pub(super) fn Topics(props: &TopicsProps) -> Html {
    let filter = use_state(String::new);
    let opened = use_state(Opened::new);
    let sorted = use_memo(props.store.len(), |_| tree::sort(props.store.names()));
    let rows = use_memo(
        (props.store.len(), (*filter).clone(), (*opened).clone()),
        |(_, filter, opened)| tree::rows(&sorted, filter, opened),
    );
    let on_filter = {
        let filter = filter.clone();
        Callback::from(move |event: InputEvent| filter.set(field::typed(&event)))
    };
    let on_open = Callback::from(move |(path, open): (Rc<str>, bool)| {
        opened.set(tree::set(&opened, &path, open));
    });
    let on_select = use_callback((), |topic: Rc<str>, ()| {
        browser::go(&Route::of(View::Topics, &topic));
    });
    let is_detailed = props.selected.as_ref().map(|_| "detailed");
    let body = if props.store.is_empty() {
        field::empty(strings::NO_TOPICS, strings::NO_TOPICS_TEXT)
    } else if rows.is_empty() {
        html! { <p class="none quiet">{ strings::NO_MATCH }</p> }
    } else {
        html! {
            <TopicTree rows={Shared(rows.clone())} store={props.store.clone()} now={props.now}
                selected={props.selected.clone()} {on_open} {on_select} />
        }
    };
    html! {
        <div class={classes!("topics", is_detailed)} data-testid="topics">
            <section class="panel list">
                <div class="bar">
                    { field::filter(strings::FILTER_TOPICS, &filter, on_filter) }
                    <span class="count">{ strings::topics(props.store.len()) }</span>
                </div>
                { body }
            </section>
            { match &props.selected {
                Some(name) => html! {
                    <TopicDetail
                        key={name.clone()}
                        name={AttrValue::Rc(name.clone())}
                        topic={props.store.get(name).map(|topic| Shared(topic.clone()))}
                        watch={props.watch.clone().filter(|watch| watch.topic == *name)}
                        is_old={props.is_old}
                        below={below(&props.store, name)}
                        now={props.now}
                        offset={props.offset}
                        unavailable={props.unavailable}
                        on_clear={props.on_clear.clone()}
                    />
                },
                None => html! {
                    <section class="panel detail none">{ field::empty(strings::CHOOSE, strings::CHOOSE_TEXT) }</section>
                },
            } }
        </div>
    }
}

/// How many topics have more levels than these.
fn below(store: &Store, name: &str) -> usize {
    let is_below = |other: &&str| {
        let rest = other.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    store.names().filter(is_below).count()
}
