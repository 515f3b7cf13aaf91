//! The open database: one transaction at a time, opened anew after a failure of the disk, only read after damage was
//! found. Blocks; knows no threads.

use super::Opened;
use super::disk::Disk;
use super::error::JournalError;
use super::schema::{self, META};
use crate::base::{Gap, GapKind, Timestamp};
use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockWriteGuard};

/// Memory for pages read and written, in octets.
const CACHE: usize = 16 * 1024 * 1024;

/// How the storage is opened, and locked; called again after a failure.
pub(super) type Opener =
    Box<dyn Fn() -> Result<Box<dyn StorageBackend>, redb::Error> + Send + Sync>;

/// How databases are opened: with every page checked.
pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder.set_check_integrity_on_open(true);
    builder
}

/// What the database says, or that it fell over what it read.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let told = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(redb::Error::Corrupted(format!(
            "the database fell over it: {}",
            told.unwrap_or("no reason given")
        )))
    })
}

/// An open database.
struct Open {
    database: Database,
    disk: Disk,
}

/// The open database, or the way to it.
pub(super) struct Store {
    path: PathBuf,
    opener: Opener,
    /// `None` after a failure, until it is opened anew.
    open: RwLock<Option<Open>>,
    /// The damage that was found first; from then on nothing is written.
    damage: OnceLock<JournalError>,
}

impl Store {
    /// Opens the database and brings it to the newest schema.
    pub(super) fn open(path: &Path, opener: Opener) -> Result<Self, JournalError> {
        let store = Self {
            path: path.to_owned(),
            open: RwLock::new(None),
            damage: OnceLock::new(),
            opener,
        };
        store.read(|_| Ok(()))?;
        Ok(store)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The damage that was found first.
    pub(super) fn damage(&self) -> Option<&JournalError> {
        self.damage.get()
    }

    fn of(&self, error: redb::Error) -> JournalError {
        JournalError::of(&self.path, error)
    }

    /// Opens the database, checks every page of it and brings it to the newest schema. Nothing is written before it is
    /// known to be sound and ours; when nothing can be written then, it can be read all the same.
    fn connect(&self) -> Result<Open, JournalError> {
        let mut open = self.look(false)?;
        let has_newer = open.disk.has_newer();
        if has_newer.map_err(|error| self.of(error.into()))? {
            drop(open);
            open = self.look(true)?;
        }
        let found = schema::found(&self.path, &open.database)?;
        let rest = || match open.disk.release() {
            Err(_) if found == schema::KNOWN => Ok(()),
            released => {
                released?;
                schema::migrate(&open.database, found)
            }
        };
        guarded(rest).map_err(|error| self.of(error))?;
        Ok(open)
    }

    fn look(&self, newest: bool) -> Result<Open, JournalError> {
        let open = || {
            let disk = Disk::new((self.opener)()?, newest);
            if disk.len()? == 0 {
                return Err(redb::Error::Corrupted("it is empty".to_owned()));
            }
            let database = builder().create_with_backend(disk.clone())?;
            Ok(Open { database, disk })
        };
        guarded(open).map_err(|error| self.of(error))
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Option<Open>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the database; it is opened anew when it is wanted.
    pub(super) fn close(&self) {
        let open = self.slot().take();
        // After damage even closing may fall over it.
        let _ = guarded(|| {
            drop(open);
            Ok(())
        });
    }

    /// Does `work` in one durable commit. After a failure all of it is stored or nothing (the disk may fail just behind
    /// the commit), and the file is opened anew, as the database demands it after an error of the disk. A damaged file is
    /// not written any more: what is damaged would be copied under good checksums.
    ///
    /// The state is on the disk before it is marked as current, so that a mark without it is known as damage.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        if let Some(damage) = self.damage() {
            return Err(damage.clone());
        }
        let outcome = self.with(|open| {
            open.disk.release()?;
            let mut transaction = open.database.begin_write()?;
            transaction.set_two_phase_commit(true);
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        if outcome.is_err() && self.damage().is_none() {
            self.close();
        }
        outcome
    }

    /// Reads one state of the database.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        self.with(|open| work(&open.database.begin_read()?))
    }

    /// The octets of the pages that are in use.
    pub(super) fn used(&self) -> Result<u64, JournalError> {
        self.with(|open| {
            let transaction = open.database.begin_write()?;
            let stats = transaction.stats()?;
            transaction.abort()?;
            Ok(stats.allocated_pages() * stats.page_size() as u64)
        })
    }

    /// Works with the open database; opens it where it is not.
    fn with<T>(
        &self,
        work: impl FnOnce(&Open) -> Result<T, redb::Error>,
    ) -> Result<T, JournalError> {
        let outcome = loop {
            let shared = self.open.read();
            if let Some(open) = shared.unwrap_or_else(PoisonError::into_inner).as_ref() {
                break guarded(|| work(open)).map_err(|error| self.of(error));
            }
            if let Some(damage) = self.damage() {
                return Err(damage.clone());
            }
            let mut slot = self.slot();
            if slot.is_none() {
                match self.connect() {
                    Ok(open) => *slot = Some(open),
                    Err(error) => break Err(error),
                }
            }
        };
        if let Err(error @ JournalError::Damaged { .. }) = &outcome
            && self.damage.set(error.clone()).is_ok()
        {
            tracing::error!("{error}");
        }
        outcome
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// What a database that was just opened holds.
pub(super) fn opened(read: &ReadTransaction, now: Timestamp) -> Result<Opened, redb::Error> {
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
