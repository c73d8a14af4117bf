use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Wake;

use protocol::Message;

use super::*;

const LIMITS: QueueLimits = QueueLimits {
    messages: 4,
    bytes: 0,
    qos0: false,
};
const RECEIVER: Receiver = Receiver {
    version: ProtocolVersion::V3_1_1,
    maximum_packet_size: 1000,
    has_aliases: false,
};

#[derive(Default)]
struct Flag(AtomicBool);
impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
impl Flag {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

fn outbox() -> Outbox {
    Outbox::new(Identity::default(), Memory::with(LIMITS, usize::MAX))
}

fn batch(qos0: usize, deliveries: usize) -> Batch {
    let message = Arc::new(Message::new(TopicName::new("t").unwrap(), "x"));
    Batch {
        qos0: BytesMut::from(&vec![0; qos0][..]),
        qos0_count: Qos0 {
            messages: u32::try_from(qos0).unwrap(),
            payload: 0,
        },
        deliveries: vec![Delivery::new(message, QoS::AtLeastOnce); deliveries],
        receiver: Some(RECEIVER),
    }
}

fn take_with(outbox: &Outbox, window: Window, cx: &Context<'_>) -> (usize, usize) {
    let (mut chunks, mut deliveries) = (VecDeque::new(), Vec::new());
    outbox.take(window, &mut chunks, &mut deliveries, cx);
    (chunks.iter().map(BytesMut::len).sum(), deliveries.len())
}

fn window(messages: usize) -> Window {
    Window {
        messages,
        bytes: usize::MAX,
        is_idle: false,
    }
}

fn take(outbox: &Outbox, messages: usize) -> (usize, usize) {
    let cx = Context::from_waker(Waker::noop());
    take_with(outbox, window(messages), &cx)
}

#[test]
fn while_away_qos_0_is_dropped_and_the_queue_is_bounded() {
    let outbox = outbox();
    let pushed = outbox.push(&mut batch(10, 6));
    assert_eq!(
        pushed,
        Pushed {
            dropped: 2,
            hold: false
        }
    );
    assert_eq!(take(&outbox, 100), (0, 4));
}

#[test]
fn the_owner_is_woken_once_a_batch_and_takes_what_its_window_allows() {
    let outbox = outbox();
    outbox.set_online(RECEIVER);
    let flag = Arc::new(Flag::default());
    let waker = flag.clone().into();
    let cx = Context::from_waker(&waker);
    assert_eq!(take_with(&outbox, window(2), &cx), (0, 0));
    outbox.push(&mut batch(10, 3));
    assert!(flag.take());
    outbox.push(&mut batch(10, 0));
    assert!(!flag.take(), "nobody waits any more");
    assert_eq!(take_with(&outbox, window(2), &cx), (20, 2));
    assert_eq!(take_with(&outbox, window(0), &cx), (0, 0));
    outbox.push(&mut batch(10, 0));
    assert!(flag.take(), "it waits again");
    assert_eq!(take_with(&outbox, window(2), &cx), (10, 1));
}

#[test]
fn bytes_in_flight_are_limited_but_for_the_first_message() {
    let outbox = outbox();
    outbox.push(&mut batch(0, 4));
    let cx = Context::from_waker(Waker::noop());
    let narrow = |bytes, is_idle| Window {
        messages: 100,
        bytes,
        is_idle,
    };
    assert_eq!(take_with(&outbox, narrow(0, false), &cx), (0, 0));
    assert_eq!(take_with(&outbox, narrow(0, true), &cx), (0, 1));
    assert_eq!(
        take_with(&outbox, narrow(2, false), &cx),
        (0, 2),
        "payloads of one byte"
    );
}

#[test]
fn a_draining_subscriber_holds_publishers_and_loses_nothing_a_slow_one_does_neither() {
    let outbox = outbox();
    outbox.set_online(RECEIVER);
    let flag = Arc::new(Flag::default());
    let waker = flag.clone().into();
    let cx = Context::from_waker(&waker);
    let pushed = outbox.push(&mut batch(0, 10));
    assert_eq!(
        pushed,
        Pushed {
            dropped: 0,
            hold: true
        }
    );
    assert!(outbox.poll_relief(&cx).is_pending());
    take(&outbox, 10);
    assert!(flag.take());
    assert!(outbox.poll_relief(&cx).is_ready());

    outbox.push(&mut batch(0, 3));
    outbox.give_up_holding();
    assert!(outbox.poll_relief(&cx).is_ready());
    let pushed = outbox.push(&mut batch(0, 10));
    assert_eq!(
        pushed,
        Pushed {
            dropped: 9,
            hold: false
        }
    );
    take(&outbox, 10);
    assert!(outbox.push(&mut batch(0, 10)).hold, "drained again");
}

#[test]
fn qos_0_beyond_the_bound_is_dropped_and_counted() {
    let outbox = outbox();
    outbox.set_online(RECEIVER);
    assert!(outbox.push(&mut batch(MAX_QOS0_BYTES, 0)).hold);
    assert_eq!(outbox.push(&mut batch(7, 0)).dropped, 7);
}

#[test]
fn what_was_encoded_for_an_earlier_connection_is_not_sent() {
    let outbox = outbox();
    outbox.set_online(Receiver {
        version: ProtocolVersion::V5,
        ..RECEIVER
    });
    outbox.push(&mut batch(10, 0));
    assert_eq!(take(&outbox, 0), (0, 0));
}

#[test]
fn what_is_stored_is_counted_until_it_is_taken_or_given_up() {
    let memory = Memory::with(LIMITS, 2000);
    let outbox = Outbox::new(Identity::default(), memory.clone());
    let other = Outbox::new(Identity::default(), memory.clone());
    outbox.set_online(RECEIVER);
    outbox.push(&mut batch(1000, 2));
    let stored = memory.stored();
    assert_eq!(stored.messages, 2);
    assert!(stored.bytes > 1000);
    assert_eq!(outbox.push(&mut batch(1000, 0)).dropped, 1000);
    assert_eq!(
        other.push(&mut batch(0, 20)).dropped,
        16,
        "its own limit comes first"
    );
    take(&outbox, 1);
    outbox.set_offline();
    drop(other);
    assert_eq!(memory.stored().messages, 1);
    drop(outbox);
    assert_eq!(memory.stored(), Stored::default());
}
