//! The journal: tickets, waiting, failures.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use crate::config::Durability;

/// A store whose commits the test lets happen, and lets fail.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<Inside>, Condvar)>);

#[derive(Default)]
struct Inside {
    /// Commits that may still happen.
    permits: usize,
    is_failing: bool,
    waits: bool,
    /// Retained topics of each commit.
    commits: Vec<Vec<String>>,
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut Inside)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn wait_until(&self, done: impl Fn(&Inside) -> bool) {
        let inside = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(inside, |inside| !done(inside)).unwrap());
    }
}

impl Store for Gate {
    fn commit(&mut self, group: &Group) -> Result<(), StoreError> {
        self.change(|inside| inside.waits = true);
        self.wait_until(|inside| inside.permits > 0);
        let mut outcome = Ok(());
        self.change(|inside| {
            inside.permits -= 1;
            inside.waits = false;
            let mut topics: Vec<_> = group.retained.iter().map(|(t, _)| t.to_string()).collect();
            topics.sort();
            inside.commits.push(topics);
            if inside.is_failing {
                outcome = Err(StoreError("it fails".into()));
            }
        });
        outcome
    }

    fn tidy(&mut self) {}
}

#[derive(Default)]
struct Flag(AtomicBool, AtomicUsize);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

fn journal(gate: &Gate) -> Arc<Journal> {
    let store = Box::new(gate.clone());
    Journal::start(store, Durability::Always, SessionId(1)).unwrap()
}

fn retain(topic: &str) -> Change {
    Change::Retained(Retained {
        message: message(topic, "x"),
        qos: QoS::AtLeastOnce,
        source: None,
    })
}

fn is_ready(journal: &Journal, ticket: Ticket) -> bool {
    let cx = Context::from_waker(Waker::noop());
    journal.poll(ticket, &mut Waiter::default(), &cx) == Poll::Ready(())
}

/// Waits for the ticket on this thread.
fn wait(journal: &Journal, ticket: Ticket) {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let (cx, mut waiter) = (Context::from_waker(&waker), Waiter::default());
    while journal.poll(ticket, &mut waiter, &cx).is_pending() {
        std::thread::park();
    }
}

#[test]
fn a_ticket_is_ready_after_the_commit_that_holds_it_and_one_commit_holds_all_that_gathered() {
    let gate = Gate::default();
    let journal = journal(&gate);
    journal.submit([retain("a")]);
    let first = journal.ticket();
    gate.wait_until(|inside| inside.waits);
    for topic in ["b", "c", "b"] {
        journal.submit([retain(topic)]);
    }
    let second = journal.ticket();
    assert!(!is_ready(&journal, first) && !is_ready(&journal, second));
    let flag = Arc::new(Flag::default());
    let waker = flag.clone().into();
    let (cx, mut waiter) = (Context::from_waker(&waker), Waiter::default());
    assert!(journal.poll(second, &mut waiter, &cx).is_pending());
    gate.change(|inside| inside.permits = 1);
    wait(&journal, first);
    assert!(!is_ready(&journal, second) && !flag.0.load(Ordering::SeqCst));
    gate.change(|inside| inside.permits = 1);
    wait(&journal, second);
    assert!(flag.0.load(Ordering::SeqCst), "it was woken");
    gate.change(|inside| {
        assert_eq!(inside.commits, [vec!["a"], vec!["b", "c"]]);
    });
}

#[test]
fn what_comes_and_goes_while_another_commit_is_under_way_is_not_committed() {
    let gate = Gate::default();
    let journal = journal(&gate);
    journal.submit([retain("a")]);
    gate.wait_until(|inside| inside.waits);
    let delivery = Delivery::new(message("t", "x"), QoS::AtLeastOnce);
    journal.submit([
        Change::Queued(SessionId(1), 1, delivery),
        Change::Sent(SessionId(1), 1, Sent::Published(PacketId::MIN)),
        Change::Done(SessionId(1), 1),
    ]);
    let ticket = journal.ticket();
    gate.change(|inside| inside.permits = 1);
    wait(&journal, ticket);
    gate.change(|inside| assert_eq!(inside.commits.len(), 1));
}

#[test]
fn a_failed_commit_is_tried_again_with_what_came_meanwhile() {
    let gate = Gate::default();
    let journal = journal(&gate);
    gate.change(|inside| {
        inside.is_failing = true;
        inside.permits = 1;
    });
    journal.submit([retain("a")]);
    let first = journal.ticket();
    gate.wait_until(|inside| inside.commits.len() == 1);
    journal.submit([retain("b")]);
    let second = journal.ticket();
    gate.wait_until(|inside| inside.waits);
    assert!(journal.is_failing());
    assert!(!is_ready(&journal, first) && !is_ready(&journal, second));
    gate.change(|inside| {
        inside.is_failing = false;
        inside.permits = 1;
    });
    wait(&journal, second);
    assert!(!journal.is_failing());
    gate.change(|inside| {
        assert_eq!(inside.commits, [vec!["a"], vec!["a", "b"]]);
    });
}

#[test]
fn what_is_submitted_together_is_committed_together() {
    let gate = Gate::default();
    let journal = journal(&gate);
    let guard = journal.together();
    journal.submit([retain("a")]);
    // Were it not for the guard, the writer would be at the gate now.
    std::thread::yield_now();
    journal.submit([retain("b")]);
    let ticket = journal.ticket();
    drop(guard);
    gate.change(|inside| inside.permits = 2);
    wait(&journal, ticket);
    gate.change(|inside| assert_eq!(inside.commits, [vec!["a", "b"]]));
}

#[test]
fn all_is_committed_when_it_closes_also_what_waits_for_an_interval() {
    let gate = Gate::default();
    gate.change(|inside| inside.permits = 1);
    let store = Box::new(gate.clone());
    let hour = Duration::from_secs(3600);
    let journal = Journal::start(store, Durability::Interval(hour), SessionId(1)).unwrap();
    journal.submit([retain("a")]);
    assert!(is_ready(&journal, journal.ticket()), "nobody waits for it");
    gate.change(|inside| assert!(inside.commits.is_empty()));
    journal.close();
    gate.change(|inside| assert_eq!(inside.commits, [vec!["a"]]));
}
