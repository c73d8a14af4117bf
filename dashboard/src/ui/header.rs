use yew::prelude::*;

use super::icons;
use crate::connection::Shown;
use crate::route::{Route, View};
use crate::strings;

/// What the header needs to know.
pub(super) struct HeaderProps {
    pub(super) view: View,
    pub(super) shown: Shown,
    /// Host and port of the broker.
    pub(super) address: AttrValue,
    pub(super) dark: bool,
    pub(super) guide_open: bool,
    pub(super) on_theme: Callback<()>,
    pub(super) on_guide: Callback<()>,
    /// Begins to change what is shown, where that can be changed.
    pub(super) on_edit: Option<Callback<()>>,
}

/// Where one is, how the connection is, and the page's own switches.
pub(super) fn header(props: &HeaderProps) -> Html {
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
            { for props.on_edit.as_ref().map(|on_edit| html! {
                <button type="button" class="tool" onclick={on_edit.reform(|_: MouseEvent| ())}
                    data-testid="edit" aria-label={strings::EDIT} title={strings::EDIT}>{ icons::pencil() }</button>
            }) }
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
