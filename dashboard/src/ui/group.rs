use std::rc::Rc;

use yew::prelude::*;

use super::card::Card;
use super::home::HomeProps;
use super::led_card::LedCard;
use super::shared::Shared;
use crate::store::{Group, Slot};
use crate::strings;
use crate::switch::LED_TOPIC;

/// Cards that a group shows before somebody asks for all of them.
const SOME: usize = 24;

/// What a group needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct GroupProps {
    pub(super) group: Rc<Group>,
    pub(super) home: HomeProps,
}

/// The cards of one first topic level.
#[component]
pub(super) fn GroupSection(props: &GroupProps) -> Html {
    let all = use_state(|| false);
    let GroupProps { group, home } = props;
    let shown = if *all {
        group.slots.len()
    } else {
        group.slots.len().min(SOME)
    };
    let hidden = group.slots.len() - shown;
    let columns: usize = group.slots[..shown].iter().map(|slot| slot.columns()).sum();
    let span = ["span-1", "span-2", "span-3", "span-4"][columns.clamp(1, 4) - 1];
    let name = match &*group.name {
        "" => strings::NO_GROUP.into(),
        _ => AttrValue::Rc(group.name.clone()),
    };
    let everything = all.then_some("all");
    let show_all = Callback::from(move |_: MouseEvent| all.set(true));
    html! {
        <section class={classes!("group", span, everything)} aria-label={name.clone()} data-group={AttrValue::Rc(group.name.clone())}>
            <h2><span title={name.clone()}>{ name }</span><span class="count">{ strings::topics(group.slots.len()) }</span></h2>
            { for group.slots[..shown].iter().map(|&slot| card(slot, home)) }
            if hidden > 0 {
                <button type="button" class="button more" onclick={show_all}>{ strings::show_more(hidden) }</button>
            }
        </section>
    }
}

fn card(slot: Slot, home: &HomeProps) -> Html {
    match slot {
        Slot::Topic(at, _) => {
            let topic = home.store.at(at);
            html! {
                <Card
                    key={topic.name.clone()}
                    topic={Shared(topic.clone())}
                    age={topic.age(home.now)}
                    stale={topic.is_stale(home.now)}
                />
            }
        }
        Slot::Led => html! {
            <LedCard
                key={LED_TOPIC}
                led={home.led.clone()}
                offset={home.offset}
                unavailable={strings::unavailable(home.shown)}
                on_press={home.on_press.clone()}
            />
        },
    }
}
