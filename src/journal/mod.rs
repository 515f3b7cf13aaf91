//! The journal: every event in the order of its commit, and small things that other modules keep, in one database file.
//!
//! One thread writes; all writes that wait share one durable commit. Reading never waits for it. The journal knows
//! nothing of what events mean, except that the facts of a connection replace earlier facts of the same connection:
//! they take the place in the order that the first ones had, so that whatever refers to a connection comes after it.
//! It reads no clock, and never writes over a file that it cannot understand.

mod disk;
mod error;
mod file;
mod record;
mod rows;
#[cfg(test)]
mod sample;
mod schema;
mod store;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;
mod v1;
mod writer;

pub use error::JournalError;
pub use record::{decode, encode};
pub use sweep::{Erasure, Found};

use crate::base::{Event, Gap, Timestamp, limits};
use record::Record;
use redb::ReadableTable as _;
use std::path::Path;
use std::sync::Arc;
use store::Store;
use writer::{Work, Writer};

/// What the journal held when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The first number that no connection ever had; numbers start at 1.
    pub next_connection: u64,
    /// The first number that no query ever had.
    pub next_query: u64,
    /// The first number that no fetch ever had.
    pub next_fetch: u64,
    /// The time of the newest commit; `None` for a new journal.
    pub last_time: Option<Timestamp>,
    /// From then until now, when nothing was written. It is not in the journal yet.
    pub gap: Option<Gap>,
}

/// Where other modules keep bytes of theirs; the first byte of each value is to say its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Results of tests.
    Results,
    /// Mail to be sent.
    Queue,
    /// Small state, such as the serial of a zone.
    State,
}

impl Space {
    /// Every space.
    pub const ALL: [Self; 3] = [Self::Results, Self::Queue, Self::State];
}

/// Changes that are committed together or not at all, in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What happened.
    pub events: Vec<Event>,
    /// Values to keep, in place of earlier ones with the same key.
    pub puts: Vec<(Space, String, Vec<u8>)>,
    /// Values to forget; missing ones are no error.
    pub removes: Vec<(Space, String)>,
    /// Up to when the journal is complete, where that is later than the last event: a sign of life.
    pub alive: Option<Timestamp>,
}

/// The open journal; clones share it. Dropping the last one blocks until everything accepted is written and the file closed.
#[derive(Clone)]
pub struct Journal {
    store: Arc<Store>,
    writer: Arc<Writer>,
}

impl Journal {
    /// Opens the file, and makes it if it is missing, with mode 0600. Checks every page of it: a second for some hundred
    /// megabytes. A file that may still hold what was erased is replaced by a copy without it.
    ///
    /// # Errors
    /// When the file is open in another process, is damaged or no journal, has a newer schema, or cannot be used. A file
    /// that is damaged or newer is left untouched.
    pub fn open(path: &Path, now: Timestamp) -> Result<(Self, Opened), JournalError> {
        let store = Store::open(path, file::opener(path.to_owned()))?;
        file::renew(&store)?;
        Self::start(store, now)
    }

    fn start(store: Store, now: Timestamp) -> Result<(Self, Opened), JournalError> {
        let opened = store.read(|read| store::opened(read, now))?;
        let store = Arc::new(store);
        let writer = Writer::start(Arc::clone(&store)).map_err(|error| JournalError::Io {
            path: store.path().to_owned(),
            what: format!("its writer cannot be started: {error}"),
        })?;
        let writer = Arc::new(writer);
        Ok((Self { store, writer }, opened))
    }

    /// Commits events together; the order of calls is the order of commits. The work is accepted before the call
    /// returns and done even if the future is dropped; the future is ready after the durable commit.
    ///
    /// # Errors
    /// When `limits::EVENT_QUEUE` writes wait already or an event is too large: nothing was written. When the disk
    /// fails: all of it was written or nothing, and which of the two shows at the next start. Later calls may succeed.
    pub fn append(
        &self,
        events: Vec<Event>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        self.commit(Batch {
            events,
            ..Batch::default()
        })
    }

    /// Commits all of a batch or nothing, as [`Journal::append`].
    ///
    /// # Errors
    /// As [`Journal::append`]; also when a key is not 1 to 255 octets long or a value longer than `limits::STORED`.
    pub fn commit(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let accepted = prepare(batch).and_then(|work| self.writer.submit(work));
        async move { accepted?.await.map(drop) }
    }

    /// Keeps a value in place of any earlier one, as [`Journal::commit`].
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn put(
        &self,
        space: Space,
        key: &str,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        self.commit(Batch {
            puts: vec![(space, key.to_owned(), bytes)],
            ..Batch::default()
        })
    }

    /// Forgets a value, as [`Journal::commit`].
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn remove(
        &self,
        space: Space,
        key: &str,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        self.commit(Batch {
            removes: vec![(space, key.to_owned())],
            ..Batch::default()
        })
    }

    /// Forgets the events before this time, save the order of MX hosts that was in force then; says how many. They are
    /// looked for without holding up other writes, and removed in several commits. Needs a runtime.
    ///
    /// # Errors
    /// As [`Journal::append`]; also when a record is damaged.
    pub async fn expire(&self, before: Timestamp) -> Result<u64, JournalError> {
        let mut forgotten = 0;
        loop {
            let store = Arc::clone(&self.store);
            let look = move || store.read(|read| sweep::find_old(read, before));
            let found = tokio::task::spawn_blocking(look).await;
            let places = found.unwrap_or(Err(JournalError::Stopped))?;
            let is_last = places.len() < limits::SWEEP;
            if !places.is_empty() {
                forgotten += self.writer.submit(Work::Expire(places, before))?.await?;
            }
            if is_last {
                return Ok(forgotten);
            }
        }
    }

    /// Finds the events for which this holds, to erase them. Blocks, as [`Journal::replay`]; writes go on.
    ///
    /// # Errors
    /// When the file cannot be read or a record is damaged.
    pub fn find(&self, holds: impl FnMut(&Event) -> bool) -> Result<Found, JournalError> {
        self.store.read(|read| sweep::find(read, holds))
    }

    /// Erases events and values in one commit, behind all that was accepted before; says how many events there were. No
    /// reader sees them afterwards, and once the journal is opened again they are not in the file either. Accepted and
    /// done as [`Journal::append`].
    ///
    /// # Errors
    /// As [`Journal::append`]; also when a record is damaged. Nothing was erased then.
    pub fn erase(
        &self,
        erasure: Erasure,
    ) -> impl Future<Output = Result<u64, JournalError>> + Send + use<> {
        let accepted = self.writer.submit(Work::Erase(erasure));
        async move { accepted?.await }
    }

    /// Hands over every event in order. Blocks for as long as that takes; what is committed meanwhile is not seen.
    ///
    /// # Errors
    /// When the file cannot be read or a record is damaged; `each` has then been called with those before it.
    pub fn replay(&self, mut each: impl FnMut(Event)) -> Result<(), JournalError> {
        self.store.read(|read| {
            rows::walk(&read.open_table(rows::EVENTS)?, 0, |_, event| {
                each(event);
                true
            })
        })
    }

    /// The value kept under a key. Blocks for a read of the file.
    ///
    /// # Errors
    /// When the file cannot be read or the value is damaged.
    pub fn get(&self, space: Space, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        self.store.read(|read| {
            let table = read.open_table(space.table())?;
            let row = table.get(key)?;
            row.map(|row| rows::value(space, key, row.value()))
                .transpose()
        })
    }

    /// The keys of a space, sorted. Blocks for a read of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, space: Space) -> Result<Vec<String>, JournalError> {
        self.store.read(|read| {
            let table = read.open_table(space.table())?;
            table
                .iter()?
                .map(|row| Ok(row?.0.value().to_owned()))
                .collect()
        })
    }

    /// Copies one state of the journal into a new file with mode 0600, which must not exist. Blocks; writes go on.
    ///
    /// # Errors
    /// When the journal cannot be read, or the new file exists or cannot be written.
    pub fn backup(&self, to: &Path) -> Result<(), JournalError> {
        file::copy(&self.store, to)
    }

    /// Why nothing can be written now: what became of the last attempt, or the damage that was found. `None` when all is
    /// well.
    #[must_use]
    pub fn trouble(&self) -> Option<JournalError> {
        let damage = self.store.damage().cloned();
        damage.or_else(|| self.writer.trouble())
    }

    /// The commits since the journal was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }
}

/// Checks a batch against the limits and encodes it.
fn prepare(batch: Batch) -> Result<Work, JournalError> {
    let keys = batch.puts.iter().map(|(_, key, _)| key);
    for key in keys.chain(batch.removes.iter().map(|(_, key)| key)) {
        if key.is_empty() || key.len() > 255 {
            return Err(JournalError::TooLarge(format!(
                "the key {key:?}: 1 to 255 octets are allowed"
            )));
        }
    }
    let records = batch
        .events
        .iter()
        .map(|event| Record::of(event).map_err(JournalError::TooLarge))
        .collect::<Result<Vec<_>, _>>()?;
    let events = records.iter().map(|record| record.bytes.len());
    let values = batch.puts.iter().map(|(_, _, bytes)| bytes.len());
    let size: usize = events.chain(values).sum();
    if size > limits::STORED {
        return Err(JournalError::TooLarge(format!(
            "{size} octets in one commit: {} are allowed",
            limits::STORED
        )));
    }
    let newest = records.iter().map(|record| record.moment).max();
    Ok(Work::Commit {
        records,
        puts: batch.puts,
        removes: batch.removes,
        time: newest.max(batch.alive),
    })
}
