use yew::prelude::*;

use super::field;
use super::icons;
use super::login::Login;
use crate::browser;
use crate::connection::{Connection, Shown};
use crate::credentials::Credentials;
use crate::place::{Place, is_broker};
use crate::strings;
use crate::time::Millis;

/// What the view needs to know.
pub(super) struct ConnectionViewProps {
    pub(super) connection: Connection,
    /// The broker is none of ours.
    pub(super) is_foreign: bool,
    pub(super) place: Place,
    pub(super) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// A login, and whether to keep the password.
    pub(super) on_login: Callback<(Credentials, bool)>,
    pub(super) on_logout: Callback<()>,
    pub(super) on_try: Callback<()>,
}

/// Which broker, as whom, how it goes, and what to do when it does not.
pub(super) fn connection_view(props: &ConnectionViewProps) -> Html {
    let ConnectionViewProps {
        connection, place, ..
    } = props;
    let shown = connection.shown(props.now);
    let is_up = connection.is_up();
    let identity = connection.identity();
    let user = identity.and_then(|identity| identity.user.clone());
    let since = connection.since().clock(props.offset);
    let what = match shown {
        Shown::Refused => strings::NOT_LOGGED_IN,
        shown => strings::link(shown),
    };
    let state = [what, strings::SINCE, &since].join(" ");
    let is_encrypted = place.broker.starts_with("wss:");
    let refusal = connection
        .reason()
        .filter(|_| !is_up && shown != Shown::Refused);
    let retry = (!is_up && shown != Shown::Refused)
        .then(|| strings::next_try(connection.retry_in(props.now)));
    html! {
        <div class="connection" data-testid="connection">
            { for refusal.map(|refusal| {
                let (what, remedy) = strings::refusal(refusal, is_encrypted);
                html! {
                    <section class="panel refusal" data-testid="refusal" aria-labelledby="refusal-title">
                        { icons::warning() }<div><h2 id="refusal-title">{ what }</h2><p>{ remedy }</p></div>
                    </section>
                }
            }) }
            <section class="panel" aria-labelledby="state-title">
                <h2 id="state-title" class={classes!("link", "state")} data-state={strings::link_state(shown)}>
                    <span class="dot" aria-hidden="true"></span>{ state }
                </h2>
                { field::facts(&[
                    (strings::BROKER, "broker", Some(place.broker.clone())),
                    (strings::VERSION, "version", identity.map(|identity| strings::protocol(identity.is_old, is_encrypted))),
                    (strings::USER, "user", identity.map(|_| user.clone().unwrap_or_else(|| strings::ANONYMOUS.to_owned()))),
                    (strings::PASSWORD_WAY, "proof", identity.map(|identity| strings::proof(identity.proof).to_owned())),
                    (strings::CLIENT_ID, "client-id", identity.map(|identity| identity.client_id.clone())),
                ]) }
                if props.is_foreign {
                    <p class="note aside" data-testid="foreign">{ strings::foreign(connection.is_old()) }</p>
                }
                if let Some(retry) = retry {
                    <div class="actions">
                        <button type="button" class="button primary" data-testid="try"
                            onclick={props.on_try.reform(|_: MouseEvent| ())}>{ strings::TRY_NOW }</button>
                        <span class="quiet">{ retry }</span>
                    </div>
                }
                if user.is_some() {
                    <div class="actions">
                        <button type="button" class="button" data-testid="log-out"
                            onclick={props.on_logout.reform(|_: MouseEvent| ())}>{ strings::LOG_OUT }</button>
                    </div>
                }
            </section>
            <Login address={place.address.clone()} login={connection.login()} why={connection.login_reason().map(str::to_owned)} is_optional={shown != Shown::Refused}
                on_login={props.on_login.clone()} />
            <OtherBroker broker={place.broker.clone()} />
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct OtherBrokerProps {
    broker: AttrValue,
}

/// The way to another broker.
#[component]
fn OtherBroker(props: &OtherBrokerProps) -> Html {
    let address = use_state(|| props.broker.to_string());
    let is_wrong = use_state(|| false);
    let submit = {
        let (address, is_wrong) = (address.clone(), is_wrong.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let address = address.trim();
            is_wrong.set(!is_broker(address));
            if is_broker(address) {
                browser::open_broker(address);
            }
        })
    };
    let value = (*address).clone();
    let oninput = move |event: InputEvent| address.set(field::typed(&event));
    html! {
        <form class="panel form" onsubmit={submit} data-testid="other-broker" aria-labelledby="other-title">
            <h2 id="other-title">{ strings::OTHER_BROKER }</h2>
            <p class="quiet">{ strings::OTHER_BROKER_TEXT }</p>
            <label for="other-address">{ strings::ADDRESS }</label>
            <div class="beside">
                <input id="other-address" name="broker" {value} inputmode="url" autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-invalid={is_wrong.then_some("true")} aria-describedby="other-problem" {oninput} />
                <button type="submit" class="button">{ strings::OPEN }</button>
            </div>
            <p id="other-problem" class="hint" role="status">
                { for is_wrong.then(|| html! { <span class="error">{ icons::warning() }{ strings::BAD_ADDRESS }</span> }) }
            </p>
        </form>
    }
}
