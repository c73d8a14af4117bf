use std::rc::Rc;

use web_sys::Element;
use yew::prelude::*;

use super::field;
use super::hooks::use_width;
use super::shared::Shared;
use crate::chart::{self, Axis, Drawing, Frame, History, Input, Key, Path, SPANS, Span, View};
use crate::number::display;
use crate::store::Point;
use crate::strings;
use crate::time::Millis;

/// Height of the drawing in pixels: of a chart on its own on a laptop, on a
/// phone, and of one on a card.
const TALL: f64 = 380.0;
const MIDDLE: f64 = 300.0;
const LOW: f64 = 172.0;
/// Rows of the table that stands for the drawing.
const MAX_ROWS: usize = 120;

/// A number as a chart shows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) label: AttrValue,
    pub(super) topic: AttrValue,
    pub(super) unit: AttrValue,
    pub(super) decimals: u8,
    pub(super) history: Shared<History>,
    /// Values at which it is worth a look.
    pub(super) limits: Rc<[f64]>,
    /// The link to the chart without it.
    pub(super) without: Option<AttrValue>,
}

impl Curve {
    /// What stands above its axis: numbers of one unit share one, those without
    /// any only if they are called the same.
    fn axis(&self) -> &str {
        if self.unit.is_empty() {
            &self.label
        } else {
            &self.unit
        }
    }

    /// A value with its unit, as people read it.
    fn read(&self, value: f64) -> String {
        let value = display(value, self.decimals);
        [value.as_str(), &self.unit].join(" ").trim_end().to_owned()
    }
}

/// What a chart needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct ChartProps {
    pub(super) curves: Vec<Curve>,
    pub(super) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// How much time somebody wants to see.
    pub(super) span: Span,
    /// Somebody chooses another span; a chart on a card offers none.
    pub(super) on_span: Option<Callback<Span>>,
}

/// Lines over time, with the values under the cursor in words below them. The
/// drawing is one stop for the keyboard, in which the arrows move the cursor.
#[component]
pub(super) fn Chart(props: &ChartProps) -> Html {
    let ChartProps { curves, offset, .. } = props;
    let view = use_state(|| View::new(props.span));
    let table = use_state(|| false);
    {
        let view = view.clone();
        use_effect_with(props.span, move |&span| {
            view.set(view.after(Input::Choose(span), (0.0, 0.0)));
        });
    }
    let place = use_node_ref();
    let width = use_width(&place);
    let small = props.on_span.is_none();
    let first = curves.iter().filter_map(|curve| curve.history.first());
    let range = view.span.range(props.now.0, first.reduce(f64::min));
    let has_second = curves.iter().any(|curve| curve.axis() != curves[0].axis());
    let frame = Frame {
        width,
        height: match width {
            _ if small => LOW,
            ..480.0 => MIDDLE,
            _ => TALL,
        },
        left: 44.0,
        right: if has_second { 44.0 } else { 8.0 },
        top: 24.0,
        bottom: 24.0,
    };
    let lines: Vec<chart::Line<'_>> = curves
        .iter()
        .map(|curve| chart::Line {
            points: curve.history.points(),
            unit: curve.axis(),
            limits: &curve.limits,
        })
        .collect();
    let drawing = chart::draw(&lines, &frame, range, view.cursor, *offset);
    let act = {
        let view = view.clone();
        Callback::from(move |input: Input| view.set(view.after(input, range)))
    };
    let onpointer = {
        let (act, place) = (act.clone(), place.clone());
        Callback::from(move |event: PointerEvent| pointer(&event, &place, &frame, &act))
    };
    let onkeydown = {
        let act = act.clone();
        Callback::from(move |event: KeyboardEvent| {
            if let Some(key) = key(&event.key()) {
                event.prevent_default();
                act.emit(Input::Key(key));
            }
        })
    };
    let read: Vec<String> = readings(curves, &drawing);
    let when = view.cursor.map(|at| Millis(at).clock(*offset));
    let said = when.iter().chain(&read).cloned().collect::<Vec<_>>();
    let label = strings::chart_label(curves.iter().map(|curve| &*curve.label));
    html! {
        <div class={classes!("chart", small.then_some("small"))} data-testid="chart">
            if let Some(on_span) = &props.on_span {
                { tools(&view, *table, on_span, &act, &table) }
            }
            <div class="plot" ref={place} tabindex="0" role="slider" aria-label={label} aria-roledescription={strings::CHART}
                aria-valuemin="0" aria-valuemax="100" aria-valuenow={share(view.cursor, range)} aria-valuetext={said.join(", ")}
                onpointerdown={onpointer.clone()} onpointermove={onpointer.clone()} onpointerup={onpointer.clone()}
                onpointercancel={onpointer.clone()} onpointerleave={onpointer} {onkeydown}>
                { picture(&drawing, &frame, &view, when) }
            </div>
            { legend(curves, &drawing, &read, small) }
            if *table {
                { rows(curves, range, *offset) }
            }
        </div>
    }
}

/// A pointer is put down, moved, lifted, or leaves.
fn pointer(event: &PointerEvent, place: &NodeRef, frame: &Frame, act: &Callback<Input>) {
    let Some(place) = place.cast::<Element>() else {
        return;
    };
    let left = place.get_bounding_client_rect().left() + frame.left;
    let (pointer, x) = (
        event.pointer_id(),
        (f64::from(event.client_x()) - left) / frame.across(),
    );
    let touch = event.pointer_type() != "mouse";
    act.emit(match &*event.type_() {
        "pointerdown" => {
            // Without the capture a drag only ends where it leaves the chart.
            let _ = place.set_pointer_capture(pointer);
            Input::Down { pointer, x, touch }
        }
        "pointermove" => Input::Move { pointer, x },
        "pointerleave" if !touch => Input::Leave,
        _ => Input::Up(pointer),
    });
}

fn key(name: &str) -> Option<Key> {
    Some(match name {
        "ArrowLeft" | "ArrowDown" => Key::Earlier,
        "ArrowRight" | "ArrowUp" => Key::Later,
        "Home" => Key::First,
        "End" => Key::Last,
        "+" | "=" => Key::In,
        "-" => Key::Out,
        "0" | "Escape" => Key::Reset,
        _ => return None,
    })
}

fn share(cursor: Option<f64>, (from, to): (f64, f64)) -> String {
    let at = cursor.unwrap_or(to);
    let percent = ((at - from) / (to - from) * 100.0).round();
    (percent as u32).to_string()
}

/// The buttons above the drawing.
fn tools(
    view: &View,
    is_table: bool,
    on_span: &Callback<Span>,
    act: &Callback<Input>,
    table: &UseStateHandle<bool>,
) -> Html {
    let place = match view.span {
        Span::Last(seconds) => SPANS.iter().position(|span| *span == seconds),
        Span::All => Some(SPANS.len()),
        Span::Fixed(..) => None,
    };
    let on_place =
        on_span.reform(|place: usize| SPANS.get(place).map_or(Span::All, |span| Span::Last(*span)));
    let press = |key: Key, name: &'static str, sign: &'static str| {
        let onclick = act.reform(move |_: MouseEvent| Input::Key(key));
        html! { <button type="button" class="tool" aria-label={name} title={name} {onclick}>{ sign }</button> }
    };
    let flip = {
        let table = table.clone();
        Callback::from(move |_: MouseEvent| table.set(!*table))
    };
    html! {
        <div class="bar">
            { field::choice(strings::SPAN, &strings::SPANS, place, &on_place) }
            <span class="zoom">
                { press(Key::Out, strings::ZOOM_OUT, "−") }
                { press(Key::In, strings::ZOOM_IN, "+") }
                if view.is_zoomed() {
                    <button type="button" class="button" onclick={act.reform(|_: MouseEvent| Input::Key(Key::Reset))} data-testid="reset">{ strings::ZOOM_RESET }</button>
                }
            </span>
            <button type="button" class="button" aria-pressed={if is_table { "true" } else { "false" }} onclick={flip}>{ strings::TABLE }</button>
        </div>
    }
}

fn picture(drawing: &Drawing, frame: &Frame, view: &View, when: Option<String>) -> Html {
    let text = |n: f64| (n.round() as i32).to_string();
    let (right, bottom) = (frame.width - frame.right, frame.height - frame.bottom);
    let (left, top) = (text(frame.left), text(frame.top));
    let (right, bottom) = (text(right), text(bottom));
    let grid = drawing
        .axes
        .first()
        .into_iter()
        .flat_map(|axis| &axis.ticks);
    let grid: String = grid
        .map(|(y, _)| ["M", &left, " ", &text(*y), "H", &right].concat())
        .collect();
    let axis = |(place, axis): (usize, &Axis)| {
        let (x, class) = if place == 0 {
            (text(frame.left - 8.0), "tick left")
        } else {
            (text(frame.width - frame.right + 8.0), "tick")
        };
        html! { <>
            <text class={if place == 0 { "tick" } else { "tick left" }} x={text(frame.width * place as f64)} y="11">{ axis.unit.clone() }</text>
            { for axis.ticks.iter().map(|(y, label)| html! {
                <text class={class} x={x.clone()} y={text(y + 4.0)}>{ label.clone() }</text>
            }) }
        </> }
    };
    let time = |(x, label): &(f64, String)| {
        let x = text(x.max(frame.left + 14.0).min(frame.width - 18.0));
        html! { <text class="tick middle" {x} y={text(frame.height - 6.0)}>{ label.clone() }</text> }
    };
    let line = |(place, path): (usize, &Path)| {
        let series = format!("series s{}", place + 1);
        let limits: String = path
            .limits
            .iter()
            .map(|y| ["M", &left, " ", &text(*y), "H", &right].concat())
            .collect();
        html! { <g class={series}>
            <path class="limit" d={limits} />
            <g clip-path="url(#plot)"><path class="line" transform="scale(.1)" vector-effect="non-scaling-stroke" d={path.path.clone()} /></g>
            { for path.cursor.map(|(x, y, _)| html! { <circle class="here" cx={text(x)} cy={text(y)} r="5" /> }) }
        </g> }
    };
    let mark = view.mark.map(|(one, other)| {
        let place = |x: f64| frame.left + frame.across() * x.clamp(0.0, 1.0);
        let (from, to) = (place(one.min(other)), place(one.max(other)));
        html! { <rect class="mark" x={text(from)} y={top.clone()} width={text(to - from)} height={text(frame.up())} /> }
    });
    let cursor = drawing.cursor.zip(when).map(|(x, when)| {
        let middle = text(x.max(frame.left + 30.0).min(frame.width - 40.0));
        html! { <>
            <path class="cursor" d={["M", &text(x), " ", &top, "V", &bottom].concat()} />
            <text class="tick middle strong" x={middle} y="14">{ when }</text>
        </> }
    });
    let clip = html! {
        <clipPath id="plot"><rect x={left.clone()} y="0" width={text(frame.across())} height={text(frame.height)} /></clipPath>
    };
    html! {
        <svg width={text(frame.width)} height={text(frame.height)} aria-hidden="true" focusable="false">
            { clip }
            <path class="grid" d={grid} />
            { for drawing.axes.iter().enumerate().map(axis) }
            { for drawing.times.iter().map(time) }
            { for mark }
            { for cursor }
            { for drawing.paths.iter().enumerate().map(line) }
        </svg>
    }
}

/// What each line says: under the cursor, or at last.
fn readings(curves: &[Curve], drawing: &Drawing) -> Vec<String> {
    let both = curves.iter().zip(&drawing.paths);
    both.map(|(curve, path)| {
        let point = match (drawing.cursor, path.cursor) {
            (Some(_), at) => at.map(|(_, _, point)| point),
            (None, _) => curve.history.points().last().copied(),
        };
        point.map_or("–".to_owned(), |point| curve.read(point.value))
    })
    .collect()
}

fn legend(curves: &[Curve], drawing: &Drawing, read: &[String], small: bool) -> Html {
    if small && curves.len() < 2 {
        return Html::default();
    }
    let entry = |(place, curve): (usize, &Curve)| {
        let range = drawing.paths[place].range.filter(|_| !small);
        let range = range.map(|(low, high)| {
            let decimals = curve.decimals;
            strings::range(&display(low, decimals), &display(high, decimals))
        });
        html! {
            <li class={format!("s{}", place + 1)} data-topic={curve.topic.clone()}>
                <i aria-hidden="true"></i>
                <span class="name"><b>{ curve.label.clone() }</b>if !small { <small>{ curve.topic.clone() }</small> }</span>
                <span class="range">{ for range }</span>
                <b class="value">{ read[place].clone() }</b>
                { for curve.without.iter().map(|link| html! {
                    <a class="tool" href={link} aria-label={strings::remove(&curve.label)} title={strings::remove(&curve.label)}>{ super::icons::close() }</a>
                }) }
            </li>
        }
    };
    html! { <ul class="legend">{ for curves.iter().enumerate().map(entry) }</ul> }
}

/// The same values as a table, latest first, number by number.
fn rows(curves: &[Curve], (from, to): (f64, f64), offset: i32) -> Html {
    let most = MAX_ROWS / curves.len().max(1);
    let row = |curve: &Curve, point: &Point| {
        let cells = [
            point.at.clock(offset),
            curve.label.to_string(),
            curve.read(point.value),
        ];
        html! { <tr>{ for cells.map(|cell| html! { <td>{ cell }</td> }) }</tr> }
    };
    let body = curves.iter().flat_map(|curve| {
        let points = curve.history.points().iter().rev();
        let inside = points.filter(|point| (from..=to).contains(&point.at.0));
        inside
            .take(most)
            .map(|point| row(curve, point))
            .collect::<Vec<_>>()
    });
    html! {
        <div class="rows" tabindex="0" role="region" aria-label={strings::TABLE}>
            <table>
                <thead><tr>{ for strings::TABLE_HEAD.map(|head| html! { <th scope="col">{ head }</th> }) }</tr></thead>
                <tbody>{ for body }</tbody>
            </table>
        </div>
    }
}
