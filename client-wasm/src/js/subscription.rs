//! A subscription that is read from JavaScript.

use std::cell::RefCell;
use std::future::poll_fn;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::client::{acknowledged, promise};
use super::{acknowledgement, message};
use crate::mailbox::Mailbox;
use crate::{Acknowledgement, Subscription};

/// The messages of one subscription.
#[wasm_bindgen]
pub struct RawSubscription {
    granted: Acknowledgement,
    mailbox: Mailbox<crate::Message>,
    /// Until it is ended.
    subscription: RefCell<Option<Subscription>>,
}

impl RawSubscription {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self {
            granted: subscription.granted.clone(),
            mailbox: subscription.mailbox(),
            subscription: RefCell::new(Some(subscription)),
        }
    }
}

#[wasm_bindgen]
impl RawSubscription {
    /// SUBACK: the QoS that was granted.
    #[wasm_bindgen(getter)]
    pub fn granted(&self) -> JsValue {
        acknowledgement(&self.granted)
    }

    /// How many QoS 0 messages gave way.
    #[wasm_bindgen(getter)]
    pub fn missed(&self) -> f64 {
        self.mailbox.missed() as f64
    }

    /// The next message; undefined if there is none now, null if there will
    /// be none any more.
    pub fn take(&self) -> JsValue {
        let taken = match &*self.subscription.borrow() {
            Some(subscription) => subscription.take(),
            None => self.mailbox.take(),
        };
        match taken {
            Some(taken) => message(&taken),
            None if self.mailbox.is_over() => JsValue::NULL,
            None => JsValue::UNDEFINED,
        }
    }

    /// Ready when `take` has more to say.
    pub fn ready(&self) -> Promise {
        let mailbox = self.mailbox.clone();
        promise(async move {
            poll_fn(|context| mailbox.poll_ready(context)).await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Ends it; what has come can still be taken.
    pub fn unsubscribe(&self) -> Promise {
        let Some(subscription) = self.subscription.take() else {
            return Promise::resolve(&acknowledgement(&Acknowledgement::SUCCESS));
        };
        let ending = subscription.unsubscribe();
        self.mailbox.close();
        acknowledged(ending)
    }
}
