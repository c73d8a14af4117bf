use std::rc::Rc;

use yew::prelude::*;

use super::home::{card, edit_bar};
use super::shared::Shared;
use super::turns::Told;
use crate::store::{Group, Slot};
use crate::strings;
use crate::widget::{LED_TOPIC, led, suggest};

/// What a group needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct GroupProps {
    pub(super) group: Shared<Group>,
    /// Columns of cards that are shown before somebody asks for all of them.
    pub(super) some: usize,
    pub(super) home: Told,
}

/// The cards of one first topic level, but those that are kept or hidden.
#[component]
pub(super) fn GroupSection(props: &GroupProps) -> Html {
    let all = use_state(|| false);
    let GroupProps { group, some, home } = props;
    let home = &*home.home();
    // Of thousands of topics, each frame brings a few.
    let slots = use_memo((group.clone(), home.home.clone()), |(group, known)| {
        let layout = known.shown();
        let topic = |slot: &Slot| match slot {
            Slot::Topic(at, _) => &*home.store.at(*at).name,
            Slot::Led => LED_TOPIC,
        };
        let slots = group.slots.iter().filter(|slot| !layout.has(topic(slot)));
        slots.copied().collect::<Vec<Slot>>()
    });
    if slots.is_empty() {
        return Html::default();
    }
    // Whole rows, if there is more: what is narrow fills what is left of one.
    let mut room = if *all { usize::MAX } else { *some };
    let fits = |slot: &&Slot| {
        let left = room.checked_sub(slot.columns());
        room = left.unwrap_or(room);
        left.is_some()
    };
    let mut shown: Vec<&Slot> = slots.iter().filter(fits).collect();
    // A button would take as much room as one more.
    if shown.len() + 1 == slots.len() {
        shown = slots.iter().collect();
    }
    let hidden = slots.len() - shown.len();
    let columns: usize = shown.iter().map(|slot| slot.columns()).sum();
    let span = ["span-1", "span-2", "span-3", "span-4"][columns.clamp(1, 4) - 1];
    let name = match &*group.name {
        "" => strings::NO_GROUP.into(),
        _ => AttrValue::Rc(group.name.clone()),
    };
    let everything = all.then_some("all");
    let show_all = Callback::from(move |_: MouseEvent| all.set(true));
    let suggested = |slot: &Slot| {
        let widget = match slot {
            Slot::Topic(at, _) => suggest(home.store.at(*at), |topic| home.home.listens(topic)),
            Slot::Led => led(),
        };
        let widget = Rc::new(widget);
        let bar = home
            .home
            .edit
            .is_some()
            .then(|| edit_bar(home, &widget, None));
        card(home, &widget, None, bar)
    };
    html! {
        <section class={classes!("group", span, everything)} aria-label={name.clone()} data-group={AttrValue::Rc(group.name.clone())}>
            <h2><span title={name.clone()}>{ name }</span><span class="count">{ strings::topics(slots.len()) }</span></h2>
            { for shown.into_iter().map(suggested) }
            if hidden > 0 {
                <button type="button" class="button more" onclick={show_all}>{ strings::show_more(hidden) }</button>
            }
        </section>
    }
}
