//! What a page and a worker both have: a clock, timers, randomness.

use js_sys::Function;
use protocol::Time;
use wasm_bindgen::prelude::*;

use crate::alarm::Alarm;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &Function, milliseconds: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}

/// Now, since the page or worker began.
pub(crate) fn now() -> Time {
    Time::from_millis(performance_now() as u64)
}

/// A number in 0..1; not for secrets.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

/// Text that nobody can guess, of letters and digits; `None` if the browser
/// has no such thing.
pub(crate) fn nonce() -> Option<String> {
    let mut bytes = [0; 18];
    get_random_values(&mut bytes).ok()?;
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Some(digits.map(digit).collect())
}

/// Calls a function at a moment that can be changed.
pub(crate) struct Timer {
    handler: Closure<dyn FnMut()>,
    armed: Option<(Time, JsValue)>,
    /// Keeps the time while the page is hidden.
    alarm: Option<Alarm>,
}

impl Timer {
    pub(crate) fn new(handler: impl FnMut() + 'static) -> Self {
        Self {
            handler: Closure::new(handler),
            armed: None,
            alarm: None,
        }
    }

    /// Makes sure that it fires at `at`. It may fire earlier: at a moment that
    /// was asked for before, since to put it off for each packet is dear.
    pub(crate) fn fire_at(&mut self, at: Time, now: Time) {
        /// What setTimeout takes, milliseconds.
        const LONGEST: f64 = 2_147_483_647.0;
        if self.armed.as_ref().is_some_and(|(armed, _)| *armed <= at) {
            return;
        }
        self.clear();
        let milliseconds = (at - now).as_millis() as f64;
        let handler = self.handler.as_ref().unchecked_ref();
        let id = set_timeout(handler, milliseconds.min(LONGEST));
        self.armed = Some((at, id));
        if let Some(alarm) = &self.alarm {
            alarm.fire_in(at - now);
        }
    }

    /// Makes it fire in time though the page be hidden, from now on or no more.
    pub(crate) fn use_alarm(&mut self, wanted: bool, now: Time) {
        if wanted && self.alarm.is_none() {
            self.alarm = Alarm::new(self.handler.as_ref().unchecked_ref());
            if let (Some(alarm), Some((at, _))) = (&self.alarm, &self.armed) {
                alarm.fire_in(*at - now);
            }
        } else if !wanted {
            self.alarm = None;
        }
    }

    /// To be called when it has fired.
    pub(crate) fn fired(&mut self) {
        // The alarm may have come first.
        self.clear();
    }

    pub(crate) fn clear(&mut self) {
        if let Some((_, id)) = self.armed.take() {
            clear_timeout(&id);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}
