//! The journal's file: made whole, locked, and replaced by a copy of itself when it may still hold what was erased, or is
//! mostly free.

use super::Space;
use super::error::JournalError;
use super::rows::{CONNECTIONS, EVENTS};
use super::schema::{self, META};
use super::store::{Opener, Store, builder};
use crate::base::file;
use redb::{
    Database, ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, StorageBackend,
    TableDefinition, TableHandle, WriteTransaction, backends::FileBackend,
};
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Octets from which on a file that is mostly free is replaced by a smaller one.
const LARGE: u64 = 4 * 1024 * 1024;
/// Links that are followed; the system follows no more.
const LINKS: usize = 40;
/// The journal's file is its owner's alone.
const MODE: u32 = 0o600;

/// Opens the file of a journal under its lock, and makes it where it is missing.
pub(super) fn opener(path: PathBuf) -> Opener {
    Box::new(move || open(&path))
}

fn open(path: &Path) -> Result<Box<dyn StorageBackend>, redb::Error> {
    loop {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make(path)?;
                continue;
            }
            other => other?,
        };
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => redb::Error::DatabaseAlreadyOpen,
            TryLockError::Error(error) => error.into(),
        })?;
        let own = file.metadata()?;
        // Whoever had it locked may have put another file in its place.
        let is_same = |now: &fs::Metadata| (now.dev(), now.ino()) == (own.dev(), own.ino());
        if !fs::metadata(path).as_ref().is_ok_and(is_same) {
            continue;
        }
        file.set_permissions(Permissions::from_mode(MODE))?;
        return Ok(Box::new(FileBackend::new(file)?));
    }
}

/// Makes an empty journal, whole or not at all; one that is there already stays.
fn make(path: &Path) -> Result<(), redb::Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let scratch = tempfile::Builder::new()
        .prefix(".journal.")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)?;
    fill(FileBackend::new(scratch.reopen()?)?)?;
    match scratch.persist_noclobber(path) {
        // Another process was first; unless it is a link to nowhere.
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists && path.exists() => {}
        Err(error) => return Err(error.error.into()),
        Ok(_) => {}
    }
    Ok(File::open(folder)?.sync_all()?)
}

/// Makes an empty journal in an empty storage.
pub(super) fn fill(storage: impl StorageBackend) -> Result<(), redb::Error> {
    let database = builder().create_with_backend(storage)?;
    schema::migrate(&database, 0)?;
    Ok(database.close()?)
}

/// Puts a copy in place of the file where pages that are free may hold what was erased, or fill most of a large file. When
/// that cannot be done, the file stays in use as it is, and it is tried again when the journal is opened next.
pub(super) fn renew(store: &Store) -> Result<(), JournalError> {
    let path = behind_links(store.path());
    let scratch = scratch(&path);
    // What a crash left behind is a copy of what may since have been erased.
    match fs::remove_file(&scratch) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!("{}: cannot be removed: {error}", scratch.display());
        }
        _ => {}
    }
    let erased = store.read(|read| Ok(read.open_table(META)?.get(schema::ERASED)?.is_some()))?;
    let length = fs::metadata(&path).map_or(0, |file| file.len());
    let is_wasteful = length > LARGE && store.used()? < length / 3;
    if !erased && !is_wasteful {
        return Ok(());
    }
    let renewed = copy(store, &scratch)
        .map_err(|error| error.to_string())
        .and_then(|()| file::rename(&scratch, &path).map_err(|error| error.to_string()));
    if let Err(error) = renewed {
        let what = match erased {
            true => "what was erased is still in the file, in no reader's sight",
            false => "the file is larger than it need be",
        };
        let path = path.display();
        tracing::error!("{path}: {what}; the next start tries again: {error}");
        // It may be what fills the disk.
        let _ = fs::remove_file(&scratch);
    }
    // Whichever file is there now: a failure may have come behind the replacement.
    store.close();
    store.read(|_| Ok(()))
}

/// The file itself, so that a link to it stays one.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Where the copy is made that replaces the file.
fn scratch(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

/// Copies one state of the database into a new file, which must not exist.
pub(super) fn copy(store: &Store, to: &Path) -> Result<(), JournalError> {
    let failed = |error| JournalError::of(to, error);
    let target = || -> Result<Database, redb::Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(to)?;
        Ok(builder().create_with_backend(FileBackend::new(file)?)?)
    };
    let target = target().map_err(failed)?;
    let mut into = target.begin_write().map_err(|error| failed(error.into()))?;
    into.set_two_phase_commit(true);
    store.read(|from| {
        copy_table(from, &into, META)?;
        into.open_table(META)?.remove(schema::ERASED)?;
        copy_table(from, &into, EVENTS)?;
        copy_table(from, &into, CONNECTIONS)?;
        for space in Space::ALL {
            copy_table(from, &into, space.table())?;
        }
        Ok(())
    })?;
    into.commit().map_err(|error| failed(error.into()))?;
    target.close().map_err(|error| failed(error.into()))
}

fn copy_table<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    into: &WriteTransaction,
    table: TableDefinition<K, V>,
) -> Result<(), redb::Error> {
    let source = from.open_table(table)?;
    let mut target = into.open_table(table)?;
    for row in source.iter()? {
        let (key, value) = row?;
        target.insert(key.value(), value.value())?;
    }
    if source.len()? == target.len()? {
        return Ok(());
    }
    Err(redb::Error::Corrupted(format!(
        "{} has not as many rows as it says",
        table.name()
    )))
}
