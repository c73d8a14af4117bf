use yew::prelude::*;

use super::icons;
use crate::strings;

/// What the foot says.
pub(super) struct FootProps {
    /// Host and port of the broker.
    pub(super) address: AttrValue,
    /// The page speaks MQTT 3.1.1.
    pub(super) is_old: bool,
    /// Messages since the page was opened.
    pub(super) count: u64,
    /// Messages on topics that found no room.
    pub(super) left_out: u64,
    /// The broker does not let this user read all topics.
    pub(super) read_refused: bool,
}

/// What the page does not show, and where it comes from.
pub(super) fn foot(props: &FootProps) -> Html {
    html! {
        <footer>
            if props.read_refused {
                <p class="error">{ icons::warning() }{ strings::READ_REFUSED }</p>
            }
            if props.left_out > 0 {
                <p class="error" data-testid="left-out">{ icons::warning() }{ strings::left_out(props.left_out) }</p>
            }
            <p>{ props.address.clone() }{ " · " }{ strings::version(props.is_old) }{ " · " }<span data-testid="count">{ strings::messages(props.count) }</span></p>
        </footer>
    }
}
