//! The database file: tables, one transaction at a time, opened anew after a failure. Blocks; knows no threads.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | name | number: `schema`, the next ids, the time of the newest commit |
//! | `events` | position | record |
//! | `connections` | connection's number | its position in `events` |
//! | one a [`Space`] | the owner's key | the owner's bytes |

use super::error::JournalError;
use super::record::{self, Number, Record};
use super::schema::{self, META};
use super::{Opened, Space};
use crate::base::{Event, Gap, GapKind, Timestamp};
use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction, backends::FileBackend,
};
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Events by position.
pub(super) const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("events");
/// Positions by connection.
pub(super) const CONNECTIONS: TableDefinition<u64, u64> = TableDefinition::new("connections");

/// Memory for pages read and written, in octets.
const CACHE: usize = 16 * 1024 * 1024;

impl Space {
    /// The space's table.
    pub(super) const fn table(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(match self {
            Self::Results => "results",
            Self::Queue => "queue",
            Self::State => "state",
        })
    }
}

/// How the database is opened; called again after a failure.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, redb::Error> + Send + Sync>;

/// Opens the file of a journal, and makes it where it is missing: readable by its owner only, every page checked.
pub(super) fn opener(path: PathBuf) -> Opener {
    Box::new(move || {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        builder()
            .set_check_integrity_on_open(true)
            .create_with_backend(FileBackend::new(file)?)
            .map_err(Into::into)
    })
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

/// The open database, or the way to it.
pub(super) struct Store {
    path: PathBuf,
    opener: Opener,
    /// `None` after a failure, until it is opened anew.
    database: RwLock<Option<Database>>,
}

impl Store {
    /// Opens the database and brings it to the newest schema.
    pub(super) fn open(
        path: &Path,
        opener: Opener,
        now: Timestamp,
    ) -> Result<(Self, Opened), JournalError> {
        let store = Self {
            path: path.to_owned(),
            database: RwLock::new(None),
            opener,
        };
        let opened = store.read(|read| opened(read, now))?;
        Ok((store, opened))
    }

    /// Opens the database and brings it to the newest schema.
    fn connect(&self) -> Result<Database, JournalError> {
        let database = (self.opener)().map_err(|error| JournalError::of(&self.path, error))?;
        schema::migrate(&self.path, &database)?;
        Ok(database)
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` in one durable commit. After a failure all of it is stored or nothing (the disk may fail just behind
    /// the commit), and the file is opened anew, as the database demands it after an error of the disk.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        let outcome = self.with(|database| {
            let transaction = database.begin_write()?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        if outcome.is_err() {
            *self.slot() = None;
        }
        outcome
    }

    /// Reads one state of the database.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        self.with(|database| work(&database.begin_read()?))
    }

    /// Works with the open database; opens it where it is not.
    fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        loop {
            let shared = self.database.read();
            if let Some(database) = shared.unwrap_or_else(PoisonError::into_inner).as_ref() {
                return work(database).map_err(|error| JournalError::of(&self.path, error));
            }
            let mut slot = self.slot();
            if slot.is_none() {
                *slot = Some(self.connect()?);
            }
        }
    }

    /// Copies one state of the database into a new file, which must not exist.
    pub(super) fn copy(&self, to: &Path) -> Result<(), JournalError> {
        let failed = |error| JournalError::of(to, error);
        let target = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .map_err(|error| failed(error.into()))?;
        let target = FileBackend::new(target)
            .and_then(|backend| builder().create_with_backend(backend))
            .map_err(|error| failed(error.into()))?;
        self.read(|from| {
            let into = target.begin_write()?;
            copy_table(from, &into, META)?;
            copy_table(from, &into, EVENTS)?;
            copy_table(from, &into, CONNECTIONS)?;
            for space in Space::ALL {
                copy_table(from, &into, space.table())?;
            }
            into.commit().map_err(Into::into)
        })
    }
}

fn copy_table<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    into: &WriteTransaction,
    table: TableDefinition<K, V>,
) -> Result<(), redb::Error> {
    let from = from.open_table(table)?;
    let mut into = into.open_table(table)?;
    for row in from.iter()? {
        let (key, value) = row?;
        into.insert(key.value(), value.value())?;
    }
    Ok(())
}

/// What a database that was just opened holds.
fn opened(read: &ReadTransaction, now: Timestamp) -> Result<Opened, redb::Error> {
    let meta = read.open_table(META)?;
    let number = |name| -> Result<Option<u64>, redb::Error> {
        Ok(meta.get(name)?.map(|value| value.value()))
    };
    let last_time = number(schema::TIME)?
        .and_then(|time| i64::try_from(time).ok())
        .and_then(|time| Timestamp::from_microsecond(time).ok());
    Ok(Opened {
        next_connection: number(schema::CONNECTION)?.unwrap_or(1),
        next_query: number(schema::QUERY)?.unwrap_or(1),
        next_fetch: number(schema::FETCH)?.unwrap_or(1),
        last_time,
        gap: last_time.filter(|last| *last < now).map(|from| Gap {
            from,
            until: now,
            what: GapKind::Connections,
            network: None,
        }),
    })
}

/// Stores events; one of a connection takes the place of an earlier one with its number.
pub(super) fn insert(to: &WriteTransaction, records: &[Record]) -> Result<(), redb::Error> {
    let mut events = to.open_table(EVENTS)?;
    let mut connections = to.open_table(CONNECTIONS)?;
    let mut meta = to.open_table(META)?;
    let mut next = events.last()?.map_or(0, |(key, _)| key.value() + 1);
    for record in records {
        let mut place = next;
        if let Some(number) = record.number {
            let (name, number) = match number {
                Number::Connection(number) => {
                    let earlier = connections.get(number)?.map(|place| place.value());
                    match earlier {
                        Some(earlier) => place = earlier,
                        None => drop(connections.insert(number, place)?),
                    }
                    (schema::CONNECTION, number)
                }
                Number::Query(number) => (schema::QUERY, number),
                Number::Fetch(number) => (schema::FETCH, number),
            };
            let known = meta.get(name)?.map_or(0, |value| value.value());
            if known <= number {
                meta.insert(name, number.saturating_add(1))?;
            }
        }
        events.insert(place, record.bytes.as_slice())?;
        if place == next {
            next += 1;
        }
    }
    Ok(())
}

/// Notes the time up to which the journal is complete.
pub(super) fn mark(to: &WriteTransaction, time: Timestamp) -> Result<(), redb::Error> {
    let time = u64::try_from(time.as_microsecond()).unwrap_or(0);
    to.open_table(META)?.insert(schema::TIME, time)?;
    Ok(())
}

/// Calls `each` with every event by position, until it says `false`.
pub(super) fn walk(
    events: &impl ReadableTable<u64, &'static [u8]>,
    mut each: impl FnMut(u64, Event) -> bool,
) -> Result<(), redb::Error> {
    for row in events.iter()? {
        let (place, bytes) = row?;
        let event = record::decode(bytes.value()).map_err(|error| {
            redb::Error::Corrupted(format!("record {} cannot be read: {error}", place.value()))
        })?;
        if !each(place.value(), event) {
            break;
        }
    }
    Ok(())
}
