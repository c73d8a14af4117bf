use yew::prelude::*;

use super::icons;
use crate::connection::Shown;
use crate::route::{Route, View};
use crate::strings;

/// What the header needs to know.
#[derive(PartialEq, Properties)]
pub(crate) struct HeaderProps {
    pub(crate) view: View,
    pub(crate) shown: Shown,
    /// Host and port of the broker.
    pub(crate) address: AttrValue,
    pub(crate) dark: bool,
    pub(crate) guide_open: bool,
    pub(crate) on_theme: Callback<()>,
    pub(crate) on_guide: Callback<()>,
}

/// Where one is, how the connection is, and the page's own switches.
#[component]
pub(crate) fn Header(props: &HeaderProps) -> Html {
    let theme = props.on_theme.reform(|_: MouseEvent| ());
    let guide = props.on_guide.reform(|_: MouseEvent| ());
    let pressed = |pressed: bool| if pressed { "true" } else { "false" };
    html! {
        <header>
            <h1 id="title" tabindex="-1">{ strings::view(props.view) }</h1>
            <a class="link" href={Route::to(View::Connection).hash()} data-testid="link" data-state={strings::link_state(props.shown)}>
                <span class="dot" aria-hidden="true"></span>{ strings::link(props.shown) }
            </a>
            <span class="address" title={strings::SHARED_ADDRESS}>{ props.address.clone() }</span>
            <button type="button" class="tool" aria-expanded={pressed(props.guide_open)} onclick={guide}
                data-testid="guide-button" aria-label={strings::CONNECT_DEVICE} title={strings::CONNECT_DEVICE}>
                { icons::plus() }
            </button>
            <button type="button" class="tool" aria-pressed={pressed(props.dark)} onclick={theme}
                data-testid="theme" aria-label={strings::THEME_DARK} title={strings::THEME_DARK}>
                { if props.dark { icons::sun() } else { icons::moon() } }
            </button>
        </header>
    }
}
