use yew::prelude::*;

use super::icons;
use crate::route::{Route, View};
use crate::strings;

/// The way to each view: beside the page on a laptop, below it on a phone.
pub(super) fn nav(view: View) -> Html {
    // One comes to a chart from a value.
    let shown = match view {
        View::Chart => View::Home,
        view => view,
    };
    html! {
        <nav aria-label={strings::VIEWS} data-testid="nav">
            <div class="brand" aria-hidden="true">{ icons::mark() }</div>
            { for View::ALL.into_iter().filter(|&view| view != View::Chart).map(|view| html! {
                <a href={Route::to(view).hash()} aria-current={(view == shown).then_some("page")}>
                    { icons::view(view) }<span>{ strings::view(view) }</span>
                </a>
            }) }
        </nav>
    }
}
