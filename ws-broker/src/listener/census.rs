//! How many connections each listener has.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{Bind, Listener, Protocol};

/// The listeners that are served.
#[derive(Debug, Default)]
pub(crate) struct Census(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    count: Count,
    connections: Arc<AtomicUsize>,
}

/// The connections of one listener.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    /// Its port; 0 for a Unix socket.
    pub port: u16,
    /// Its address as configured, `*` for all, or the path of a Unix socket.
    pub address: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// How many there are.
    pub connections: usize,
}

impl Census {
    /// Adds a listener that is served on `port`.
    pub(super) fn add(&self, listener: &Listener, port: u16, connections: &Arc<AtomicUsize>) {
        let address = match &listener.bind {
            Bind::All => "*".into(),
            Bind::Loopback => "localhost".into(),
            Bind::Host(host) => host.clone(),
            Bind::Unix(path) => path.display().to_string(),
        };
        let entry = Entry {
            count: Count {
                port,
                address,
                protocol: listener.protocol,
                connections: 0,
            },
            connections: connections.clone(),
        };
        self.lock().push(entry);
    }

    /// All of them now.
    pub(crate) fn counts(&self) -> Vec<Count> {
        let entries = self.lock();
        let counts = entries.iter().map(|entry| Count {
            connections: entry.connections.load(Ordering::Relaxed),
            ..entry.count.clone()
        });
        counts.collect()
    }

    /// How many connections there are, of all listeners.
    pub(super) fn total(&self) -> usize {
        let entries = self.lock();
        let counts = entries.iter();
        counts
            .map(|entry| entry.connections.load(Ordering::Relaxed))
            .sum()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
