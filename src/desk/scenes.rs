//! What becomes of mail from invented services: one row each.

use super::scenario::{Mail, Service, World, minute, settings};
use super::token;

use super::Desk;
use crate::base::{Certificate, Domain, Language, Policy, TestState, Zone};
use crate::infer::outbound;

const BOTH: &[&str] = &["en@et.example.org", "en@ut.example.org"];

fn jim(_: Zone) -> String {
    "jim@sender.example".to_owned()
}

fn eve(_: Zone) -> String {
    "eve@sender.example".to_owned()
}

fn verp(zone: Zone) -> String {
    format!("bounce+{zone}@sender.example")
}

pub(super) const ONE: Service = Service {
    policy: Policy::Dane,
    sni: true,
    client: |_| ("198.51.100.7", "out.sender.example", "out.sender.example"),
    retries: &[5, 10, 15, 20, 30],
    sessions: 2,
    bounces: false,
};

pub(super) const MAIL: Mail = Mail {
    from: jim,
    to: BOTH,
    message_id: "m1@sender.example",
    sent: 1,
};

fn run(sent: &[(&Service, &Mail)], minutes: i64) -> World {
    let mut world = World::new();
    for (service, mail) in sent {
        world.send(service, mail);
    }
    world.run(0, minutes);
    world
}

/// Services of all policies, and of all ways to spread over addresses.
const SERVICES: [(&str, Service); 13] = [
    ("dane at one address", ONE),
    ("none", service(Policy::None, false)),
    ("may", service(Policy::May, false)),
    ("encrypt", service(Policy::Encrypt, false)),
    ("verify with SNI", service(Policy::Verify, true)),
    ("dane-only", service(Policy::DaneOnly, true)),
    ("mta-sts", service(Policy::MtaSts, true)),
    ("both", service(Policy::DaneMtaSts, true)),
    (
        "a /24 without reverse names",
        Service {
            client: |attempt| match attempt % 3 {
                0 => ("198.51.100.7", "", "out.sender.example"),
                1 => ("198.51.100.99", "", "out.sender.example"),
                _ => ("198.51.100.200", "", "out.sender.example"),
            },
            ..ONE
        },
    ),
    (
        "a new network at each retry, by its names one organisation",
        Service {
            client: |attempt| match attempt % 4 {
                0 => ("198.51.100.7", "a.sender.example", "a.sender.example"),
                1 => ("203.0.113.8", "b.sender.example", "b.sender.example"),
                2 => ("192.0.2.130", "c.eu.sender.example", "c.eu.sender.example"),
                _ => ("100.64.3.1", "d.sender.example", "d.sender.example"),
            },
            ..ONE
        },
    ),
    (
        "three networks without reverse names",
        Service {
            client: |attempt| match attempt % 3 {
                0 => ("198.51.100.7", "", "out.sender.example"),
                1 => ("203.0.113.8", "", "out.sender.example"),
                _ => ("192.0.2.130", "", "out.sender.example"),
            },
            ..ONE
        },
    ),
    (
        "IPv4 and IPv6 in turn",
        Service {
            client: |attempt| match attempt % 2 {
                0 => ("2001:db8::7", "out.sender.example", "out.sender.example"),
                _ => ("198.51.100.7", "out.sender.example", "out.sender.example"),
            },
            ..ONE
        },
    ),
    (
        "retries four hours apart",
        Service {
            retries: &[240],
            ..ONE
        },
    ),
];

#[test]
fn one_mail_to_both_is_one_test_with_the_right_verdict() {
    for (name, service) in SERVICES {
        let world = run(&[(&service, &MAIL)], 20 * 60);
        assert_eq!(
            world.desk.tests().len(),
            1,
            "{name}: {:?}",
            world.desk.tests()
        );
        assert_eq!(world.in_state(TestState::Reported), 1, "{name}");
        let test = world.desk.test(&world.desk.tests()[0].id).unwrap();
        let verdict = outbound(&test);
        let expected = match (service.policy, verdict.candidates.as_slice()) {
            // Neither queries nor fetches are simulated, so these two may look alike.
            (Policy::Verify | Policy::MtaSts, [Policy::Verify, Policy::MtaSts]) => None,
            (policy, _) => Some(policy),
        };
        assert_eq!(verdict.policy, expected, "{name}: {:?}", verdict.candidates);
        let delivered = if service.policy == Policy::DaneOnly {
            1
        } else {
            2
        };
        assert_eq!(world.taken.len(), delivered, "{name}: {:?}", world.taken);
        assert_eq!(test.addressed, [Zone::Et, Zone::Ut], "{name}");
        assert!(test.proven, "{name}");
    }
}

const fn service(policy: Policy, sni: bool) -> Service {
    Service { policy, sni, ..ONE }
}

const BOUNCING: Service = Service {
    policy: Policy::Encrypt,
    sni: false,
    bounces: true,
    ..ONE
};
const OTHER: Mail = Mail {
    from: eve,
    message_id: "m2@sender.example",
    ..MAIL
};
const AGAIN: Mail = Mail {
    message_id: "m3@sender.example",
    ..MAIL
};

/// A mail at its minute.
type Sent = (Mail, i64);
/// Mails, and how many tests and 250s come of them.
type Scene = (&'static str, Service, &'static [Sent], usize, usize);

const SCENES: [Scene; 8] = [
    ("two users at once", ONE, &[(MAIL, 1), (OTHER, 1)], 2, 4),
    (
        "a second user meanwhile",
        ONE,
        &[(MAIL, 1), (OTHER, 8)],
        2,
        4,
    ),
    (
        "one user, the same run",
        ONE,
        &[(MAIL, 1), (AGAIN, 8)],
        1,
        4,
    ),
    (
        "one user, when all is over",
        ONE,
        &[(MAIL, 1), (AGAIN, 200)],
        2,
        4,
    ),
    (
        "et only",
        ONE,
        &[(
            Mail {
                to: &["en@et.example.org"],
                ..MAIL
            },
            1,
        )],
        1,
        1,
    ),
    (
        "ut only",
        ONE,
        &[(
            Mail {
                to: &["en@ut.example.org"],
                ..MAIL
            },
            1,
        )],
        1,
        1,
    ),
    (
        "a sender for each copy",
        ONE,
        &[(Mail { from: verp, ..MAIL }, 1)],
        1,
        2,
    ),
    (
        "told at once that it failed, and sent again until it did not",
        BOUNCING,
        &[(MAIL, 1), (AGAIN, 3), (AGAIN, 6), (AGAIN, 20), (AGAIN, 30)],
        1,
        4,
    ),
];

#[test]
fn several_mails_make_as_many_tests_as_there_are_senders_and_runs() {
    for (name, service, mails, tests, taken) in SCENES {
        let mut world = World::new();
        for (mail, sent) in mails {
            let sent = *sent;
            world.send(
                &service,
                &Mail {
                    sent,
                    ..mail.clone()
                },
            );
        }
        world.run(0, 20 * 60);
        let found = world.desk.tests();
        assert_eq!(
            world.in_state(TestState::Reported),
            tests,
            "{name}: {found:?}"
        );
        assert_eq!(found.len(), tests, "{name}");
        assert_eq!(world.taken.len(), taken, "{name}: {:?}", world.taken);
    }
}

#[test]
fn a_crash_within_a_window_does_not_lengthen_it() {
    let client = "198.51.100.7".parse().unwrap();
    let mut desk = Desk::new(settings());
    let mut committed = Vec::new();
    for (at, offered) in [
        (0, false),
        (2, false),
        (3, true),
        (1100, true),
        (1200, false),
    ] {
        let mut restarted = Desk::new(settings());
        committed.iter().for_each(|event| restarted.apply(event));
        let greeted = desk.greet(client, None, "out.sender.example", minute(at));
        let again = restarted.greet(client, None, "out.sender.example", minute(at));
        assert_eq!(greeted.starttls, offered, "{at}");
        assert_eq!(again, greeted, "{at}");
        committed.extend(greeted.events);
    }
    assert_eq!(committed.len(), 2, "one for each window");
}

#[test]
fn a_restart_at_any_minute_changes_nothing() {
    let second = Mail {
        from: eve,
        message_id: "m2@sender.example",
        sent: 8,
        ..MAIL
    };
    let verify = service(Policy::Verify, false);
    for (name, mails) in [
        ("two users", vec![(&ONE, &MAIL), (&ONE, &second)]),
        ("without SNI", vec![(&verify, &MAIL)]),
        (
            "a sender for each copy",
            vec![(&ONE, &Mail { from: verp, ..MAIL })],
        ),
    ] {
        let mut world = World::new();
        for (service, mail) in mails {
            world.send(service, mail);
        }
        for now in 0..180 {
            world.run(now, now + 1);
            let mut restarted = world.restarted();
            assert_eq!(world.desk.tests(), restarted.tests(), "{name}: {now}");
            for test in world.desk.tests() {
                let (live, again) = (world.desk.test(&test.id), restarted.test(&test.id));
                assert_eq!(live, again, "{name}: {now}");
            }
            let name_of = Domain::parse("out.sender.example").unwrap();
            let greet = |desk: &mut Desk| {
                let client = "198.51.100.7".parse().unwrap();
                let greeted = desk.greet(
                    client,
                    Some(&name_of),
                    "out.sender.example",
                    minute(now + 1),
                );
                (greeted.starttls, greeted.without_sni)
            };
            let live = greet(&mut world.desk.clone());
            assert_eq!(live, greet(&mut restarted), "{name}: greeting at {now}");
        }
        assert!(!world.taken.is_empty(), "{name}");
    }
}

#[test]
fn a_sender_that_verifies_without_sni_is_given_a_certificate_to_accept() {
    let mut world = World::new();
    world.send(&service(Policy::Verify, false), &MAIL);
    world.run(0, 120);
    let tests = world.desk.tests();
    assert_eq!(tests.len(), 1);
    let test = world.desk.test(&tests[0].id).unwrap();
    assert!(outbound(&test).candidates.contains(&Policy::Verify));
    let recipients: Vec<_> = world.taken.iter().map(|(_, to, _)| to.as_str()).collect();
    assert_eq!(recipients, ["en@ut.example.org"]);
    // A deadline after the last of it the origin starts anew.
    let (client, ptr) = ("198.51.100.7".parse().unwrap(), "out.sender.example");
    let greeting = world
        .desk
        .greet(client, Domain::parse(ptr).ok().as_ref(), ptr, minute(1330));
    let (starttls, certificate) = (greeting.starttls, greeting.without_sni);
    assert_eq!((starttls, certificate), (false, Certificate::SelfSigned));
}

#[test]
fn a_test_that_nobody_continues_expires_and_is_due_at_once() {
    let mut world = World::new();
    let gives_up = Service {
        retries: &[5, 100_000],
        ..ONE
    };
    world.send(&gives_up, &MAIL);
    world.run(0, 21 * 60);
    assert_eq!(world.in_state(TestState::Waiting), 1);
    let next = world.desk.tick(minute(21 * 60)).next.unwrap();
    assert!(
        next > minute(21 * 60) && next <= minute(21 * 60 + 10),
        "{next}"
    );
    let tick = world.desk.tick(next);
    assert_eq!(tick.events.len(), 1);
    assert_eq!(tick.due, [world.desk.tests()[0].id.clone()]);
    assert_eq!(world.in_state(TestState::Expired), 1);
    assert_eq!(
        world.desk.tick(minute(42 * 60)).due,
        tick.due,
        "until it is reported"
    );
    let due = tick.due[0].clone();
    world.desk.reported(&due, minute(42 * 60));
    world.desk.tick(minute(43 * 60));
    assert_eq!(world.desk.tests(), []);
}

#[test]
fn late_copies_are_accepted_and_belong_to_the_test_they_are_copies_of() {
    let mut world = World::new();
    world.send(&ONE, &MAIL);
    world.run(0, 60);
    let taken = world.taken.clone();
    let result = world.desk.test(&taken[0].2);
    assert_eq!(taken.len(), 2);
    // Within the quiet hour at once; later after a window of its own, and still no new test.
    for (from, until) in [(60, 61), (400, 460)] {
        let copy = Mail { sent: from, ..MAIL };
        world.send(&ONE, &copy);
        world.run(from, until);
    }
    assert_eq!(world.taken.len(), 6, "{:?}", world.taken);
    assert!(world.taken.iter().all(|(_, _, test)| *test == taken[0].2));
    assert_eq!(world.taken[2].0, 60);
    let contacts = |test: Option<crate::base::Test>| test.map(|test| test.connections);
    assert_eq!(contacts(world.desk.test(&taken[0].2)), contacts(result));
    assert_eq!(world.desk.tests().len(), 1);
}

#[test]
fn a_token_is_a_test_of_its_own() {
    let token = token::mint(1, &[7; 32]);
    let to: &'static [&'static str] = Box::leak(Box::new([&*Box::leak(
        format!("de+{token}@et.example.org").into_boxed_str(),
    )]));
    let mut world = World::new();
    world.send(&ONE, &MAIL);
    let second = Mail {
        to,
        message_id: "m2@sender.example",
        ..MAIL
    };
    world.send(&ONE, &second);
    world.run(0, 60);
    let tests: Vec<_> = (world.desk.tests().iter())
        .map(|test| world.desk.test(&test.id).unwrap())
        .collect();
    let tokens: Vec<_> = tests.iter().map(|test| test.token.clone()).collect();
    assert_eq!(tokens.len(), 2);
    assert!(
        tokens.contains(&None) && tokens.contains(&Some(token)),
        "{tokens:?}"
    );
    assert!(tests.iter().any(|test| test.language == Language::German));
}

#[test]
fn no_way_of_walking_and_no_retry_schedule_leads_to_a_wrong_verdict() {
    let policies = [
        (Policy::None, false),
        (Policy::May, false),
        (Policy::May, true),
        (Policy::Encrypt, false),
        (Policy::Encrypt, true),
        (Policy::Verify, true),
        (Policy::Dane, true),
        (Policy::DaneOnly, true),
        (Policy::MtaSts, true),
        (Policy::DaneMtaSts, true),
    ];
    let schedules: [&'static [i64]; 5] = [
        &[1, 2, 4, 8, 16, 32, 64],
        &[5, 10, 20, 40, 66],
        &[15],
        &[15, 15, 60],
        &[30, 240],
    ];
    let mut undetermined = Vec::new();
    for (policy, sni) in policies {
        for sessions in [1, 2, 4] {
            for retries in schedules {
                let service = Service {
                    sessions,
                    retries,
                    ..service(policy, sni)
                };
                let world = run(&[(&service, &MAIL)], 22 * 60);
                let name = format!("{policy}, {sni}, {sessions}, {retries:?}");
                let verdicts: Vec<_> = world.results.iter().map(outbound).collect();
                assert_eq!(verdicts.len(), 1, "{name}");
                assert!(
                    verdicts[0].candidates.contains(&policy),
                    "{name}: {verdicts:?}"
                );
                let alike = [Policy::Verify, Policy::MtaSts];
                if verdicts[0].policy.is_none() && verdicts[0].candidates != alike {
                    undetermined.push(name);
                }
            }
        }
    }
    assert_eq!(undetermined, [""; 0]);
}
