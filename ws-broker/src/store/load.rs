//! All that is in a database.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use codec::{PacketId, TopicFilter};
use protocol::Time;
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, Value,
};

use super::disk::{
    MESSAGES, META, Medium, Messages, QUEUE, RECEIVED, RETAINED, SENT, SESSIONS, SUBSCRIPTIONS,
};
use super::record::{Queued, decoded};
use super::{Change, Loaded, LoadedSession, Sent, SessionId};
use crate::router::Retained;

/// The version of the format that this is.
pub(super) const FORMAT: u64 = 3;
/// Its key in [`META`].
const FORMAT_KEY: &str = "format";

/// Why nothing was read.
pub(super) enum Failure {
    /// The database cannot be opened.
    Redb(redb::Error),
    /// It is of a newer format.
    Newer(u64),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

/// What was read, and what is wrong with the rest.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) loaded: Loaded,
    pub(super) messages: Messages,
    pub(super) damage: Option<String>,
}

/// Opens the database and reads it.
pub(super) fn read(medium: &dyn Medium, now: Time) -> Result<(Database, Read), Failure> {
    let database = medium.open()?;
    prepare(&database)?;
    let mut read = Read::default();
    read.tables(&database.begin_read()?, now);
    Ok((database, read))
}

/// Checks the format, and makes the tables of a new database.
fn prepare(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_write()?;
    let found = {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get(FORMAT_KEY)?.map(|format| format.value());
        // What an older one has is read as it is.
        if found.is_none_or(|found| found < FORMAT) {
            meta.insert(FORMAT_KEY, FORMAT)?;
        }
        found
    };
    match found {
        Some(found) if found > FORMAT => return Err(Failure::Newer(found)),
        Some(FORMAT) => transaction.abort()?,
        Some(_) => transaction.commit()?,
        None => {
            transaction.open_table(SESSIONS)?;
            transaction.open_table(SUBSCRIPTIONS)?;
            transaction.open_table(MESSAGES)?;
            transaction.open_table(QUEUE)?;
            transaction.open_table(SENT)?;
            transaction.open_table(RECEIVED)?;
            transaction.open_table(RETAINED)?;
            transaction.commit()?;
        }
    }
    Ok(())
}

impl Read {
    pub(super) fn damaged(why: String) -> Self {
        Self {
            damage: Some(why),
            ..Self::default()
        }
    }

    fn tables(&mut self, tables: &ReadTransaction, now: Time) {
        let mut sessions = BTreeMap::new();
        self.table(tables, SESSIONS, |_, id, record| {
            let id = SessionId(id);
            let session = LoadedSession {
                id,
                record: decoded(record)?,
                subscriptions: Vec::new(),
                queue: Vec::new(),
                sent: Vec::new(),
                received: Vec::new(),
            };
            sessions.insert(id, session);
            Some(())
        });
        self.table(tables, SUBSCRIPTIONS, |read, (id, filter), subscribed| {
            let filter = TopicFilter::new(filter).ok()?;
            match sessions.get_mut(&SessionId(id)) {
                Some(session) => session.subscriptions.push((filter, decoded(subscribed)?)),
                None => read.drop(Change::Unsubscribed(SessionId(id), filter)),
            }
            Some(())
        });
        self.table(tables, RECEIVED, |read, (id, packet_id), ()| {
            let packet_id = PacketId::new(packet_id)?;
            match sessions.get_mut(&SessionId(id)) {
                Some(session) => session.received.push(packet_id),
                None => read.drop(Change::Completed(SessionId(id), packet_id)),
            }
            Some(())
        });
        self.table(tables, MESSAGES, |read, number, message| {
            read.messages.read(number, decoded(message)?);
            Some(())
        });
        self.table(tables, QUEUE, |read, (id, number), queued| {
            let queued: Queued = decoded(queued)?;
            let message = read.messages.refer(queued.message)?.clone();
            match sessions.get_mut(&SessionId(id)) {
                Some(session) => session.queue.push((number, queued.delivery(message))),
                None => read.drop(Change::Done(SessionId(id), number)),
            }
            Some(())
        });
        self.table(tables, SENT, |read, (id, number), sent| {
            let sent: Sent = decoded(sent)?;
            let Some(session) = sessions.get_mut(&SessionId(id)) else {
                read.drop(Change::Done(SessionId(id), number));
                return Some(());
            };
            let at = session.queue.binary_search_by_key(&number, |(n, _)| *n);
            let delivery = at.ok().map(|at| session.queue[at].1.clone());
            match (sent, delivery) {
                (Sent::Published(_), None) => return None,
                (sent, delivery) => session.sent.push((number, sent, delivery)),
            }
            Some(())
        });
        self.table(tables, RETAINED, |read, topic, retained| {
            let retained: Retained = decoded(retained)?;
            if retained.message.is_expired(now) {
                read.drop(Change::Removed(retained.message.topic.clone()));
            } else if *retained.message.topic != *topic {
                return None;
            } else {
                read.loaded.retained.push(retained);
            }
            Some(())
        });
        for session in sessions.values_mut() {
            let sent: Vec<_> = session.sent.iter().map(|(number, ..)| *number).collect();
            // What was sent waits for an answer, not to be sent.
            session.queue.retain(|(number, delivery)| {
                let was_sent = sent.binary_search(number).is_ok();
                let is_expired = !was_sent && delivery.message.is_expired(now);
                if is_expired {
                    let gone = Change::Done(session.id, *number);
                    self.loaded.expired.push(gone);
                }
                !was_sent && !is_expired
            });
        }
        self.loaded.sessions = sessions.into_values().collect();
    }

    fn drop(&mut self, change: Change) {
        self.loaded.expired.push(change);
    }

    /// Reads what can be read of a table.
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        tables: &ReadTransaction,
        table: TableDefinition<'static, K, V>,
        mut each: impl for<'a> FnMut(&mut Self, K::SelfType<'a>, V::SelfType<'a>) -> Option<()>,
    ) {
        let name = redb::TableHandle::name(&table).to_owned();
        let read = catch_unwind(AssertUnwindSafe(|| -> Result<(), redb::Error> {
            let table = tables.open_table(table)?;
            for entry in table.range::<K::SelfType<'_>>(..)? {
                let (key, value) = entry?;
                if each(self, key.value(), value.value()).is_none() {
                    self.damage = Some(format!("a value in {name} makes no sense"));
                }
            }
            Ok(())
        }));
        match read {
            Ok(Ok(())) => {}
            Ok(Err(why)) => self.damage = Some(why.to_string()),
            Err(_) => self.damage = Some(format!("redb gave up in {name}")),
        }
    }
}
