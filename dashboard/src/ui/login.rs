use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{field, icons};
use crate::connection;
use crate::credentials::Credentials;
use crate::{keep, strings};

/// What the form needs to know.
#[derive(PartialEq, Properties)]
pub(crate) struct LoginProps {
    /// Host and port of the broker that asks.
    pub(crate) address: AttrValue,
    /// How far it has come.
    pub(crate) login: connection::Login,
    /// Why the broker has refused the last one, as it words that.
    #[prop_or_default]
    pub(crate) why: Option<String>,
    /// The broker does not ask for it.
    #[prop_or_default]
    pub(crate) is_optional: bool,
    /// A login, and whether to keep the password.
    pub(crate) on_login: Callback<(Credentials, bool)>,
}

/// The broker wants to know who it is.
#[component]
pub(crate) fn Login(props: &LoginProps) -> Html {
    let known = use_memo(props.address.clone(), |address| keep::user(address));
    let user = field::use_given("user", (*known).clone().unwrap_or_default());
    let (password, all, bare) = (use_node_ref(), use_node_ref(), use_node_ref());
    let submit = {
        let (user, password) = (user.clone(), password.clone());
        let (all, bare) = (all.clone(), bare.clone());
        let on_login = props.on_login.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let input = |node: &NodeRef| node.cast::<HtmlInputElement>();
            let text = |node: &NodeRef| input(node).map(|input| input.value()).unwrap_or_default();
            let ticked = |node: &NodeRef| input(node).is_some_and(|input| input.checked());
            let credentials = Credentials {
                user: text(&user),
                password: text(&password),
                may_be_bare: ticked(&bare),
            };
            on_login.emit((credentials, ticked(&all)));
        })
    };
    {
        let nodes = (user.clone(), password.clone());
        use_effect_with(props.is_optional, move |&is_optional| {
            let (user, password) = nodes;
            let empty = [user, password].into_iter().find_map(|node| {
                let input = node.cast::<HtmlInputElement>()?;
                input.value().is_empty().then_some(input)
            });
            if let Some(input) = empty.filter(|_| !is_optional) {
                // A form that cannot be focused can still be filled in.
                let _ = input.focus();
            }
        });
    }
    let (title, text) = if props.is_optional {
        (strings::LOGIN_OTHER, None)
    } else {
        (strings::LOGIN, Some(strings::LOGIN_TEXT))
    };
    let given = props.login == connection::Login::Given;
    let is_bare = props.login == connection::Login::Bare;
    let alert = match props.login {
        connection::Login::Bare => Some((strings::LOGIN_BARE, strings::LOGIN_BARE_TEXT)),
        connection::Login::Refused => {
            let why = props.why.as_deref();
            Some((
                strings::LOGIN_AGAIN,
                why.unwrap_or(strings::LOGIN_AGAIN_TEXT),
            ))
        }
        _ => None,
    };
    html! {
        <form class="card login form" data-testid="login" onsubmit={submit} aria-labelledby="login-title">
            <h2 id="login-title">{ title }</h2>
            <p class="topic">{ props.address.clone() }</p>
            if let Some((what, remedy)) = alert {
                <div role="alert">
                    <p class="error">{ icons::warning() }{ what }</p>
                    <p class="hint">{ remedy.to_owned() }</p>
                </div>
            } else {
                { for text.map(|text| html! { <p class="quiet">{ text }</p> }) }
            }
            <label>{ strings::USER }<input ref={user} name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required=true /></label>
            <label>{ strings::PASSWORD }<input ref={password} name="password" type="password" autocomplete="current-password" /></label>
            <div>
                <label class="tick"><input ref={all} type="checkbox" name="keep" aria-describedby="keep-note" />{ strings::KEEP }</label>
                <p id="keep-note" class="hint">{ strings::KEEP_NOTE }</p>
            </div>
            if is_bare {
                <label class="tick"><input ref={bare} type="checkbox" name="bare" required=true />{ strings::BARE }</label>
            }
            <button type="submit" class="button primary">{ if given { strings::CONNECTING } else { strings::CONNECT } }</button>
        </form>
    }
}
