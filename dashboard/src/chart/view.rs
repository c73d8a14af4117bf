//! Which time a chart shows, and what pointers and keys do to it.
//!
//! ```text
//!  hover, one finger      the cursor follows
//!  drag with the mouse    zooms to what was marked
//!  two fingers            zoom and move: what is under them stays under them
//!  ← →  + −  0            the cursor, the zoom, back to what was chosen
//! ```

/// The narrowest that one can look, in milliseconds.
const NARROWEST: f64 = 2_000.0;
/// A mark that is narrower is a click: a share of the chart's width.
const CLICK: f64 = 0.01;

/// Spans to choose from, in seconds; beside them there is "all".
pub const SPANS: [u32; 4] = [300, 3_600, 21_600, 86_400];

/// How much time is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span {
    /// The last seconds; it moves on with the time.
    Last(u32),
    /// Everything; it grows with the time.
    All,
    /// From one time to another, in milliseconds; it stands still.
    Fixed(f64, f64),
}

impl Span {
    /// From when to when, `first` being the first point there is.
    #[must_use]
    pub fn range(self, now: f64, first: Option<f64>) -> (f64, f64) {
        match self {
            Span::Last(seconds) => (now - f64::from(seconds) * 1000.0, now),
            Span::All => (first.unwrap_or(now).min(now - 5_000.0), now),
            Span::Fixed(from, to) => (from, to),
        }
    }
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The cursor goes back in time.
    Earlier,
    /// The cursor goes on.
    Later,
    /// To the first time that is shown.
    First,
    /// To the last.
    Last,
    /// Shows less time.
    In,
    /// Shows more time.
    Out,
    /// Back to what was chosen.
    Reset,
}

/// What a hand does; places are shares of the chart's width, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    /// A pointer is put down.
    Down {
        /// Which one.
        pointer: i32,
        /// Where.
        x: f64,
        /// It is a finger or a pen, and no mouse.
        touch: bool,
    },
    /// A pointer moves, down or not.
    Move {
        /// Which one.
        pointer: i32,
        /// Where.
        x: f64,
    },
    /// A pointer is lifted, or goes elsewhere.
    Up(i32),
    /// The mouse has left.
    Leave,
    /// A key is pressed.
    Key(Key),
    /// Somebody chooses a span.
    Choose(Span),
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The time that is shown.
    pub span: Span,
    /// What was chosen last, to which one comes back.
    chosen: Span,
    /// Where the values are read, in milliseconds.
    pub cursor: Option<f64>,
    /// What the mouse is marking: two places.
    pub mark: Option<(f64, f64)>,
    /// Fingers that are down, and where.
    fingers: Vec<(i32, f64)>,
}

impl View {
    /// A chart of this much time.
    #[must_use]
    pub fn new(span: Span) -> View {
        View {
            span,
            chosen: span,
            cursor: None,
            mark: None,
            fingers: Vec::new(),
        }
    }

    /// Whether another time is shown than the one that was chosen.
    #[must_use]
    pub fn is_zoomed(&self) -> bool {
        self.span != self.chosen
    }

    /// What the view is after `input`; `range` is what it shows now.
    #[must_use]
    pub fn after(&self, input: Input, range: (f64, f64)) -> View {
        let mut next = self.clone();
        next.take(input, range);
        next
    }

    fn take(&mut self, input: Input, (from, to): (f64, f64)) {
        let time = |x: f64| from + (to - from) * x.clamp(0.0, 1.0);
        match input {
            Input::Down { pointer, x, touch } if touch => {
                self.fingers.retain(|(other, _)| *other != pointer);
                self.fingers.truncate(1);
                self.fingers.push((pointer, x));
                self.cursor = (self.fingers.len() == 1).then(|| time(x));
            }
            Input::Down { x, .. } => self.mark = Some((x, x)),
            Input::Move { pointer, x } => {
                let finger = self.fingers.iter().position(|(other, _)| *other == pointer);
                let before = finger.map(|at| std::mem::replace(&mut self.fingers[at].1, x));
                match (finger, before) {
                    (Some(at), Some(before)) if self.fingers.len() == 2 => {
                        self.pinch((from, to), self.fingers[1 - at].1, before, x);
                    }
                    _ => {
                        if let Some((_, end)) = &mut self.mark {
                            *end = x;
                        }
                        self.cursor = Some(time(x));
                    }
                }
            }
            Input::Up(pointer) => {
                self.fingers.retain(|(other, _)| *other != pointer);
                if let Some((start, end)) = self.mark.take()
                    && (end - start).abs() > CLICK
                {
                    self.show(time(start.min(end)), time(start.max(end)));
                    self.cursor = None;
                }
            }
            Input::Leave => {
                if self.mark.is_none() && self.fingers.is_empty() {
                    self.cursor = None;
                }
            }
            Input::Choose(span) => (self.span, self.chosen) = (span, span),
            Input::Key(key) => self.press(key, from, to),
        }
    }

    fn press(&mut self, key: Key, from: f64, to: f64) {
        let width = to - from;
        let at = self.cursor.filter(|at| (from..=to).contains(at));
        let step = width / 50.0;
        match key {
            Key::Earlier => self.cursor = Some((at.unwrap_or(to) - step).max(from)),
            Key::Later => self.cursor = Some((at.unwrap_or(from) + step).min(to)),
            Key::First => self.cursor = Some(from),
            Key::Last => self.cursor = Some(to),
            Key::In | Key::Out => {
                let factor = if key == Key::In { 0.5 } else { 2.0 };
                let (at, width) = (at.unwrap_or(to), width.max(NARROWEST));
                let before = (at - from) / width * width * factor;
                self.show(at - before, at - before + width * factor);
            }
            Key::Reset => (self.span, self.cursor) = (self.chosen, None),
        }
    }

    /// One finger has gone from `before` to `x`, the other is `still`.
    fn pinch(&mut self, (from, to): (f64, f64), still: f64, before: f64, x: f64) {
        let apart = x - still;
        if apart.abs() < 0.02 || (before > still) != (x > still) {
            return;
        }
        let width = (to - from) * (before - still) / apart;
        let at = from + (to - from) * still;
        let from = at - width * still;
        self.show(from, from + width);
    }

    fn show(&mut self, from: f64, to: f64) {
        let middle = f64::midpoint(from, to);
        let half = ((to - from) / 2.0).max(NARROWEST / 2.0);
        self.span = Span::Fixed(middle - half, middle + half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: (f64, f64) = (100_000.0, 200_000.0);

    fn after(view: &View, inputs: &[Input]) -> View {
        inputs.iter().fold(view.clone(), |view, &input| {
            let range = match view.span {
                Span::Fixed(from, to) => (from, to),
                _ => RANGE,
            };
            view.after(input, range)
        })
    }

    fn down(pointer: i32, x: f64, touch: bool) -> Input {
        Input::Down { pointer, x, touch }
    }

    fn to(pointer: i32, x: f64) -> Input {
        Input::Move { pointer, x }
    }

    #[test]
    fn the_mouse_reads_and_marks_what_to_zoom_to() {
        let view = View::new(Span::Last(100));
        let hover = after(&view, &[to(1, 0.5)]);
        assert_eq!(hover.cursor, Some(150_000.0));
        assert_eq!(after(&hover, &[Input::Leave]).cursor, None);
        let marking = after(&view, &[down(1, 0.8, false), to(1, 0.4)]);
        assert_eq!(marking.mark, Some((0.8, 0.4)));
        let zoomed = after(&marking, &[Input::Up(1)]);
        assert_eq!(zoomed.span, Span::Fixed(140_000.0, 180_000.0));
        assert!(zoomed.is_zoomed() && zoomed.mark.is_none());
        let click = after(&view, &[down(1, 0.8, false), Input::Up(1)]);
        assert_eq!(click.span, Span::Last(100));
        let back = after(&zoomed, &[Input::Key(Key::Reset)]);
        assert_eq!(back.span, Span::Last(100));
    }

    #[test]
    fn a_finger_reads_and_two_zoom_around_what_is_under_them() {
        let view = View::new(Span::All);
        let one = after(&view, &[down(1, 0.2, true), to(1, 0.4)]);
        assert_eq!((one.cursor, one.span), (Some(140_000.0), Span::All));
        let two = after(&one, &[down(2, 0.6, true)]);
        assert_eq!(two.cursor, None);
        let apart = after(&two, &[to(2, 0.8)]);
        // 140,000 stays at 0.4; 160,000 was at 0.6 and is at 0.8.
        assert_eq!(apart.span, Span::Fixed(120_000.0, 170_000.0));
        let crossed = after(&two, &[to(2, 0.3)]);
        assert_eq!(crossed.span, Span::All, "fingers that cross zoom nothing");
        let moved = after(&apart, &[Input::Up(1), to(2, 0.5)]);
        assert_eq!(moved.cursor, Some(145_000.0));
    }

    #[test]
    fn keys_do_what_hands_do() {
        let view = View::new(Span::Last(100));
        let key = |view: &View, key| after(view, &[Input::Key(key)]);
        assert_eq!(key(&view, Key::Earlier).cursor, Some(198_000.0));
        assert_eq!(
            key(&key(&view, Key::First), Key::Later).cursor,
            Some(102_000.0)
        );
        assert_eq!(key(&view, Key::Last).cursor, Some(200_000.0));
        let zoomed = key(&view, Key::In);
        assert_eq!(zoomed.span, Span::Fixed(150_000.0, 200_000.0));
        assert_eq!(
            key(&zoomed, Key::Out).span,
            Span::Fixed(100_000.0, 200_000.0)
        );
        let narrow = (0..40).fold(view, |view, _| key(&view, Key::In));
        let Span::Fixed(from, to) = narrow.span else {
            panic!("it was zoomed")
        };
        assert_eq!(to - from, NARROWEST);
    }

    #[test]
    fn spans_follow_the_time_or_stand_still() {
        assert_eq!(Span::Last(60).range(100_000.0, None), (40_000.0, 100_000.0));
        assert_eq!(Span::All.range(9_000.0, Some(1_000.0)), (1_000.0, 9_000.0));
        assert_eq!(Span::All.range(9_000.0, None), (4_000.0, 9_000.0));
        assert_eq!(Span::Fixed(1.0, 2.0).range(9.0, None), (1.0, 2.0));
    }
}
