//! One event as bytes: the version, then the record of that version. Pure.

use super::v1;
use crate::base::{Event, Timestamp};

/// The version that is written.
const VERSION: u8 = 1;

/// An event ready to be stored.
pub(super) struct Record {
    /// Its bytes on disk.
    pub bytes: Vec<u8>,
    /// What it is the facts of, where it has a number.
    pub number: Option<Number>,
    /// When it happened.
    pub moment: Timestamp,
}

/// The number of a piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Connection(u64),
    Query(u64),
    Fetch(u64),
}

/// When an event happened: for a connection its end, else its start; for a gap its end.
pub(super) fn moment(event: &Event) -> Timestamp {
    match event {
        Event::Connection(connection) => connection.ended.unwrap_or(connection.started),
        Event::Query(query) => query.time,
        Event::Fetch(fetch) => fetch.time,
        Event::Order(order) => order.time,
        Event::Gap(gap) => gap.until,
        Event::TlsReport(report) => report.time,
        Event::Window { time, .. }
        | Event::Opened { time, .. }
        | Event::Acknowledged { time, .. }
        | Event::Expired { time, .. }
        | Event::Reported { time, .. } => *time,
    }
}

/// The number of an event's evidence.
pub(super) fn number(event: &Event) -> Option<Number> {
    match event {
        Event::Connection(connection) => Some(Number::Connection(connection.id.0)),
        Event::Query(query) => Some(Number::Query(query.id.0)),
        Event::Fetch(fetch) => Some(Number::Fetch(fetch.id.0)),
        _ => None,
    }
}

impl Record {
    /// An event in the newest version.
    pub(super) fn of(event: &Event) -> Result<Self, String> {
        Ok(Self {
            bytes: encode(event)?,
            number: number(event),
            moment: moment(event),
        })
    }
}

/// An event as the file keeps it, in the newest version.
///
/// # Errors
/// Never for events made by this house: only when a part of it cannot be written.
pub fn encode(event: &Event) -> Result<Vec<u8>, String> {
    postcard::to_extend(&v1::Event::from(event), vec![VERSION])
        .map_err(|error| format!("an event cannot be encoded: {error}"))
}

/// Reads what [`encode`] wrote, now or in an earlier version.
///
/// # Errors
/// What is wrong with it: the bytes are damaged, or a newer program wrote them.
pub fn decode(bytes: &[u8]) -> Result<Event, String> {
    match bytes.split_first() {
        Some((&VERSION, record)) => match postcard::take_from_bytes::<v1::Event>(record) {
            Ok((event, [])) => Event::try_from(event).map_err(|error| error.0),
            Ok(_) => Err("it goes on behind its end".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        Some((version, _)) => Err(format!("it is of the unknown version {version}")),
        None => Err("it is empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_event_comes_back_as_it_was() {
        let events = sample::events();
        for event in &events {
            assert_eq!(decode(&encode(event).unwrap()).unwrap(), *event);
        }
        let kinds: std::collections::HashSet<_> =
            events.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 11);
    }

    #[test]
    fn version_one_on_disk_stays_what_it_is() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let now: Vec<String> = sample::events()
            .iter()
            .map(|event| hex(&encode(event).unwrap()))
            .collect();
        assert_eq!(now, sample::WRITTEN.lines().collect::<Vec<_>>());
    }

    #[test]
    fn damaged_records_are_told_apart() {
        let mut longer = encode(&sample::events()[0]).unwrap();
        longer.push(0);
        let mut unknown_order = encode(&sample::order(1)).unwrap();
        let fourth = unknown_order.len() - 6;
        unknown_order[fourth] = 99;
        for (bytes, why) in [
            (Vec::new(), "empty"),
            (vec![2, 0], "unknown version 2"),
            (vec![1], "end"),
            (vec![1, 200, 1], "Serde"),
            (longer, "behind its end"),
            (unknown_order, "Server 99 is unknown"),
        ] {
            let error = decode(&bytes).unwrap_err();
            assert!(error.contains(why), "{bytes:?}: {error}");
        }
    }
}
