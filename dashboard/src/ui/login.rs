use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::icons;
use crate::connection;
use crate::credentials::Credentials;
use crate::strings;

/// What the form needs to know.
#[derive(PartialEq, Properties)]
pub(crate) struct LoginProps {
    /// Host and port of the broker that asks.
    pub(crate) address: AttrValue,
    /// How far it has come.
    pub(crate) login: connection::Login,
    pub(crate) on_login: Callback<Credentials>,
}

/// The broker wants to know who it is.
#[component]
pub(crate) fn Login(props: &LoginProps) -> Html {
    let (user, password) = (use_node_ref(), use_node_ref());
    let submit = {
        let (user, password, on_login) = (user.clone(), password.clone(), props.on_login.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let text = |node: &NodeRef| {
                node.cast::<HtmlInputElement>()
                    .map(|input| input.value())
                    .unwrap_or_default()
            };
            on_login.emit(Credentials {
                user: text(&user),
                password: text(&password),
            });
        })
    };
    {
        let user = user.clone();
        use_effect_with((), move |()| {
            if let Some(input) = user.cast::<HtmlInputElement>() {
                // A form that cannot be focused can still be filled in.
                let _ = input.focus();
            }
        });
    }
    let given = props.login == connection::Login::Given;
    html! {
        <form class="card login" data-testid="login" onsubmit={submit} aria-labelledby="login-title">
            <h2 id="login-title">{ strings::LOGIN }</h2>
            <p class="topic">{ props.address.clone() }</p>
            if props.login == connection::Login::Refused {
                <p class="error" role="alert">{ icons::warning() }{ strings::LOGIN_AGAIN }</p>
            } else {
                <p class="quiet">{ strings::LOGIN_TEXT }</p>
            }
            <label>{ strings::USER }<input ref={user} name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required=true /></label>
            <label>{ strings::PASSWORD }<input ref={password} name="password" type="password" autocomplete="current-password" /></label>
            <button type="submit" class="button primary">{ if given { strings::CONNECTING } else { strings::CONNECT } }</button>
        </form>
    }
}
