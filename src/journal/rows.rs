//! The tables and their rows. Every event and every value is kept with a seal, so that none is ever taken for another one
//! or for something that was not written.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | name | number: `schema`, the next ids, the time of the newest commit, whether something was erased |
//! | `events` | position | record, seal |
//! | `connections` | connection's number | its position in `events` |
//! | one a [`Space`] | the owner's key | the owner's bytes, seal |

use super::Space;
use super::record::{self, Number, Record};
use super::schema::{self, META};
use crate::base::{Event, Timestamp};
use redb::{ReadableTable, TableDefinition, TableHandle, WriteTransaction};
use ring::digest;

/// Events by position.
pub(super) const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("events");
/// Positions by connection.
pub(super) const CONNECTIONS: TableDefinition<u64, u64> = TableDefinition::new("connections");

/// Octets of a seal.
const SEAL: usize = 8;

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

/// What belongs to these octets in this place and to nothing else: the beginning of their digest.
fn seal(table: &str, key: &[u8], octets: &[u8]) -> [u8; SEAL] {
    let mut digest = digest::Context::new(&digest::SHA256);
    for part in [table.as_bytes(), key, octets] {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let mut seal = [0; SEAL];
    seal.copy_from_slice(&digest.finish().as_ref()[..SEAL]);
    seal
}

/// The octets with their seal.
pub(super) fn sealed(table: &str, key: &[u8], octets: &[u8]) -> Vec<u8> {
    [octets, &seal(table, key, octets)].concat()
}

/// The octets without their seal.
fn opened<'a>(table: &str, key: &[u8], row: &'a [u8]) -> Result<&'a [u8], redb::Error> {
    match row.split_last_chunk() {
        Some((octets, found)) if *found == seal(table, key, octets) => Ok(octets),
        _ => Err(redb::Error::Corrupted(format!(
            "row {} of {table} is not what was written",
            String::from_utf8_lossy(key)
        ))),
    }
}

/// The key of an event's place, for its seal and for people.
fn place_key(place: u64) -> String {
    place.to_string()
}

/// An event with its seal.
pub(super) fn sealed_event(place: u64, record: &[u8]) -> Vec<u8> {
    sealed(EVENTS.name(), place_key(place).as_bytes(), record)
}

/// The event in this row.
pub(super) fn event(place: u64, row: &[u8]) -> Result<Event, redb::Error> {
    let octets = opened(EVENTS.name(), place_key(place).as_bytes(), row)?;
    record::decode(octets)
        .map_err(|error| redb::Error::Corrupted(format!("event {place} cannot be read: {error}")))
}

/// The value in this row of a space.
pub(super) fn value(space: Space, key: &str, row: &[u8]) -> Result<Vec<u8>, redb::Error> {
    opened(space.table().name(), key.as_bytes(), row).map(<[u8]>::to_vec)
}

/// Keeps a value.
pub(super) fn put(
    to: &WriteTransaction,
    (space, key, octets): &(Space, String, Vec<u8>),
) -> Result<(), redb::Error> {
    let table = space.table();
    let row = sealed(table.name(), key.as_bytes(), octets);
    to.open_table(table)?.insert(key.as_str(), row.as_slice())?;
    Ok(())
}

/// Stores events; one of a connection takes the place of an earlier one with its number.
pub(super) fn insert(to: &WriteTransaction, records: &[Record]) -> Result<(), redb::Error> {
    let mut events = to.open_table(EVENTS)?;
    let mut connections = to.open_table(CONNECTIONS)?;
    let mut meta = to.open_table(META)?;
    let mut next = end(&events)?;
    for record in records {
        let mut place = next;
        if let Some(number) = record.number {
            let (name, number) = match number {
                Number::Connection(number) => {
                    let earlier = connections.get(number)?.map(|place| place.value());
                    match earlier {
                        Some(earlier) => place = replaced(&events, earlier, number)?,
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
        events.insert(place, sealed_event(place, &record.bytes).as_slice())?;
        if place == next {
            next += 1;
        }
    }
    Ok(())
}

/// The place of a connection's earlier facts, which must be there: nothing else may be written over.
fn replaced(
    events: &impl ReadableTable<u64, &'static [u8]>,
    place: u64,
    number: u64,
) -> Result<u64, redb::Error> {
    let row = events.get(place)?;
    let there = row.map(|row| event(place, row.value())).transpose()?;
    match there.as_ref().and_then(record::number) {
        Some(Number::Connection(known)) if known == number => Ok(place),
        _ => Err(redb::Error::Corrupted(format!(
            "connection {number} is not at its place {place}"
        ))),
    }
}

/// The place behind the last event.
pub(super) fn end(events: &impl ReadableTable<u64, &'static [u8]>) -> Result<u64, redb::Error> {
    Ok(events.last()?.map_or(0, |(place, _)| place.value() + 1))
}

/// Notes the time up to which the journal is complete.
pub(super) fn mark(to: &WriteTransaction, time: Timestamp) -> Result<(), redb::Error> {
    let time = u64::try_from(time.as_microsecond()).unwrap_or(0);
    to.open_table(META)?.insert(schema::TIME, time)?;
    Ok(())
}

/// Calls `each` with every event from this place on, until it says `false`.
pub(super) fn walk(
    events: &impl ReadableTable<u64, &'static [u8]>,
    from: u64,
    mut each: impl FnMut(u64, Event) -> bool,
) -> Result<(), redb::Error> {
    for row in events.range(from..)? {
        let (place, row) = row?;
        let place = place.value();
        if !each(place, event(place, row.value())?) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_belongs_to_one_place() {
        let row = sealed("events", b"7", b"octets");
        assert_eq!(opened("events", b"7", &row).unwrap(), b"octets");
        let mut other = row.clone();
        other[2] ^= 1;
        for (table, key, row) in [
            ("events", "8", &row[..]),
            ("event", "s7", &row),
            ("results", "7", &row),
            ("events", "7", &other),
            ("events", "7", &row[1..]),
            ("events", "7", b"short"),
        ] {
            let error = opened(table, key.as_bytes(), row).unwrap_err();
            assert!(
                error.to_string().contains("not what was written"),
                "{error}"
            );
        }
    }
}
