//! Message expiry (section 3.3.2.3.3).

use std::sync::Arc;
use std::time::Duration;

use codec::QoS;
use protocol::{Delivery, PublishError};

use crate::harness::{Pair, SIDES, Server, V5, VERSIONS, send};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(crate) fn expiring(pair: &mut Pair, qos: QoS, seconds: u64) -> Delivery {
    let mut delivery = pair.delivery(qos, "Temperature:14");
    let mut message = (*delivery.message).clone();
    message.expires_at = Some(pair.now + Duration::from_secs(seconds));
    delivery.message = Arc::new(message);
    delivery
}

#[test]
fn mqtt_3_3_2_6_the_expiry_interval_is_what_is_left_of_it() {
    for from in SIDES {
        let mut pair = Pair::connected(V5);
        pair.auto_acknowledge = false;
        let delivery = expiring(&mut pair, QoS::AtLeastOnce, 10);
        pair.advance(Duration::from_millis(3_500));
        send(&mut pair, from, delivery).unwrap();
        pair.advance(Duration::from_secs(3));
        pair.reconnect();
        // Its delivery has begun, so it is not dropped.
        pair.advance(Duration::from_secs(30));
        pair.reconnect();
        let left: Vec<_> = pair
            .end(from.other())
            .received
            .iter()
            .map(|p| p.properties.message_expiry_interval())
            .collect();
        assert_eq!(left, [Some(7), Some(4), Some(1)]);
    }
}

#[test]
fn mqtt_3_3_2_5_what_has_expired_is_not_sent() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let delivery = expiring(&mut pair, QoS::AtLeastOnce, 10);
        pair.advance(Duration::from_millis(10_001));
        let refused = send(&mut pair, Server, delivery);
        assert_eq!(refused, Err(PublishError::Expired));
        let at_once = expiring(&mut pair, QoS::AtLeastOnce, 0);
        send(&mut pair, Server, at_once).unwrap();
        assert_eq!(pair.client.received.len(), 1);
    }
}
