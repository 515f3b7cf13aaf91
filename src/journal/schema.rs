//! The schema of the database and the steps from one to the next.

use super::Space;
use super::error::JournalError;
use super::rows::{CONNECTIONS, EVENTS, sealed, sealed_event};
use redb::{
    Database, ReadableDatabase, ReadableTable, TableDefinition, TableHandle, WriteTransaction,
};
use std::path::Path;

/// Numbers by name.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// The schema of the file.
const SCHEMA: &str = "schema";
/// The next number of a connection.
pub(super) const CONNECTION: &str = "next-connection";
/// The next number of a query.
pub(super) const QUERY: &str = "next-query";
/// The next number of a fetch.
pub(super) const FETCH: &str = "next-fetch";
/// The time of the newest commit, in microseconds since 1970.
pub(super) const TIME: &str = "time";
/// Whether pages that are free may hold what was erased: 1, or missing.
pub(super) const ERASED: &str = "erased";

/// From one schema to the next.
type Step = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// The step at index n leads from schema n to n + 1; a file without tables has schema 0.
const STEPS: [Step; 2] = [create, seal];

/// The newest schema.
pub(super) const KNOWN: u64 = STEPS.len() as u64;

/// The tables of schema 1.
fn create(to: &WriteTransaction) -> Result<(), redb::Error> {
    to.open_table(EVENTS)?;
    to.open_table(CONNECTIONS)?;
    for space in Space::ALL {
        to.open_table(space.table())?;
    }
    Ok(())
}

/// Schema 2: events and values have seals.
fn seal(to: &WriteTransaction) -> Result<(), redb::Error> {
    let mut events = to.open_table(EVENTS)?;
    let mut next = 0;
    while let Some((place, row)) = first(&events, next)? {
        events.insert(place, sealed_event(place, &row).as_slice())?;
        next = place + 1;
    }
    for space in Space::ALL {
        let mut values = to.open_table(space.table())?;
        let keys = values
            .iter()?
            .map(|row| Ok(row?.0.value().to_owned()))
            .collect::<Result<Vec<_>, redb::Error>>()?;
        for key in keys {
            let row = values.get(key.as_str())?;
            let octets = row.map_or_else(Vec::new, |row| row.value().to_vec());
            let row = sealed(space.table().name(), key.as_bytes(), &octets);
            values.insert(key.as_str(), row.as_slice())?;
        }
    }
    Ok(())
}

/// The first row from this place on.
fn first(
    events: &impl ReadableTable<u64, &'static [u8]>,
    from: u64,
) -> Result<Option<(u64, Vec<u8>)>, redb::Error> {
    let row = events.range(from..)?.next().transpose()?;
    Ok(row.map(|(place, row)| (place.value(), row.value().to_vec())))
}

/// The schema of the database, which may have to be brought to the newest one.
///
/// # Errors
/// When it is newer than that, or somebody else's.
pub(super) fn found(path: &Path, database: &Database) -> Result<u64, JournalError> {
    let look = || -> Result<Option<u64>, redb::Error> {
        let read = database.begin_read()?;
        let tables: Vec<_> = read.list_tables()?.collect();
        if tables.is_empty() {
            return Ok(Some(0));
        }
        if !tables.iter().any(|table| table.name() == META.name()) {
            return Ok(None);
        }
        Ok(read
            .open_table(META)?
            .get(SCHEMA)?
            .map(|value| value.value()))
    };
    match look().map_err(|error| JournalError::of(path, error))? {
        None => Err(JournalError::Damaged {
            path: path.to_owned(),
            what: "it is a database of another program".to_owned(),
        }),
        Some(found) if found > KNOWN => Err(JournalError::Newer {
            path: path.to_owned(),
            found,
            known: KNOWN,
        }),
        Some(found) => Ok(found),
    }
}

/// Brings the database from this schema to the newest one, in one commit.
pub(super) fn migrate(database: &Database, found: u64) -> Result<(), redb::Error> {
    if found == KNOWN {
        return Ok(());
    }
    let mut write = database.begin_write()?;
    write.set_two_phase_commit(true);
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for step in STEPS.iter().skip(done) {
        step(&write)?;
    }
    write.open_table(META)?.insert(SCHEMA, KNOWN)?;
    write.commit()?;
    Ok(())
}
