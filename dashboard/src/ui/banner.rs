use yew::prelude::*;

use super::icons;

/// What the banner says.
pub(super) struct BannerProps {
    pub(super) what: String,
    pub(super) next: String,
}

/// There is no connection. It lies over the page's foot, so that nothing moves
/// when it comes and goes; the words for screen readers are elsewhere, since
/// these count seconds.
pub(super) fn banner(props: &BannerProps) -> Html {
    html! {
        <aside class="banner" data-testid="banner">
            { icons::cloud_off() }
            <p>{ props.what.clone() }{ " " }<span class="next">{ props.next.clone() }</span></p>
        </aside>
    }
}
