//! Changing Home: a bar above it, a bar below each card, and a card's fields.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::field;
use super::icons;
use crate::home::{Event, Home, Keeper, Trouble};
use crate::json::Json;
use crate::strings;
use crate::widget::{Change, FIELDS, Field, Kind, Layout, Widget};

/// A button with a word on it.
pub(super) fn word(on_home: &Callback<Event>, words: &'static str, event: Event) -> Html {
    let onclick = on_home.reform(move |_: MouseEvent| event.clone());
    html! { <button type="button" class="button" {onclick}>{ words }</button> }
}

fn sign(on_home: &Callback<Event>, name: &'static str, sign: Html, event: Option<Event>) -> Html {
    let disabled = event.is_none().then_some("true");
    let on_home = on_home.clone();
    let onclick = Callback::from(move |_: MouseEvent| {
        if let Some(event) = event.clone() {
            on_home.emit(event);
        }
    });
    html! { <button type="button" class="tool" aria-label={name} title={name} aria-disabled={disabled} {onclick}>{ sign }</button> }
}

/// What changes a card that is kept: the `at`th of `count`.
pub(super) fn kept_bar(on_home: &Callback<Event>, at: usize, count: usize, is_open: bool) -> Html {
    let to = |to: usize| Event::Change(Change::Move(at, to));
    let earlier = (at > 0).then(|| to(at - 1));
    let later = (at + 1 < count).then(|| to(at + 1));
    html! {
        <div class="edit-bar">
            <span class="tool grip" title={strings::DRAG} aria-hidden="true"
                onpointerdown={on_home.reform(move |_: PointerEvent| Event::Grab(Some(at)))}>{ "⠿" }</span>
            { sign(on_home, strings::EARLIER, html! { "↑" }, earlier) }
            { sign(on_home, strings::LATER, html! { "↓" }, later) }
            { sign(on_home, strings::SETTINGS, icons::sliders(), Some(Event::Open((!is_open).then_some(at)))) }
            { sign(on_home, strings::TAKE_AWAY, icons::close(), Some(Event::Change(Change::Drop(at)))) }
        </div>
    }
}

/// While a card is dragged, it goes where the pointer is.
pub(super) fn on_drag(home: &Home, on_home: &Callback<Event>) -> Callback<PointerEvent> {
    let (drag, on_home) = (home.drag, on_home.clone());
    Callback::from(move |event: PointerEvent| {
        let Some(from) = drag else { return };
        if event.buttons() == 0 {
            return on_home.emit(Event::Grab(None));
        }
        event.prevent_default();
        let (x, y) = (event.client_x() as f32, event.client_y() as f32);
        let under = gloo::utils::document().element_from_point(x, y);
        let card = under.and_then(|under| under.closest("[data-at]").ok()?);
        let to = card.and_then(|card| card.get_attribute("data-at")?.parse().ok());
        if let Some(to) = to.filter(|to| *to != from) {
            on_home.emit(Event::Change(Change::Move(from, to)));
        }
    })
}

/// What a kind of widget needs to be told.
fn wanted(kind: Kind, field: Field) -> bool {
    use Field as F;
    match field {
        F::Title => true,
        F::State | F::Narrow | F::Wide => kind != Kind::Heading,
        F::Path => !matches!(kind, Kind::Button | Kind::Log | Kind::Heading),
        F::Command | F::Retain | F::Qos => kind.commands(),
        F::On => matches!(kind, Kind::Toggle | Kind::Button),
        F::Off => kind == Kind::Toggle,
        F::Options => kind == Kind::Select,
        F::Template => matches!(kind, Kind::Slider | Kind::Select | Kind::Colour),
        F::Unit => matches!(kind, Kind::Value | Kind::Slider | Kind::Gauge),
        F::Decimals => matches!(kind, Kind::Value | Kind::Slider | Kind::Gauge),
        F::Min | F::Max => matches!(kind, Kind::Slider | Kind::Gauge),
        F::Step => kind == Kind::Slider,
        F::Above | F::Below => matches!(kind, Kind::Value | Kind::Gauge | Kind::Chart),
        F::WarnAbove | F::WarnBelow => matches!(kind, Kind::Value | Kind::Gauge),
        F::Stale => !matches!(kind, Kind::Heading | Kind::Button),
        F::Availability => !matches!(kind, Kind::Heading | Kind::Chart | Kind::Log),
        F::Series => kind == Kind::Chart,
    }
}

/// The fields of a card.
pub(super) fn fields(widget: &Widget, at: usize, on_home: &Callback<Event>) -> Html {
    let kinds: Vec<(Kind, &'static str)> =
        Kind::ALL.map(|kind| (kind, strings::kind(kind))).to_vec();
    let turn = {
        let on_home = on_home.clone();
        Callback::from(move |event: yew::Event| {
            let chosen = event.target_dyn_into::<HtmlSelectElement>();
            let place = chosen.map_or(0, |select| select.selected_index() as usize);
            if let Some(kind) = Kind::ALL.get(place) {
                on_home.emit(Event::Change(Change::Turn(at, *kind)));
            }
        })
    };
    let input = |(field, name): &(Field, &'static str)| {
        let (field, name) = (*field, *name);
        let on_home = on_home.clone();
        let onchange = Callback::from(move |event: yew::Event| {
            let input = event.target_dyn_into::<HtmlInputElement>();
            let text = input.map(|input| input.value()).unwrap_or_default();
            on_home.emit(Event::Change(Change::Set(at, field, text)));
        });
        html! { <Setting key={name} {name} words={strings::field(field)} value={widget.get(field).to_owned()} {onchange} /> }
    };
    html! {
        <div class="panel form settings" data-testid="settings">
            <label>{ strings::KIND }
                <select name="type" onchange={turn}>{ for kinds.into_iter().map(|(kind, words)| html! {
                    <option selected={kind == widget.kind}>{ words }</option>
                }) }</select>
            </label>
            { for FIELDS.iter().filter(|(field, _)| wanted(widget.kind, *field)).map(input) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct SettingProps {
    name: &'static str,
    words: &'static str,
    value: String,
    onchange: Callback<yew::Event>,
}

/// A field of a card.
#[component]
fn Setting(props: &SettingProps) -> Html {
    let node = field::use_given(props.name, props.value.clone());
    html! {
        <label>{ props.words }
            <input ref={node} name={props.name} autocomplete="off" autocapitalize="none" spellcheck="false" onchange={props.onchange.clone()} />
        </label>
    }
}

/// What the bar above Home needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct EditBarProps {
    pub(super) home: super::shared::Shared<Home>,
    pub(super) on_home: Callback<Event>,
    pub(super) on_save: Callback<()>,
}

/// Begins and ends the changing of Home.
#[component]
pub(super) fn EditBar(props: &EditBarProps) -> Html {
    let EditBarProps {
        home,
        on_home,
        on_save,
    } = props;
    let json = use_state(String::new);
    let bad = use_state(|| false);
    let Some(edit) = &home.edit else {
        return Html::default();
    };
    let note = match home.keeper {
        Keeper::Browser => strings::SAVED_HERE,
        Keeper::ReadOnly => strings::READ_ONLY,
        _ => strings::EDITING,
    };
    let save = on_save.reform(|_: MouseEvent| ());
    let can_save = home.keeper != Keeper::ReadOnly;
    let is_shown = !json.is_empty();
    let show = {
        let (json, bad, edit) = (json.clone(), bad.clone(), edit.clone());
        Callback::from(move |_: MouseEvent| {
            bad.set(false);
            json.set(if is_shown {
                String::new()
            } else {
                edit.layout.json().to_string()
            });
        })
    };
    let written = {
        let json = json.clone();
        Callback::from(move |event: InputEvent| json.set(field::written(&event)))
    };
    let import = {
        let (json, bad, on_home) = (json.clone(), bad.clone(), on_home.clone());
        Callback::from(move |_: MouseEvent| {
            let read = Json::parse(&json);
            let layout = read.and_then(|json| Layout::read(&json));
            bad.set(layout.is_none());
            if let Some(layout) = layout {
                on_home.emit(Event::Change(Change::Replace(layout)));
                json.set(String::new());
            }
        })
    };
    let hidden = edit.layout.hidden.len();
    let added = Widget::new(Kind::Value, "").into();
    html! {
        <section class="panel home-bar open" data-testid="edit-bar">
            <div class="bar">
                if can_save {
                    <button type="button" class="button primary" onclick={save}>{ strings::DONE }</button>
                }
                { word(on_home, strings::CANCEL, Event::Edit(false)) }
                if edit.can_undo() {
                    { word(on_home, strings::UNDO, Event::Change(Change::Undo)) }
                }
                { word(on_home, strings::ADD, Event::Change(Change::Keep(added))) }
                if hidden > 0 {
                    <button type="button" class="button" onclick={on_home.reform(|_: MouseEvent| Event::Change(Change::ShowAll))}>{ strings::show_hidden(hidden) }</button>
                }
                <button type="button" class="button" data-testid="json" aria-expanded={if is_shown { "true" } else { "false" }}
                    onclick={show}>{ strings::EXPORT }{ " / " }{ strings::IMPORT }</button>
            </div>
            <p class="hint">{ note }</p>
            if is_shown {
                <div class="form">
                    <textarea rows="6" aria-label={strings::JSON} value={(*json).clone()} oninput={written} />
                    if *bad {
                        <p class="error" role="alert">{ icons::warning() }{ strings::BAD_LAYOUT }</p>
                    }
                    <button type="button" class="button" onclick={import}>{ strings::USE_IT }</button>
                </div>
            }
            { match &home.trouble {
                None => Html::default(),
                Some(Trouble::Conflict) => html! {
                    <div class="question" role="alert" data-testid="conflict">
                        <p>{ theirs(&home.layout, &edit.layout) }</p>
                        { word(on_home, strings::TAKE_THEIRS, Event::Settle(true)) }
                        { word(on_home, strings::KEEP_MINE, Event::Settle(false)) }
                    </div>
                },
                Some(Trouble::Other(words)) => {
                    let words = if words.is_empty() { strings::NOT_SAVED } else { words };
                    html! { <p class="error" role="alert">{ icons::warning() }{ words.to_owned() }</p> }
                }
            } }
        </section>
    }
}

/// What the other one has that this one has not, and the other way round.
fn theirs(theirs: &Layout, mine: &Layout) -> String {
    let names = |one: &Layout, other: &Layout| {
        let new = one
            .widgets
            .iter()
            .filter(|widget| !other.widgets.contains(widget));
        let name = |widget: &std::rc::Rc<Widget>| match widget.get(Field::Title) {
            "" => widget.topic().to_owned(),
            title => title.to_owned(),
        };
        new.take(5).map(name).collect::<Vec<_>>()
    };
    strings::theirs(&names(theirs, mine), &names(mine, theirs))
}
