//! The schema of the database and the steps from one to the next.

use super::Space;
use super::error::JournalError;
use super::store::{CONNECTIONS, EVENTS};
use redb::{Database, ReadableDatabase, TableDefinition, TableHandle, WriteTransaction};
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

/// From one schema to the next.
type Step = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// The step at index n leads from schema n to n + 1; a file without tables has schema 0.
const STEPS: [Step; 1] = [create];

/// The tables of schema 1.
fn create(to: &WriteTransaction) -> Result<(), redb::Error> {
    to.open_table(EVENTS)?;
    to.open_table(CONNECTIONS)?;
    for space in Space::ALL {
        to.open_table(space.table())?;
    }
    Ok(())
}

/// The schema of the database; an error when it is somebody else's.
fn found(path: &Path, database: &Database) -> Result<u64, JournalError> {
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
    look()
        .map_err(|error| JournalError::of(path, error))?
        .ok_or_else(|| JournalError::Damaged {
            path: path.to_owned(),
            what: "it is a database of another program".to_owned(),
        })
}

/// Brings the database to the newest schema, in one commit.
pub(super) fn migrate(path: &Path, database: &Database) -> Result<(), JournalError> {
    let found = found(path, database)?;
    let known = STEPS.len() as u64;
    if found > known {
        return Err(JournalError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    if found == known {
        return Ok(());
    }
    let run = || -> Result<(), redb::Error> {
        let write = database.begin_write()?;
        for step in STEPS
            .iter()
            .skip(usize::try_from(found).unwrap_or(usize::MAX))
        {
            step(&write)?;
        }
        write.open_table(META)?.insert(SCHEMA, known)?;
        write.commit()?;
        Ok(())
    };
    run().map_err(|error| JournalError::of(path, error))
}
