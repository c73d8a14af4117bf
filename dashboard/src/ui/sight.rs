//! Which cards of Home can be seen.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, IntersectionObserver, IntersectionObserverEntry};
use yew::prelude::*;

use super::home::HomeProps;
use super::shared::Shared;

/// What is looked for: the cards, which have a topic, and the log's, which has
/// none.
const CARDS: &str = ".home [data-topic], .home .log";

/// A card that can be seen.
pub(super) struct Seen {
    element: Element,
    /// Its topic; empty for the log's.
    pub(super) topic: String,
}

/// What tells which cards can be seen, as long as it is there.
struct Watch {
    observer: IntersectionObserver,
    _note: Closure<dyn FnMut(Array)>,
}

impl Watch {
    /// Watches the cards that are there; none where the browser cannot.
    fn begin(note: impl FnMut(Array) + 'static) -> Option<Watch> {
        let note = Closure::<dyn FnMut(Array)>::new(note);
        let observer = IntersectionObserver::new(note.as_ref().unchecked_ref()).ok()?;
        let cards = gloo::utils::document().query_selector_all(CARDS).ok()?;
        for card in Array::from(&cards) {
            observer.observe(card.unchecked_ref());
        }
        Some(Watch {
            observer,
            _note: note,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// What can be seen of Home; it is drawn anew when that changes. Nothing before
/// the browser has told for the first time.
#[hook]
pub(super) fn use_sight(home: &HomeProps) -> Rc<RefCell<Vec<Seen>>> {
    let seen = use_mut_ref(Vec::<Seen>::new);
    let watch = use_mut_ref(|| None);
    let update = use_force_update();
    let noted = seen.clone();
    let (groups, known) = (Shared(home.store.groups()), home.home.clone());
    use_effect(move || {
        // Cards come and go with the groups, with what is kept, and on demand.
        let cards = gloo::utils::document().get_elements_by_tag_name("article");
        let of = Some((cards.length(), groups, known));
        let mut watch = watch.borrow_mut();
        if matches!(&*watch, Some((before, _)) if *before == of) {
            return;
        }
        noted.borrow_mut().clear();
        let note = move |entries: Array| {
            let mut seen = noted.borrow_mut();
            for entry in entries {
                let entry: IntersectionObserverEntry = entry.unchecked_into();
                let element = entry.target();
                seen.retain(|seen| seen.element != element);
                if entry.is_intersecting() {
                    let topic = element.get_attribute("data-topic").unwrap_or_default();
                    seen.push(Seen { element, topic });
                }
            }
            update.force_update();
        };
        *watch = Some((of, Watch::begin(note)));
    });
    seen
}
