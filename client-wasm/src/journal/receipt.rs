use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::store::Possible;

/// What a stored message has with it. When the last one with its number goes,
/// every stream that had the message has passed it on: the application has
/// taken it.
#[derive(Clone, Debug)]
pub(crate) struct Receipt(Rc<Held>, Possible);

#[derive(Debug)]
struct Held {
    number: u64,
    /// Where numbers go; gone when nothing is taken any more.
    taken: Weak<RefCell<Vec<u64>>>,
}

impl Receipt {
    pub(super) fn new(number: u64, taken: &Rc<RefCell<Vec<u64>>>, possible: Possible) -> Self {
        let taken = Rc::downgrade(taken);
        Self(Rc::new(Held { number, taken }), possible)
    }
}

impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        self.0.number == other.0.number
    }
}

impl Eq for Receipt {}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.upgrade() {
            taken.borrow_mut().push(self.number);
        }
    }
}
