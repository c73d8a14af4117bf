//! What must outlive the process: sessions with their subscriptions, queues
//! and handshakes, retained messages, delayed wills.
//!
//! ```text
//! outboxes, sessions, router --Change--> Journal --Group--> Store (a file)
//! ```
//!
//! Everything lives in memory, and is read from the store at the start only.
//! From then on each part of the broker submits what it changes to the
//! [`Journal`], which gathers the changes of all, merges them by what they
//! change, and commits them as one [`Group`]: while one is on its way to the
//! disk, the next one gathers. A message that has been delivered before its
//! turn comes never reaches the disk. Whoever may not go on before the disk
//! has a change asks for a [`Ticket`] and waits for it.
//!
//! A [`Store`] keeps groups, each in full or not at all.
//! [`Disk`](disk::Disk) is the one there is, a redb file: of the embedded
//! stores in Rust it has few dependencies, opens at once after any crash, gives
//! space back, and lets tests stand between it and the disk.

mod change;
mod disk;
mod group;
mod journal;
mod load;
mod open;
mod queue;
mod record;
#[cfg(test)]
mod tests;
mod waiting;

pub(crate) use change::{
    Change, Loaded, LoadedSession, Sent, SessionId, SessionRecord, Subscribed,
};
pub(crate) use group::Group;
pub(crate) use journal::{Journal, Ticket};
pub use open::OpenError;
pub(crate) use open::open;
pub(crate) use queue::StoredQueue;
pub(crate) use waiting::Waiter;

/// Keeps what it is given until it is told to forget it, whatever happens to
/// the process or the machine.
pub(crate) trait Store: Send {
    /// Keeps all changes of the group, or none. After an error it may be
    /// either, and the same group, with further changes merged into it, is
    /// committed again.
    fn commit(&mut self, group: &Group) -> Result<(), StoreError>;

    /// Makes itself small, if there is much to gain: nobody waits now.
    fn tidy(&mut self);
}

/// Why something could not be stored; displays as one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StoreError(pub String);
