//! Who is connected to the broker.

use std::rc::Rc;

use yew::prelude::*;

use super::broker::BrokerProps;
use super::confirm::Confirm;
use super::desk::Act;
use super::field;
use super::icons;
use crate::desk::{Client, Failure, Subscriptions};
use crate::number::grouped;
use crate::strings;
use crate::time::Age;

/// The clients with `filter` in what is known of them, `shown` at most.
pub(super) fn list(
    props: &BrokerProps,
    filter: &str,
    on_filter: Callback<InputEvent>,
    shown: usize,
    more: Callback<MouseEvent>,
) -> Html {
    let broker = &*props.broker;
    let Some(info) = broker.info() else {
        return Html::default();
    };
    let (found, total) = match &broker.roster {
        Some(roster) => (roster.found(filter), roster.total),
        None => (Vec::new(), 0),
    };
    let rest = found.len().saturating_sub(shown);
    let trouble = broker.trouble.as_ref().map(strings::no_answer);
    let body = match &broker.roster {
        _ if !info.may_list => html! { <p class="note">{ strings::NO_LIST }</p> },
        None => html! { <p class="quiet">{ strings::LISTING }</p> },
        Some(_) if found.is_empty() => html! { <p class="none quiet">{ strings::NO_CLIENT }</p> },
        Some(_) => {
            html! { <ol>{ for found.iter().take(shown).map(|client| row(props, client)) }</ol> }
        }
    };
    html! {
        <section class="panel clients" aria-labelledby="clients-title" data-testid="clients">
            <h2 id="clients-title">{ strings::CLIENTS }</h2>
            if broker.roster.is_some() {
                <div class="bar">
                    { field::filter(strings::FILTER_CLIENTS, filter, on_filter) }
                    <span class="count">{ strings::clients(found.len(), total) }</span>
                </div>
            }
            <div role="status">
                { for broker.ended.iter().map(|(client, told)| ended(client, told)) }
                { for trouble.map(|words| html! { <p class="error">{ icons::warning() }{ words }</p> }) }
            </div>
            { body }
            if rest > 0 {
                <button type="button" class="button" onclick={more}>{ strings::show_more(rest) }</button>
            }
        </section>
    }
}

/// What became of disconnecting a client.
fn ended(client: &str, told: &Result<(), Failure>) -> Html {
    match told {
        Ok(()) => html! {
            <p class="done" data-testid="ended">{ icons::check() }{ strings::ended(client) }</p>
        },
        Err(failure) => html! {
            <p class="error" data-testid="ended">{ icons::warning() }{ strings::no_answer(failure) }</p>
        },
    }
}

fn row(props: &BrokerProps, client: &Client) -> Html {
    let is_chosen = props.broker.chosen.as_deref() == Some(&*client.id);
    let id: Rc<str> = client.id.as_str().into();
    let onclick = {
        let id = id.clone();
        props
            .on_act
            .reform(move |_: MouseEvent| Act::Choose((!is_chosen).then(|| id.clone())))
    };
    let text = |yes: bool| if yes { "true" } else { "false" };
    let is_me = props.me.as_deref() == Some(&*client.id);
    let number = |n: u64| Some(grouped(n));
    let is_hot = client.queued + client.dropped > 0;
    let since = if client.connected {
        strings::CONNECTED_NOW
    } else {
        strings::AWAY
    };
    let age = props.now.since(props.broker.here(client.since));
    let age = strings::span(Age::of(age));
    html! {
        <li key={&*id} data-client={AttrValue::Rc(id.clone())} data-connected={text(client.connected)} class={is_hot.then_some("hot")}>
            <button type="button" class="who" aria-expanded={text(is_chosen)} {onclick}>
                <span class="dot" aria-hidden="true"></span>
                <span class="name"><b>{ client.id.clone() }</b>
                    <small>{ strings::who(client.user.as_deref(), client.address.as_deref()) }</small></span>
                if is_me {
                    <span class="count">{ strings::THIS_PAGE }</span>
                }
                { icons::chevron() }
            </button>
            { field::facts(&[
                (since, "since", Some(age)),
                ("MQTT", "mqtt", Some(strings::mqtt(client.version).to_owned())),
                (strings::SUBSCRIPTIONS, "subscriptions", number(client.subscriptions)),
                (strings::IN_FLIGHT, "inflight", number(client.inflight)),
                (strings::QUEUED, "queued", number(client.queued)),
                (strings::DROPPED, "dropped", number(client.dropped)),
            ]) }
            if is_chosen {
                { closely(props, client, id) }
            }
        </li>
    }
}

/// What else is known of a client, and the way to get rid of it.
fn closely(props: &BrokerProps, client: &Client, id: Rc<str>) -> Html {
    let may = props.broker.info().is_some_and(|info| info.may_disconnect);
    let on_yes = props.on_act.reform(move |()| Act::End(id.clone()));
    html! {
        <div class="closely">
            { field::facts(&[
                (strings::REACHED_AT, "port", client.listener.map(|port| strings::listens(port, false, None))),
                (strings::KEEP_ALIVE, "keep-alive", client.keep_alive.map(strings::seconds)),
                (strings::SESSION, "session", Some(strings::expiry(client.expiry))),
                (strings::TO_CLIENT, "sent-to", client.sent.map(grouped)),
                (strings::FROM_CLIENT, "received-from", client.received.map(grouped)),
            ]) }
            { subscriptions(props.broker.subscriptions.as_ref()) }
            if !may {
                <p class="note">{ strings::NO_END }</p>
            } else if client.connected {
                <Confirm name="end" label={Some(strings::END)} question={strings::end_question(&client.id)} text={strings::END_TEXT}
                    yes={strings::END} unavailable={props.unavailable} doing={strings::ASKING} outcome={None::<Result<AttrValue, AttrValue>>} {on_yes} />
            }
        </div>
    }
}

fn subscriptions(told: Option<&Result<Rc<Subscriptions>, Failure>>) -> Html {
    let told = match told {
        None => return html! { <p class="quiet">{ strings::ASKING }</p> },
        Some(Err(failure)) => return html! { <p class="note">{ strings::no_answer(failure) }</p> },
        Some(Ok(told)) => told,
    };
    if told.total == 0 {
        return html! { <p class="quiet">{ strings::NO_SUBSCRIPTIONS }</p> };
    }
    let rest = told.total.saturating_sub(told.subscriptions.len() as u64);
    let one = |one: &crate::desk::Subscription| {
        html! { <li><span class="wrap">{ one.filter.clone() }</span><small>{ strings::QOS }{ " " }{ one.qos }</small></li> }
    };
    html! { <>
        <h3>{ strings::SUBSCRIPTIONS }</h3>
        <ul class="filters" data-testid="filters" tabindex="0" aria-label={strings::SUBSCRIPTIONS}>
            { for told.subscriptions.iter().map(one) }
            if rest > 0 {
                <li>{ strings::more_filters(rest) }</li>
            }
        </ul>
    </> }
}
