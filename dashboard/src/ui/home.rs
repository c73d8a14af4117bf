use yew::prelude::*;

use super::group::GroupSection;
use super::log_card::LogCard;
use super::shared::Shared;
use crate::connection::Shown;
use crate::store::Store;
use crate::strings;
use crate::switch::Switch;
use crate::time::Millis;

/// Groups that are shown before somebody asks for all of them.
const SOME: usize = 40;

/// What the first view needs to know.
#[derive(Clone, PartialEq, Properties)]
pub(crate) struct HomeProps {
    pub(crate) store: Shared<Store>,
    pub(crate) led: Shared<Switch>,
    pub(crate) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(crate) offset: i32,
    /// How the connection is.
    pub(crate) shown: Shown,
    /// Somebody asks for the LED to be on or off.
    pub(crate) on_press: Callback<bool>,
}

/// The first view: everything on the broker, in groups, and what came last.
#[component]
pub(crate) fn Home(props: &HomeProps) -> Html {
    let all = use_state(|| false);
    let groups = props.store.groups();
    let shown = if *all {
        groups.len()
    } else {
        groups.len().min(SOME)
    };
    let hidden = groups.len() - shown;
    let away = !matches!(props.shown, Shown::Connected | Shown::Connecting);
    let entries = props.store.log().shown();
    let show_all = Callback::from(move |_: MouseEvent| all.set(true));
    html! {
        <div class={classes!("home", away.then_some("away"))} data-testid="home">
            { for groups[..shown].iter().map(|group| {
                html! { <GroupSection key={group.name.clone()} group={group.clone()} home={props.clone()} /> }
            }) }
            if hidden > 0 {
                <button type="button" class="button more" onclick={show_all}>{ strings::more_groups(hidden) }</button>
            }
            if !entries.is_empty() {
                <LogCard entries={Shared(entries.clone())} offset={props.offset} />
            }
        </div>
    }
}
