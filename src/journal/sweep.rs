//! Which events are forgotten, and their removal: found by reading, without holding up what is written, then looked at
//! once more and removed.

use super::Space;
use super::record::{Number, moment, number};
use super::rows::{self, CONNECTIONS, EVENTS, walk};
use super::schema::{ERASED, META};
use crate::base::{Event, Timestamp, limits};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

/// Events that were found, by their places; and where the journal ended then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    places: Vec<u64>,
    end: u64,
}

impl Found {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// What is removed for good, so that not even free pages hold it after the next start.
pub struct Erasure {
    /// Where the events were found.
    pub found: Found,
    /// Which they are; asked again of those that were found, and of all that came since.
    pub holds: Box<dyn Fn(&Event) -> bool + Send>,
    /// The values removed with them.
    pub removes: Vec<(Space, String)>,
}

/// Finds the events for which this holds.
pub(super) fn find(
    read: &ReadTransaction,
    mut holds: impl FnMut(&Event) -> bool,
) -> Result<Found, redb::Error> {
    let events = read.open_table(EVENTS)?;
    let mut places = Vec::new();
    walk(&events, 0, |place, event| {
        if holds(&event) {
            places.push(place);
        }
        true
    })?;
    let end = rows::end(&events)?;
    Ok(Found { places, end })
}

/// Finds the first events before this time, at most `limits::SWEEP`; not the newest order among all that are older, for
/// it was in force then. Time says nothing of places: the clock may have been wrong.
pub(super) fn find_old(read: &ReadTransaction, before: Timestamp) -> Result<Vec<u64>, redb::Error> {
    let mut places = Vec::new();
    let mut order = None;
    walk(&read.open_table(EVENTS)?, 0, |place, event| {
        if moment(&event) < before {
            places.extend(match event {
                Event::Order(_) => order.replace(place),
                _ => Some(place),
            });
        }
        places.len() < limits::SWEEP
    })?;
    Ok(places)
}

/// Removes the events at these places that are before this time; says how many.
pub(super) fn expire(
    from: &WriteTransaction,
    places: &[u64],
    before: Timestamp,
) -> Result<u64, redb::Error> {
    remove(from, places, |event| moment(event) < before)
}

/// Erases; says how many events there were.
pub(super) fn erase(from: &WriteTransaction, erasure: &Erasure) -> Result<u64, redb::Error> {
    let mut places = erasure.found.places.clone();
    let events = from.open_table(EVENTS)?;
    walk(&events, erasure.found.end, |place, event| {
        if (erasure.holds)(&event) {
            places.push(place);
        }
        true
    })?;
    drop(events);
    let erased = remove(from, &places, &erasure.holds)?;
    for (space, key) in &erasure.removes {
        from.open_table(space.table())?.remove(key.as_str())?;
    }
    from.open_table(META)?.insert(ERASED, 1)?;
    Ok(erased)
}

/// Removes the events at these places for which this still holds; other events may be there since.
fn remove(
    from: &WriteTransaction,
    places: &[u64],
    holds: impl Fn(&Event) -> bool,
) -> Result<u64, redb::Error> {
    let mut events = from.open_table(EVENTS)?;
    let mut connections = from.open_table(CONNECTIONS)?;
    let mut removed = 0;
    for place in places {
        let row = events.get(place)?;
        let event = row
            .map(|row| rows::event(*place, row.value()))
            .transpose()?;
        let Some(event) = event.filter(&holds) else {
            continue;
        };
        events.remove(place)?;
        if let Some(Number::Connection(number)) = number(&event) {
            connections.remove(number)?;
        }
        removed += 1;
    }
    Ok(removed)
}
