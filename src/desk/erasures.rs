//! What is erased, and what stays.

use super::scenario::{Mail, World, minute, settings};
use super::scenes::{MAIL, ONE};
use super::{Desk, Doomed, Whom};
use crate::base::ports::Decision;
use crate::base::{
    Connection, ConnectionId, Event, Mailbox, MessageFacts, Server, TestId, Transport, Zone,
};

fn person(text: &str) -> Whom {
    Whom::Person(text.parse().unwrap())
}

fn verp(zone: Zone) -> String {
    format!("bounce+{zone}@sender.example")
}

fn eve(_: Zone) -> String {
    "eve@other.example".to_owned()
}

/// Looks for all that belongs to them, and erases it at the desk and in the log.
fn erase(world: &mut World, whom: Whom, now: i64) -> Doomed {
    let mut doomed = Doomed::new(whom);
    world.desk.doom(&mut doomed);
    world.results.iter().for_each(|test| doomed.take_in(test));
    world.log.iter().for_each(|event| doomed.learn(event));
    world.desk.erase(&doomed, minute(now));
    world.log.retain(|event| !doomed.holds(event));
    doomed
}

/// The senders of the tests that a desk has.
fn senders(desk: &Desk) -> Vec<String> {
    let mut senders: Vec<_> = desk
        .tests()
        .iter()
        .map(|test| test.sender.to_string())
        .collect();
    senders.sort();
    senders
}

fn says(world: &World, text: &str) -> bool {
    world
        .log
        .iter()
        .any(|event| serde_json::to_string(event).unwrap().contains(text))
}

const OF_EVE: Mail = Mail {
    from: eve,
    message_id: "e1@other.example",
    sent: 3,
    ..MAIL
};
const OF_A_LIST: Mail = Mail { from: verp, ..MAIL };
const AGAIN: Mail = Mail {
    message_id: "m2@sender.example",
    sent: 300,
    ..MAIL
};

/// A name, the mails, when it is erased, whom, what nobody says any more, and who stays.
type Row = (
    &'static str,
    &'static [Mail],
    i64,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const ROWS: [Row; 6] = [
    (
        "an open test",
        &[MAIL, OF_EVE],
        8,
        "jim@sender.example",
        &["jim@", "m1@"],
        &["eve@other.example"],
    ),
    (
        "a domain in another case",
        &[MAIL, OF_EVE],
        15,
        "eve@OTHER.example",
        &["eve@", "e1@"],
        &["jim@sender.example"],
    ),
    (
        "one that ended",
        &[MAIL, OF_EVE],
        400,
        "jim@sender.example",
        &["jim@", "m1@"],
        &["eve@other.example"],
    ),
    (
        "one that ended and one that is open",
        &[MAIL, AGAIN],
        310,
        "jim@sender.example",
        &["jim@", "m1@", "m2@"],
        &[],
    ),
    (
        "tests that were joined, by one of their senders",
        &[OF_A_LIST, OF_EVE],
        400,
        "bounce+ut@sender.example",
        &["bounce", "m1@"],
        &["eve@other.example"],
    ),
    (
        "one that only the journal knows",
        &[MAIL, OF_EVE],
        50 * 60,
        "jim@sender.example",
        &["jim@", "m1@"],
        &[],
    ),
];

#[test]
fn all_of_a_person_goes_and_nobody_else() {
    for (name, mails, at, whom, gone, stay) in ROWS {
        let mut world = World::new();
        for mail in mails {
            world.send(&ONE, mail);
        }
        world.run(0, at);
        let of_eve = |world: &World| {
            let eves = |event: &&Event| serde_json::to_string(event).unwrap().contains("eve@");
            world.log.iter().filter(eves).count()
        };
        let (before, eves) = (senders(&world.desk), of_eve(&world));
        assert!(gone.iter().all(|text| says(&world, text)), "{name}");
        erase(&mut world, person(whom), at);
        for text in gone {
            assert!(!says(&world, text), "{name}: {text}");
        }
        assert_eq!(senders(&world.desk), stay, "{name}: {before:?}");
        if at < 20 * 60 {
            assert_eq!(senders(&world.restarted()), stay, "{name}");
        }
        if stay.contains(&"eve@other.example") {
            assert_eq!(of_eve(&world), eves, "{name}");
            world.run(at, 20 * 60);
            let taken = (world.taken.iter()).any(|(.., id)| {
                let test = world.desk.test(id);
                test.is_some_and(|test| test.sender.local == "eve")
            });
            assert!(taken, "{name}: nobody was held up");
        }
    }
}

#[test]
fn a_test_is_erased_by_its_name_and_the_senders_others_stay() {
    let mut world = World::new();
    world.send(&ONE, &MAIL);
    world.send(&ONE, &AGAIN);
    world.run(0, 310);
    let tests = world.desk.tests();
    let [old, new] = tests.as_slice() else {
        panic!("{tests:?}");
    };
    let before = world.desk.test(&new.id).unwrap();
    let doomed = erase(&mut world, Whom::Test(old.id.clone()), 310);
    assert_eq!(doomed.tests().iter().collect::<Vec<_>>(), [&old.id]);
    assert!(!says(&world, "m1@") && says(&world, "m2@"));
    let after = world.restarted().test(&new.id).unwrap();
    assert_eq!(after.connections.len(), before.connections.len());
    assert_eq!(
        world.desk.test(&new.id).unwrap().connections,
        before.connections
    );
    // Its sessions go on as well.
    world.run(310, 600);
    assert!(world.taken.iter().any(|(_, _, id)| *id == new.id));
}

#[test]
fn who_is_named_in_from_is_erased_with_that_test_alone() {
    let mut desk = Desk::new(settings());
    let mut log = Vec::new();
    for (number, author) in [(1, "jim@sender.example"), (2, "eve@other.example")] {
        let mut record = offer(number, 10 * number, "bounce@list.example");
        record.to = vec![token(number)];
        record.message = Some(MessageFacts {
            header_from: author.parse().ok(),
            ..MessageFacts::default()
        });
        log.extend(transact(&mut desk, &record).1);
    }
    let mut doomed = Doomed::new(person("jim@sender.example"));
    desk.doom(&mut doomed);
    log.iter().for_each(|event| doomed.learn(event));
    log.retain(|event| !doomed.holds(event));
    assert_eq!((log.len(), doomed.tests().len()), (2, 1));
    // Nobody at the desk: the journal alone says it.
    let mut doomed = Doomed::new(person("eve@other.example"));
    log.iter().for_each(|event| doomed.learn(event));
    log.retain(|event| !doomed.holds(event));
    assert_eq!(log, []);
}

#[test]
fn what_began_before_is_not_taken_in_and_new_mail_is() {
    let mut desk = Desk::new(settings());
    let jim = "jim@sender.example";
    let open = offer(1, 10, jim);
    let halfway = offer(2, 11, jim);
    assert_eq!(transact(&mut desk, &open).1.len(), 2);
    let mut doomed = Doomed::new(person(jim));
    desk.doom(&mut doomed);
    desk.erase(&doomed, minute(12));
    assert_eq!(desk.tests(), []);
    for record in [&open, &halfway] {
        assert_eq!(transact(&mut desk, record), (Decision::Later, Vec::new()));
        assert_eq!(desk.closed(record), []);
    }
    let new = offer(3, 13, jim);
    assert_eq!(transact(&mut desk, &new).1.len(), 2);
    assert_eq!(desk.closed(&open), [], "not even into the new test");
    assert_eq!(desk.test(&desk.tests()[0].id).unwrap().connections.len(), 1);
    // Sessions do not last for ever.
    desk.tick(minute(50));
    assert!(!desk.was_erased(&open));
}

fn token(number: i64) -> Mailbox {
    let bits = u64::try_from(number).unwrap();
    let token = super::token::mint(bits, &settings().token_key);
    format!("en+{token}@et.example.org").parse().unwrap()
}

fn offer(number: i64, at: i64, from: &str) -> Connection {
    let (client, address) = ("198.51.100.7", "192.0.2.25");
    let id = ConnectionId(number.unsigned_abs());
    let (client, address) = (client.parse().unwrap(), address.parse().unwrap());
    let mut record = Connection::new(id, client, address, minute(at));
    record.ehlo = Some("out.sender.example".to_owned());
    record.server = Some(Server::Two);
    record.starttls_offered = true;
    record.transport = Transport::Encrypted;
    record.from = Some(from.parse().ok());
    record.to = vec!["en@et.example.org".parse().unwrap()];
    record
}

fn transact(desk: &mut Desk, record: &Connection) -> (Decision, Vec<Event>) {
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&record.id.0.to_be_bytes());
    let done = desk.transacted(record, TestId::from_bits(bits), record.started);
    (done.decision, done.events)
}
