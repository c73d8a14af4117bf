//! Charts: several numbers over time, pure. A screen gives its size, its
//! pointers and keys, and gets lines, ticks and what is under the cursor.
//!
//! - [`History`] holds the points of one number, bounded.
//! - [`View`] is which time is looked at and what a hand does to it.
//! - [`draw`] turns both into paths; [`axis`] finds round ticks.
//! - [`Spec`] is a chart as it stands in a link.

pub mod axis;
mod history;
mod plot;
mod spec;
mod view;

pub(crate) use history::points;
pub use history::{History, Tracks, thin};
pub use plot::{Axis, Drawing, Frame, Line, Path, draw};
pub use spec::{MAX_SERIES, Name, Spec};
pub use view::{Input, Key, SPANS, Span, View};
