//! The page that the broker serves: a Home of widgets that builds itself, and
//! views for topics, messages and the connection.
//!
//! ```text
//!  client-wasm ─▶ link ─▶ frame ─▶ Action ─▶ State ─▶ ui ─▶ Callback ─▶ link
//! ```
//!
//! - [`link`](crate) is the only file that knows `client-wasm`; its messages
//!   wait in `frame` and reach the state once an animation frame.
//! - [`state::State`] is a value that a pure reducer makes anew from an
//!   [`state::Action`]. It holds the [`connection`], the [`store`] of topics and
//!   the [`home`] that is kept of them; what did not change stays the same by
//!   identity, so that only cards that changed are drawn again.
//! - [`widget`] is what a card shows and sends, whether suggested or kept.
//! - [`route`] is where one is, [`tree`] and [`payload`] what a view makes of
//!   the store, [`publishing`] and [`watch`] what becomes of messages.
//! - [`broker`] is what is known of the broker itself.
//! - [`diff`] is what changed between two payloads.
//! - [`chart`] is numbers over time, as lines, ticks and what a hand does.
//! - [`desk`] is what the page asks its broker, in [`json`].
//! - [`extract`] says what a payload means, [`number`], [`time`] and [`spark`]
//!   how it looks, [`qr`] how an address looks to a phone.
//! - `ui` is components: props in, callbacks out. All words are in `strings`,
//!   all colours and sizes in `style/tokens.css`.
//!
//! There is no clock and no browser in the state, so its tests run natively.
//! There is no inline style or script: the page's Content-Security-Policy
//! allows none.

pub mod broker;
mod browser;
pub mod chart;
mod clipboard;
pub mod connection;
pub mod credentials;
pub mod desk;
pub mod diff;
pub mod extract;
mod frame;
pub mod home;
mod host;
pub mod json;
mod keep;
mod link;
pub mod number;
pub mod payload;
pub mod place;
pub mod publishing;
pub mod qr;
pub mod route;
pub mod spark;
pub mod state;
pub mod store;
mod strings;
mod theme;
pub mod time;
pub mod tree;
mod ui;
pub mod watch;
pub mod widget;

/// Puts the page on the screen.
pub fn start() {
    theme::restore();
    yew::Renderer::<ui::App>::new().render();
}
