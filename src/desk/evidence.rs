//! Which evidence joins which test, and which joins none: rows of data.

use super::scenario::{minute, settings};
use super::{Desk, Transacted};
use crate::base::ports::Decision;
use crate::base::{
    Close, Connection, ConnectionId, Domain, Event, Fetch, FetchId, Gap, GapKind, MessageFacts,
    Query, QueryId, Server, Status, Test, TestId, TestState, Transport, Via, limits,
};

/// A connection to `et` in TLS, at that minute, from the address; with a sender and a recipient, or without.
pub(super) fn connection(
    id: u64,
    at: i64,
    client: &str,
    envelope: Option<(&str, &str)>,
) -> Connection {
    let address = "192.0.2.25".parse().unwrap();
    let mut record = Connection::new(
        ConnectionId(id),
        client.parse().unwrap(),
        address,
        minute(at),
    );
    record.ehlo = Some("out.sender.example".to_owned());
    record.server = Some(Server::Two);
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

pub(super) fn transact(desk: &mut Desk, record: &Connection) -> Transacted {
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&record.id.0.to_be_bytes());
    desk.transacted(record, TestId::from_bits(bits), record.started)
}

pub(super) const JIM: Option<(&str, &str)> = Some(("jim@sender.example", "en@et.example.org"));
pub(super) const EVE: Option<(&str, &str)> = Some(("eve@other.example", "en@et.example.org"));
pub(super) const HERE: &str = "198.51.100.7";
pub(super) const THERE: &str = "203.0.113.8";

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
            "with the operator's mail",
            Connection {
                server: None,
                ..connection(9, 30, HERE, None)
            },
            false,
            false,
        ),
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

#[test]
fn a_connection_that_broke_off_after_mail_is_part_of_its_senders_test() {
    for (sender, client, joins) in [
        ("jim@sender.example", HERE, true),
        ("jim@Sender.Example", THERE, true),
        ("eve@sender.example", HERE, false),
        ("", HERE, false),
    ] {
        let mut desk = Desk::new(settings());
        transact(&mut desk, &connection(1, 1, HERE, JIM));
        let broken = Connection {
            status: Status::TlsStarted,
            to: Vec::new(),
            ..connection(2, 5, client, Some((sender, "en@et.example.org")))
        };
        assert_eq!(desk.closed(&broken).len(), usize::from(joins), "{sender}");
        let test = only(&desk);
        assert_eq!(
            test.connections.len(),
            1 + usize::from(joins),
            "{sender} {client}"
        );
        assert!(test.connections.iter().all(|contact| !contact.shared));
    }
}

#[test]
fn a_refused_message_is_evidence_and_never_taken() {
    let mut desk = Desk::new(settings());
    let bare = |id, at| Connection {
        message: Some(MessageFacts::default()),
        oddities: vec!["bare-lf".to_owned()],
        ..connection(id, at, HERE, JIM)
    };
    let refuse = |desk: &mut Desk, record: &Connection| {
        desk.refused(record, TestId::from_bits([9; 10]), record.started)
    };
    assert_eq!(refuse(&mut desk, &bare(1, 1)).len(), 2, "it opens a test");
    // Far beyond what patience takes.
    for (id, at) in (2..40).zip((10..).step_by(30)) {
        let events = refuse(&mut desk, &bare(id, at));
        assert_eq!(events.len(), 1, "{id}");
    }
    let test = only(&desk);
    assert_eq!(
        (test.state, test.connections.len()),
        (TestState::Waiting, 39)
    );
    let null_sender = connection(50, 5, HERE, Some(("", "en@et.example.org")));
    assert_eq!(refuse(&mut desk, &null_sender), []);
}

/// A gap in which minutes, of whose network, and whether it may hide evidence of a test from minute 1 to 30.
const GAPS: [(i64, i64, Option<&str>, bool); 6] = [
    (0, 0, None, false),
    (0, 1, None, true),
    (20, 25, Some("198.51.100.0"), true),
    (20, 25, Some("203.0.113.0"), false),
    (25, 40, None, true),
    (31, 40, None, false),
];

#[test]
fn a_gap_hides_evidence_of_its_time_and_network() {
    for (from, until, network, hides) in GAPS {
        let mut desk = Desk::new(settings());
        transact(&mut desk, &connection(1, 1, HERE, JIM));
        let gap = gap(from, until, network);
        desk.gap(gap.clone());
        desk.apply(&Event::Acknowledged {
            test: only(&desk).id,
            time: minute(30),
        });
        let expected = if hides { vec![gap] } else { Vec::new() };
        assert_eq!(only(&desk).gaps, expected, "{from} to {until}");
    }
}

fn gap(from: i64, until: i64, network: Option<&str>) -> Gap {
    Gap {
        from: minute(from),
        until: minute(until),
        what: GapKind::Connections,
        network: network.map(|network| network.parse().unwrap()),
    }
}

#[test]
fn a_loss_that_goes_on_is_one_gap_and_none_is_forgotten_for_many() {
    let mut desk = Desk::new(settings());
    transact(&mut desk, &connection(1, 0, HERE, JIM));
    let here = Some("198.51.100.0");
    for at in 10..3000 {
        desk.gap(gap(at, at, here));
    }
    assert_eq!(only(&desk).gaps, [gap(10, 2999, here)]);
    for number in 0..limits::GAPS {
        let network = format!("10.{}.{}.0", number >> 8, number & 255);
        desk.gap(gap(3000, 3000, Some(&network)));
    }
    // Too many to be told apart: some are anybody's now.
    assert_eq!(only(&desk).gaps, [gap(10, 3000, None)]);
}

pub(super) fn only(desk: &Desk) -> Test {
    desk.test(&desk.tests()[0].id).unwrap()
}

/// What is seen: a query, or a fetch from a client of this name.
enum Sight {
    Query,
    Fetch(&'static str),
}
use Sight::{Fetch as F, Query as Q};

/// What is seen at which minute from where, when another test begins, and whether it joins the first test: shared or
/// as its own.
type Sighting = (
    &'static str,
    Sight,
    i64,
    &'static str,
    Option<i64>,
    Option<bool>,
);

const NEAR: &str = "198.51.100.53";

const SIGHTINGS: [Sighting; 13] = [
    ("the client's network", Q, 20, NEAR, None, Some(false)),
    ("shortly before", Q, -5, NEAR, None, Some(false)),
    ("long before", Q, -15, NEAR, None, None),
    ("elsewhere, alone", Q, 20, THERE, None, Some(true)),
    ("elsewhere, before, alone", Q, -5, THERE, None, Some(true)),
    ("elsewhere, another soon", Q, 20, THERE, Some(28), None),
    (
        "elsewhere, another later",
        Q,
        20,
        THERE,
        Some(31),
        Some(true),
    ),
    ("elsewhere, another before", Q, 20, THERE, Some(10), None),
    ("near, another before", Q, 20, NEAR, Some(10), Some(false)),
    (
        "by name",
        F("web.sender.example"),
        20,
        THERE,
        Some(10),
        Some(false),
    ),
    (
        "by name, long before",
        F("web.sender.example"),
        -300,
        THERE,
        None,
        Some(false),
    ),
    (
        "by another's name",
        F("web.other.example"),
        20,
        THERE,
        Some(10),
        None,
    ),
    ("nameless, long before", F(""), -300, THERE, None, None),
];

fn event(sight: &Sight, at: i64, client: &str) -> Event {
    let (time, client) = (minute(at), client.parse().unwrap());
    match sight {
        Q => Event::Query(Query {
            id: QueryId(1),
            time,
            resolver: client,
            name: Domain::parse("et.example.org").unwrap(),
            rrtype: "MX".to_owned(),
            dnssec_ok: true,
            checking_disabled: false,
        }),
        F(ptr) => Event::Fetch(Fetch {
            id: FetchId(1),
            time,
            client,
            ptr: Domain::parse(ptr).ok(),
            agent: String::new(),
        }),
    }
}

#[test]
fn sightings_join_by_network_or_name_else_by_time_alone() {
    for (name, sight, at, client, other, joins) in SIGHTINGS {
        let opened = |test: u8, at, by| Event::Opened {
            test: TestId::from_bits([test; 10]),
            time: minute(at),
            by: ConnectionId(by),
        };
        let mut first = connection(1, 0, HERE, JIM);
        first.ptr = Domain::parse("out.sender.example").ok();
        let mut events = vec![
            (0, opened(1, 0, 1)),
            (0, Event::Connection(Box::new(first))),
            (at, event(&sight, at, client)),
        ];
        if let Some(at) = other {
            let mut second = connection(2, at, "192.0.2.140", EVE);
            second.ehlo = Some("out.other.example".to_owned());
            events.push((at, opened(2, at, 2)));
            events.push((at, Event::Connection(Box::new(second))));
        }
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

/// Who asked from where while two senders of one network were tested, and whether that joins the first one's test.
const NEIGHBOURS: [(&str, &str, &str, Option<bool>); 4] = [
    ("the sender itself", HERE, "out.other.example", Some(false)),
    ("the neighbour itself", NEXT, "out.other.example", None),
    ("one of either's", NEAR, "out.other.example", None),
    (
        "one of the same organisation",
        NEAR,
        "out.sender.example",
        Some(false),
    ),
];
const NEXT: &str = "198.51.100.8";

#[test]
fn what_a_neighbour_may_have_asked_chooses_nothing() {
    for (name, resolver, greeting, joins) in NEIGHBOURS {
        let mut desk = Desk::new(settings());
        transact(&mut desk, &connection(1, 0, HERE, JIM));
        let mut second = connection(2, 5, NEXT, EVE);
        second.ehlo = Some(greeting.to_owned());
        transact(&mut desk, &second);
        desk.apply(&event(&Q, 10, resolver));
        let jims = desk
            .tests()
            .into_iter()
            .find(|test| test.started == minute(0));
        let test = desk.test(&jims.unwrap().id).unwrap();
        let found = test.queries.first().map(|seen| seen.shared);
        assert_eq!(found, joins, "{name}");
    }
}
