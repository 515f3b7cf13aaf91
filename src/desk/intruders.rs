//! What those can do who write other people's addresses, come in crowds, or greet under any name: nothing to others.

use super::evidence::{EVE, HERE, JIM, THERE, connection, only, transact};
use super::scenario::{Mail, Service, World, minute, settings};
use super::scenes::{MAIL, ONE};
use super::{Desk, token};
use crate::base::ports::Decision;
use crate::base::{
    Authentication, Certificate, Connection, ConnectionId, Domain, Event, Fetch, FetchId,
    MessageFacts, Policy, Robot, Server, TestId, TestState, Transport, Verdict, Via, limits,
};
use crate::infer::outbound;

fn message(spf: Verdict, robot: Option<Robot>) -> Option<MessageFacts> {
    Some(MessageFacts {
        message_id: Some(format!("{spf}@message.example")),
        authentication: Authentication {
            spf,
            ..Authentication::default()
        },
        robot,
        ..MessageFacts::default()
    })
}

/// One connection of somebody else who writes Jim's address.
fn forged(id: u64, at: i64) -> Connection {
    Connection {
        ehlo: Some("evil.example".to_owned()),
        ..connection(id, at, THERE, JIM)
    }
}

/// A name, and how it makes a forged connection what it is.
type Forgery = (&'static str, fn(&mut Connection));

/// What a forger does, at minutes in which Jim's test with DANE runs.
const FORGERIES: [Forgery; 5] = [
    ("takes server 3", |record| {
        record.server = Some(Server::Three);
        record.via = Some(Via::Sni);
        record.certificate = Some(Certificate::Host(Server::Three));
    }),
    ("sends in clear text", |record| {
        record.transport = Transport::Plain;
        record.server = Some(Server::One);
        record.ehlo_in_tls = false;
    }),
    ("sends in clear text before STARTTLS is offered", |record| {
        record.transport = Transport::Plain;
        record.starttls_offered = false;
        record.server = Some(Server::One);
        record.ehlo_in_tls = false;
    }),
    ("sends as a list", |record| {
        record.message = message(Verdict::Fail, Some(Robot::List));
    }),
    ("writes to the other domain", |record| {
        record.to = vec!["en@ut.example.org".parse().unwrap()];
        record.server = Some(Server::Seven);
    }),
];

#[test]
fn what_forgers_do_counts_for_nothing_once_the_sender_is_proven() {
    let alone = Mail {
        to: &["en@et.example.org"],
        ..MAIL
    };
    for (name, forge) in FORGERIES {
        let mut world = World::new();
        world.send(&ONE, &alone);
        let mut taken = Vec::new();
        for now in 0..120 {
            world.run(now, now + 1);
            if now % 5 == 2 {
                let mut record = forged(9000 + now as u64, now);
                forge(&mut record);
                let done = transact(&mut world.desk, &record);
                taken
                    .push(matches!(done.decision, Decision::Accept(_)) && world.results.is_empty());
            }
        }
        let [test] = &world.results[..] else {
            panic!("{name}: {} results", world.results.len())
        };
        let verdict = outbound(test);
        assert_eq!(
            verdict.policy.or(Some(Policy::Dane)),
            Some(Policy::Dane),
            "{name}"
        );
        assert!(
            verdict.candidates.contains(&Policy::Dane),
            "{name}: {:?}",
            verdict.candidates
        );
        assert_eq!((test.proven, test.robot), (true, None), "{name}");
        assert_eq!(test.authentication.spf, Verdict::Pass, "{name}");
        assert_eq!(test.addressed.len(), 1, "{name}");
        let foreign = test.connections.iter().any(|contact| contact.foreign);
        let told = verdict
            .findings
            .iter()
            .any(|found| found.code == "foreign-connections");
        assert!(foreign && told, "{name}: they are shown");
        let own = world.taken.len();
        assert_eq!(own, 1, "{name}: {taken:?}");
    }
}

#[test]
fn a_forgers_test_that_is_over_swallows_nothing() {
    let mut desk = Desk::new(settings());
    for (id, at) in (1..).zip([0, 5, 10, 15]) {
        let mut record = forged(id, at);
        record.transport = Transport::Plain;
        record.server = Some(Server::One);
        record.message = message(Verdict::Fail, None);
        transact(&mut desk, &record);
    }
    assert_eq!(desk.tests()[0].state, TestState::Acked);
    for due in desk.tick(minute(20)).due {
        desk.reported(&due, minute(20));
    }
    let mut own = connection(9, 30, HERE, JIM);
    own.message = message(Verdict::Pass, None);
    assert_eq!(transact(&mut desk, &own).decision, Decision::Later);
    let states: Vec<_> = desk.tests().iter().map(|test| test.state).collect();
    assert_eq!(states, [TestState::Reported, TestState::Waiting]);
}

#[test]
fn a_token_proves_no_other_sender() {
    let to = format!("en+{}@et.example.org", token::mint(1, &[7; 32]));
    for (second, proven) in [("jim@sender.example", true), ("eve@sender.example", false)] {
        let mut desk = Desk::new(settings());
        transact(
            &mut desk,
            &connection(1, 0, THERE, Some(("jim@sender.example", &to))),
        );
        let mut own = connection(2, 5, HERE, Some((second, &to)));
        own.message = message(Verdict::Pass, None);
        transact(&mut desk, &own);
        assert_eq!(only(&desk).proven, proven, "{second}");
    }
}

#[test]
fn greeting_under_any_name_ends_nobodys_window() {
    let mut desk = Desk::new(settings());
    desk.tick(minute(0));
    let (own, other) = (HERE.parse().unwrap(), THERE.parse().unwrap());
    let mut offered = Vec::new();
    for round in 0..4 {
        let at = round * 10;
        offered.push(
            desk.greet(own, None, "out.strict.example", minute(at))
                .starttls,
        );
        for name in 0..limits::ORIGINS_PER_NETWORK * 20 {
            desk.greet(
                other,
                None,
                &format!("{round}.{name}.example"),
                minute(at + 1),
            );
        }
        desk.tick(minute(at + 2));
    }
    assert_eq!(offered, [false, true, true, true]);
    assert!(desk.sources.len() <= limits::ORIGINS_PER_NETWORK + 1);
    assert!(desk.unconfirmed.len() <= limits::ORIGINS_PER_NETWORK + 1);
}

/// A sender of its own for each number.
fn somebody(id: u64, at: i64, client: &str) -> Connection {
    let sender = format!("a{id}@nowhere.example");
    connection(id, at, client, Some((&sender, "en@et.example.org")))
}

fn open(desk: &Desk) -> Vec<String> {
    let open = desk.tests().into_iter();
    open.filter(|test| test.state == TestState::Waiting)
        .map(|test| test.sender.to_string())
        .collect()
}

#[test]
fn a_crowd_of_tests_gives_way_and_never_drives_out_who_is_proven() {
    let mut desk = Desk::new(settings());
    let mut proven = connection(1, 0, HERE, JIM);
    proven.message = message(Verdict::Pass, None);
    transact(&mut desk, &proven);
    let networks = limits::OPEN_TESTS / limits::OPEN_TESTS_PER_NETWORK;
    let mut id = 1;
    for network in 0..networks + 1 {
        let many = limits::OPEN_TESTS_PER_NETWORK + 5;
        for _ in 0..if network < networks { many } else { 20 } {
            id += 1;
            transact(&mut desk, &somebody(id, 1, &format!("10.0.{network}.8")));
        }
    }
    let before = open(&desk);
    assert_eq!(before.len(), limits::OPEN_TESTS);
    assert!(before.contains(&"jim@sender.example".to_owned()));
    let late = transact(&mut desk, &connection(id + 1, 5, "192.0.2.140", EVE));
    assert_eq!(
        late.events.len(),
        4,
        "one ends without a result, one begins"
    );
    let after = open(&desk);
    assert_eq!(after.len(), limits::OPEN_TESTS);
    assert!(after.contains(&"eve@other.example".to_owned()));
    assert!(after.contains(&"jim@sender.example".to_owned()));
    assert_eq!(desk.tick(minute(6)).due, []);
}

#[test]
fn what_is_not_kept_in_a_rush_is_a_gap() {
    let mut desk = Desk::new(settings());
    desk.tick(minute(0));
    transact(&mut desk, &connection(1, 0, HERE, JIM));
    let refusal = |id: u64, number: u32| {
        let client = std::net::Ipv4Addr::from(0x0a00_0000 + number * 256).to_string();
        let mut record = connection(id, 1, &client, None);
        record.ehlo = Some(format!("s{}", number % 100));
        record
    };
    let crowd = limits::SHARED_CONNECTIONS as u32 + 50;
    for number in 0..crowd {
        desk.closed(&refusal(100 + u64::from(number), number));
    }
    assert!(!desk.gaps.is_empty());
    // One of an origin with a test is kept all the same.
    let mut own = connection(2, 2, HERE, None);
    own.server = Some(Server::Five);
    desk.closed(&own);
    let kept = only(&desk).connections.into_iter();
    assert_eq!(
        kept.filter(|contact| contact.connection.id == ConnectionId(2))
            .count(),
        1
    );
}

/// Networks enough for a new one at each retry.
const ROAMING: Service = Service {
    client: |attempt| {
        const CLIENTS: [&str; 12] = [
            "10.0.0.1",
            "10.0.1.1",
            "10.0.2.1",
            "10.0.3.1",
            "10.0.4.1",
            "10.0.5.1",
            "10.0.6.1",
            "10.0.7.1",
            "10.0.8.1",
            "10.0.9.1",
            "10.0.10.1",
            "10.0.11.1",
        ];
        (CLIENTS[attempt % CLIENTS.len()], "", "out.pool.example")
    },
    ..ONE
};

#[test]
fn a_service_without_confirmed_names_and_with_ever_new_networks_is_acknowledged() {
    for (policy, sni) in [
        (Policy::May, false),
        (Policy::Encrypt, false),
        (Policy::Dane, true),
    ] {
        for retries in [&[15][..], &[60], &[240]] {
            let service = Service {
                policy,
                sni,
                retries: Box::leak(Box::from(retries)),
                ..ROAMING
            };
            let mut world = World::new();
            world.send(&service, &MAIL);
            world.run(0, 24 * 60);
            assert_eq!(
                world.taken.len(),
                2,
                "{policy} {retries:?}: {:?}",
                world.taken
            );
            let policies: Vec<_> = world
                .results
                .iter()
                .map(|test| outbound(test).policy)
                .collect();
            assert_eq!(policies, [Some(policy)], "{retries:?}");
        }
    }
}

#[test]
fn a_session_that_goes_on_begins_no_window() {
    let mut desk = Desk::new(settings());
    let client = HERE.parse().unwrap();
    assert!(
        !desk
            .greet(client, None, "out.sender.example", minute(0))
            .starttls
    );
    // Its next transaction, whose record begins when the window is over.
    let mut record = connection(1, 4, HERE, JIM);
    record.starttls_offered = false;
    record.transport = Transport::Plain;
    record.server = Some(Server::One);
    transact(&mut desk, &record);
    assert!(
        desk.greet(client, None, "out.sender.example", minute(5))
            .starttls
    );
}

#[test]
fn weeks_that_are_replayed_fill_no_memory() {
    let mut desk = Desk::new(settings());
    let order = World::new().log.remove(0);
    let mut most = 0;
    for number in 0..3000u64 {
        let at = number as i64 * 10;
        if let Event::Order(order) = &order {
            let mut order = order.clone();
            order.time = minute(at);
            desk.apply(&Event::Order(order));
        }
        let test = TestId::from_bits(
            (u128::from(number) << 32).to_be_bytes()[6..]
                .try_into()
                .unwrap(),
        );
        let record = somebody(number, at, HERE);
        desk.apply(&Event::Opened {
            test: test.clone(),
            time: minute(at),
            by: record.id,
        });
        desk.apply(&Event::Connection(Box::new(record)));
        desk.apply(&Event::Acknowledged {
            test: test.clone(),
            time: minute(at),
        });
        desk.apply(&Event::Reported {
            test,
            time: minute(at + 1),
        });
        most = most.max(desk.tests.len());
    }
    assert!((100..200).contains(&most), "{most}");
}

#[test]
fn what_a_proven_sender_does_in_its_other_networks_is_its_own() {
    let other = "2001:db8:7::7";
    // Its copy that proves it comes first, or the other network does.
    for clients in [[HERE, other], [other, HERE]] {
        let mut desk = Desk::new(settings());
        for (id, client) in (1..).zip(clients) {
            let mut own = connection(id, 0, client, JIM);
            own.ptr = Domain::parse("out.sender.example").ok();
            own.message = (client == HERE)
                .then(|| message(Verdict::Pass, None))
                .flatten();
            transact(&mut desk, &own);
        }
        desk.fetched(Fetch {
            id: FetchId(1),
            time: minute(5),
            client: other.parse().unwrap(),
            ptr: None,
            agent: String::new(),
        });
        let test = only(&desk);
        assert!(test.proven);
        let shared: Vec<_> = test.fetches.iter().map(|seen| seen.shared).collect();
        assert_eq!(shared, [false], "{clients:?}");
    }
}
