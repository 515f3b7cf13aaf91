//! Which evidence joins which test, and which joins none: rows of data.

use super::scenario::{minute, settings};
use super::{Desk, Transacted};
use crate::base::ports::Decision;
use crate::base::{
    Close, Connection, ConnectionId, Domain, Event, Fetch, FetchId, Query, QueryId, Status, Test,
    TestId, Transport, Via,
};

/// A connection to `et` in TLS, at that minute, from the address; with a sender and a recipient, or without.
fn connection(id: u64, at: i64, client: &str, envelope: Option<(&str, &str)>) -> Connection {
    let address = "192.0.2.25".parse().unwrap();
    let mut record = Connection::new(
        ConnectionId(id),
        client.parse().unwrap(),
        address,
        minute(at),
    );
    record.ehlo = Some("out.sender.example".to_owned());
    record.starttls_offered = true;
    record.transport = Transport::Encrypted;
    record.status = Status::TlsStarted;
    record.ended = Some(minute(at));
    record.close = Some(Close::Quit);
    if let Some((from, to)) = envelope {
        record.ehlo_in_tls = true;
        record.status = Status::Mail;
        record.from = Some(from.parse().ok());
        record.to = vec![to.parse().unwrap()];
    }
    record
}

fn transact(desk: &mut Desk, record: &Connection) -> Transacted {
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&record.id.0.to_be_bytes());
    desk.transacted(record, TestId::from_bits(bits), record.started)
}

const JIM: Option<(&str, &str)> = Some(("jim@sender.example", "en@et.example.org"));
const EVE: Option<(&str, &str)> = Some(("eve@other.example", "en@et.example.org"));
const HERE: &str = "198.51.100.7";
const THERE: &str = "203.0.113.8";

#[test]
fn only_a_named_sender_to_a_test_address_opens_a_test() {
    for (from, to, opens) in [
        ("jim@sender.example", "en@et.example.org", true),
        ("", "en@et.example.org", false),
        ("jim@sender.example", "postmaster@et.example.org", false),
        (
            "jim@sender.example",
            "en+0000000000000000@et.example.org",
            false,
        ),
    ] {
        let mut desk = Desk::new(settings());
        let record = connection(1, 1, HERE, Some((from, to)));
        let done = transact(&mut desk, &record);
        assert_eq!(done.decision, Decision::Later, "{from} {to}");
        assert_eq!(done.events.len(), if opens { 2 } else { 0 }, "{from} {to}");
        assert_eq!(desk.tests().len(), usize::from(opens), "{from} {to}");
        // Mail that is no test leaves no trace when its connection ends either.
        assert_eq!(
            desk.closed(&record).len(),
            usize::from(opens),
            "{from} {to}"
        );
    }
}

#[test]
fn connections_without_a_sender_join_the_tests_of_their_origin() {
    let silent = |via| Connection {
        ehlo: None,
        via,
        ..connection(9, 2, HERE, None)
    };
    for (name, record, noted, joins) in [
        ("before the test", connection(9, 0, HERE, None), true, true),
        ("during it", connection(9, 30, HERE, None), true, true),
        (
            "of the same network",
            connection(9, 30, "198.51.100.200", None),
            true,
            true,
        ),
        (
            "of another network",
            connection(9, 30, THERE, None),
            true,
            false,
        ),
        (
            "a deadline and more before",
            connection(9, -1300, HERE, None),
            true,
            false,
        ),
        ("without a greeting", silent(None), false, false),
        (
            "without, at a host's own address",
            silent(Some(Via::Address)),
            true,
            true,
        ),
    ] {
        let mut desk = Desk::new(settings());
        let own = connection(1, 1, HERE, JIM);
        let mut order = vec![&own, &record];
        order.sort_by_key(|record| record.started);
        for record in order {
            match record.from.is_some() {
                true => drop(transact(&mut desk, record)),
                false => assert_eq!(!desk.closed(record).is_empty(), noted, "{name}"),
            }
        }
        let test = only(&desk);
        let shared: Vec<_> = (test.connections.iter())
            .filter(|contact| contact.shared)
            .map(|contact| contact.connection.id)
            .collect();
        assert_eq!(shared.len(), usize::from(joins), "{name}");
    }
}

fn only(desk: &Desk) -> Test {
    desk.test(&desk.tests()[0].id).unwrap()
}

#[test]
fn sightings_join_by_network_or_name_else_by_time_alone() {
    let fetch = |at, client: &str, ptr: &str| {
        Event::Fetch(Fetch {
            id: FetchId(1),
            time: minute(at),
            client: client.parse().unwrap(),
            ptr: Domain::parse(ptr).ok(),
            agent: String::new(),
        })
    };
    let query = |at, resolver: &str| {
        Event::Query(Query {
            id: QueryId(1),
            time: minute(at),
            resolver: resolver.parse().unwrap(),
            name: Domain::parse("et.example.org").unwrap(),
            rrtype: "MX".to_owned(),
            dnssec_ok: true,
            checking_disabled: false,
        })
    };
    // What is seen, when another test begins, and whether it joins the first test: as its own or shared.
    for (name, event, other, joins) in [
        (
            "the client's network",
            query(20, "198.51.100.53"),
            None,
            Some(false),
        ),
        (
            "shortly before",
            query(-5, "198.51.100.53"),
            None,
            Some(false),
        ),
        ("long before", query(-15, "198.51.100.53"), None, None),
        ("elsewhere, alone", query(20, THERE), None, Some(true)),
        (
            "elsewhere, before, alone",
            query(-5, THERE),
            None,
            Some(true),
        ),
        (
            "elsewhere, another test later",
            query(20, THERE),
            Some(28),
            None,
        ),
        (
            "elsewhere, another much later",
            query(20, THERE),
            Some(31),
            Some(true),
        ),
        (
            "elsewhere, another before",
            query(20, THERE),
            Some(10),
            None,
        ),
        (
            "near, another before",
            query(20, HERE),
            Some(10),
            Some(false),
        ),
        (
            "a fetch by name",
            fetch(20, THERE, "web.sender.example"),
            Some(10),
            Some(false),
        ),
        (
            "a fetch by name, hours before",
            fetch(-300, THERE, "web.sender.example"),
            None,
            Some(false),
        ),
        (
            "a fetch by another's name",
            fetch(20, THERE, "web.other.example"),
            Some(10),
            None,
        ),
        (
            "a fetch from elsewhere, hours before",
            fetch(-300, THERE, ""),
            None,
            None,
        ),
    ] {
        let named = |mut record: Connection| {
            record.ptr = Domain::parse("out.sender.example").ok();
            Event::Connection(Box::new(record))
        };
        let opened = |test: u8, at, by| Event::Opened {
            test: TestId::from_bits([test; 10]),
            time: minute(at),
            by: ConnectionId(by),
        };
        let mut events = vec![
            (0, opened(1, 0, 1)),
            (0, named(connection(1, 0, HERE, JIM))),
        ];
        if let Some(at) = other {
            let mut record = connection(2, at, "192.0.2.140", EVE);
            record.ehlo = Some("out.other.example".to_owned());
            events.push((at, opened(2, at, 2)));
            events.push((at, Event::Connection(Box::new(record))));
        }
        let time = match &event {
            Event::Query(query) => query.time,
            Event::Fetch(fetch) => fetch.time,
            _ => unreachable!(),
        };
        let at = i64::from(i32::try_from((time - minute(0)).get_seconds()).unwrap()) / 60;
        events.push((at, event));
        events.sort_by_key(|(at, _)| *at);
        let mut desk = Desk::new(settings());
        for (_, event) in &events {
            desk.apply(event);
        }
        let test = desk.test(&TestId::from_bits([1; 10])).unwrap();
        let found = (test.queries.iter().map(|seen| seen.shared))
            .chain(test.fetches.iter().map(|seen| seen.shared))
            .next();
        assert_eq!(found, joins, "{name}");
    }
}
