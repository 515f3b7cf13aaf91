//! Which connections are one attempt: those with gaps under `attempt_gap`.

use super::settings::{after, before};
use crate::base::{Connection, Contact, Timestamp};
use std::time::Duration;

/// How many gaps an attempt may span before a pause of the sender's own ends it, whatever others do meanwhile.
const SPAN: u32 = 5;

/// Numbers the connections, each with whether it is shared, from 1 by start.
///
/// Shared connections of a busy origin could tie all attempts of a sender together; so in an attempt that is long
/// already, a gap between the sender's own connections begins a new one.
pub(super) fn number(mut found: Vec<(Connection, bool)>, gap: Duration) -> Vec<Contact> {
    found.sort_by_key(|(connection, _)| (connection.started, connection.id));
    let mut attempt = 0;
    let mut began = Timestamp::MIN;
    let mut last: Option<Timestamp> = None;
    let mut own: Option<Timestamp> = None;
    let mut contacts = Vec::with_capacity(found.len());
    for (connection, shared) in found {
        let pause_since =
            |end: Option<Timestamp>| end.is_some_and(|end| before(connection.started, gap) >= end);
        let overlong = connection.started >= after(began, gap * SPAN);
        if last.is_none() || pause_since(last) || (!shared && overlong && pause_since(own)) {
            attempt += 1;
            began = connection.started;
            last = None;
        }
        let end = connection.ended.unwrap_or(connection.started);
        last = last.max(Some(end));
        if !shared {
            own = own.max(Some(end));
        }
        contacts.push(Contact {
            attempt,
            shared,
            foreign: false,
            connection,
        });
    }
    contacts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ConnectionId;

    #[test]
    fn a_gap_begins_an_attempt() {
        for (name, rows, attempts) in [
            (
                "one chain",
                vec![(0, 5, false), (50, 55, true), (110, 115, false)],
                vec![1, 1, 1],
            ),
            ("a gap", vec![(0, 5, false), (65, 70, false)], vec![1, 2]),
            (
                "an end counts, not a start",
                vec![(0, 50, false), (100, 101, false)],
                vec![1, 1],
            ),
            (
                "others do not tie attempts together for ever",
                (0..20)
                    .map(|minute| (minute * 50, minute * 50 + 1, minute % 10 != 0))
                    .collect(),
                [vec![1; 10], vec![2; 10]].concat(),
            ),
        ] {
            let any = "192.0.2.1".parse().unwrap();
            let second = |second| Timestamp::from_second(second).unwrap();
            let found = rows
                .iter()
                .zip(1..)
                .map(|((from, until, shared), id)| {
                    let mut connection = Connection::new(ConnectionId(id), any, any, second(*from));
                    connection.ended = Some(second(*until));
                    (connection, *shared)
                })
                .collect();
            let numbers: Vec<_> = number(found, Duration::from_secs(60))
                .iter()
                .map(|contact| contact.attempt)
                .collect();
            assert_eq!(numbers, attempts, "{name}");
        }
    }
}
