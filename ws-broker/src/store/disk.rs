//! The store that is a redb file.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;
use protocol::{Delivery, Message};
use redb::{Builder, Database, ReadableDatabase, Table, TableDefinition, WriteTransaction};

use super::change::address;
use super::record::{Queued, decoded, encoded};
use super::{Group, Store, StoreError};

/// Of the file's pages, so much is kept in memory, bytes.
const CACHE: usize = 16 << 20;
/// A file smaller than this is not worth compacting, bytes.
const SMALL: u64 = 8 << 20;

/// Tells what is in the other tables.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// By session.
pub(super) const SESSIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sessions");
/// By session and filter.
pub(super) const SUBSCRIPTIONS: TableDefinition<'_, (u64, &str), &[u8]> =
    TableDefinition::new("subscriptions");
/// By number; once, however many queues a message is in.
pub(super) const MESSAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("messages");
/// By session and number.
pub(super) const QUEUE: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("queue");
/// By session and number.
pub(super) const SENT: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("sent");
/// By session and packet identifier.
pub(super) const RECEIVED: TableDefinition<'_, (u64, u16), ()> = TableDefinition::new("received");
/// By topic.
pub(super) const RETAINED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("retained");

/// What a database is on.
pub(super) trait Medium: Send {
    /// Opens the database, or makes an empty one; again after it has failed.
    fn open(&self) -> Result<Database, redb::Error>;

    /// How large it is, bytes.
    fn size(&self) -> u64;
}

/// A redb file.
pub(crate) struct Disk {
    medium: Box<dyn Medium>,
    /// `None` after an error: redb wants to be opened anew then.
    database: Option<Database>,
    /// Nothing has changed since it was last tidied up.
    is_tidy: bool,
    messages: Messages,
}

/// The messages that the queues in the store refer to.
#[derive(Debug, Default)]
pub(super) struct Messages {
    kept: HashMap<u64, Kept, RandomState>,
    /// Numbers of those that are kept, by [`address`].
    numbers: HashMap<usize, u64, RandomState>,
    next: u64,
}

#[derive(Debug)]
struct Kept {
    /// How many queues it is in.
    count: usize,
    /// Keeps its address from being another message's.
    message: Arc<Message>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}

/// redb has an error type for each step.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError(error.into().to_string())
}

/// How databases are opened.
pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

impl Disk {
    /// A database that has been read, or that is to be opened.
    pub(super) fn new(
        medium: Box<dyn Medium>,
        database: Option<Database>,
        messages: Messages,
    ) -> Self {
        Self {
            medium,
            is_tidy: false,
            database,
            messages,
        }
    }

    /// The database, opened anew after an error.
    fn open(&mut self) -> Result<&mut Database, StoreError> {
        let database = match self.database.take() {
            Some(database) => database,
            None => {
                let database = self.medium.open().map_err(failed)?;
                // The transaction that failed may be in it, or not.
                self.messages.recount(&database).map_err(failed)?;
                database
            }
        };
        Ok(self.database.insert(database))
    }

    fn write(&mut self, group: &Group) -> Result<(), redb::Error> {
        let Some(database) = &self.database else {
            return Ok(());
        };
        let transaction = database.begin_write()?;
        write_sessions(&transaction, group)?;
        self.messages.write_queue(&transaction, group)?;
        write_retained(&transaction, group)?;
        transaction.commit()?;
        Ok(())
    }
}

impl Store for Disk {
    fn commit(&mut self, group: &Group) -> Result<(), StoreError> {
        self.open()?;
        self.is_tidy = false;
        let written = self.write(group).map_err(failed);
        if written.is_err() {
            self.database = None;
        }
        written
    }

    fn tidy(&mut self) {
        if std::mem::replace(&mut self.is_tidy, true) {
            return;
        }
        let size = self.medium.size();
        if size < SMALL {
            return;
        }
        let Ok(database) = self.open() else {
            return;
        };
        let used = used(database);
        if used.is_ok_and(|used| used < size / 2) && database.compact().is_err() {
            self.database = None;
        }
    }
}

/// How much of the file is in use, bytes.
fn used(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let stats = transaction.stats()?;
    transaction.abort()?;
    Ok(stats.allocated_pages() * stats.page_size() as u64)
}

fn write_sessions(transaction: &WriteTransaction, group: &Group) -> Result<(), redb::Error> {
    let mut sessions = transaction.open_table(SESSIONS)?;
    let mut subscriptions = transaction.open_table(SUBSCRIPTIONS)?;
    let mut received = transaction.open_table(RECEIVED)?;
    for (id, record) in group.sessions.iter() {
        match record {
            Some(record) => {
                sessions.insert(id.0, &*encoded(&**record))?;
            }
            None => {
                sessions.remove(id.0)?;
                subscriptions.retain_in((id.0, "")..(id.0 + 1, ""), |_, _| false)?;
                received.retain_in((id.0, 0)..=(id.0, u16::MAX), |_, ()| false)?;
            }
        }
    }
    for ((id, filter), subscribed) in group.subscriptions.iter() {
        let key = (id.0, filter.as_str());
        match subscribed {
            Some(subscribed) if !group.ends(*id) => {
                subscriptions.insert(key, &*encoded(subscribed))?;
            }
            _ => {
                subscriptions.remove(key)?;
            }
        }
    }
    for ((id, packet_id), is_there) in group.received.iter() {
        let key = (id.0, packet_id.get());
        if is_there.is_some() && !group.ends(*id) {
            received.insert(key, ())?;
        } else {
            received.remove(key)?;
        }
    }
    Ok(())
}

fn write_retained(transaction: &WriteTransaction, group: &Group) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(RETAINED)?;
    for (topic, retained) in group.retained.iter() {
        match retained {
            Some(retained) => table.insert(topic.as_str(), &*encoded(retained))?,
            None => table.remove(topic.as_str())?,
        };
    }
    Ok(())
}

impl Messages {
    /// A message that was read, before any queue refers to it.
    pub(super) fn read(&mut self, number: u64, message: Arc<Message>) {
        self.next = self.next.max(number + 1);
        self.numbers.insert(address(&message), number);
        self.kept.insert(number, Kept { count: 0, message });
    }

    /// A queue that was read refers to the message.
    pub(super) fn refer(&mut self, number: u64) -> Option<&Arc<Message>> {
        let kept = self.kept.get_mut(&number)?;
        kept.count += 1;
        Some(&kept.message)
    }

    /// Messages that no queue refers to.
    pub(super) fn unreferred(&self) -> Vec<u64> {
        let kept = self.kept.iter().filter(|(_, kept)| kept.count == 0);
        kept.map(|(number, _)| *number).collect()
    }

    /// Forgets a message that no queue refers to.
    pub(super) fn forget(&mut self, number: u64) {
        if let Some(kept) = self.kept.remove(&number) {
            self.numbers.remove(&address(&kept.message));
        }
    }

    /// Counts anew what the queues in the database refer to.
    fn recount(&mut self, database: &Database) -> Result<(), redb::Error> {
        for kept in self.kept.values_mut() {
            kept.count = 0;
        }
        let transaction = database.begin_read()?;
        let queue = transaction.open_table(QUEUE)?;
        for entry in queue.range::<(u64, u64)>(..)? {
            if let Some(queued) = decoded::<Queued>(entry?.1.value()) {
                self.refer(queued.message);
            }
        }
        for number in self.unreferred() {
            self.forget(number);
        }
        Ok(())
    }

    fn write_queue(
        &mut self,
        transaction: &WriteTransaction,
        group: &Group,
    ) -> Result<(), redb::Error> {
        let mut messages = transaction.open_table(MESSAGES)?;
        let mut queue = transaction.open_table(QUEUE)?;
        let mut sent = transaction.open_table(SENT)?;
        let mut left = Vec::new();
        for (id, record) in group.sessions.iter() {
            if record.is_none() {
                let of_session = (id.0, 0)..=(id.0, u64::MAX);
                queue.retain_in(of_session.clone(), |_, queued| {
                    left.extend(decoded::<Queued>(queued).map(|queued| queued.message));
                    false
                })?;
                sent.retain_in(of_session, |_, _| false)?;
            }
        }
        for ((id, number), delivery) in group.queue.iter() {
            let key = (id.0, *number);
            let before = match delivery.filter(|_| !group.ends(*id)) {
                Some(delivery) => {
                    let queued = Queued {
                        message: self.number(&delivery.message, &mut messages)?,
                        qos: delivery.qos,
                        retain: delivery.retain,
                        token: delivery.token,
                        subscription_identifiers: delivery.subscription_identifiers.clone(),
                    };
                    queue.insert(key, &*encoded(&queued))?
                }
                None => queue.remove(key)?,
            };
            let before = before.and_then(|queued| decoded::<Queued>(queued.value()));
            left.extend(before.map(|queued| queued.message));
        }
        for ((id, number), how) in group.sent.iter() {
            let key = (id.0, *number);
            match how.filter(|_| !group.ends(*id)) {
                Some(how) => sent.insert(key, &*encoded(how))?,
                None => sent.remove(key)?,
            };
        }
        for number in left {
            let Some(kept) = self.kept.get_mut(&number) else {
                continue;
            };
            kept.count = kept.count.saturating_sub(1);
            if kept.count == 0 {
                messages.remove(number)?;
                self.forget(number);
            }
        }
        Ok(())
    }

    /// The number under which a queue refers to the message, which is stored
    /// if it is not yet.
    fn number(
        &mut self,
        message: &Arc<Message>,
        table: &mut Table<'_, u64, &'static [u8]>,
    ) -> Result<u64, redb::Error> {
        if let Some(number) = self.numbers.get(&address(message))
            && let Some(kept) = self.kept.get_mut(number)
        {
            kept.count += 1;
            return Ok(*number);
        }
        let number = self.next;
        self.read(number, message.clone());
        self.refer(number);
        table.insert(number, &*encoded(message))?;
        Ok(number)
    }
}

impl Queued {
    /// The delivery of the message.
    pub(super) fn delivery(self, message: Arc<Message>) -> Delivery {
        Delivery {
            message,
            qos: self.qos,
            retain: self.retain,
            subscription_identifiers: self.subscription_identifiers,
            token: self.token,
        }
    }
}
