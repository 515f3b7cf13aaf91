//! What a journal holds that was written earlier: results, many of them, or damaged ones.

use crate::appliance::Appliance;
use mailproof::base::{
    Authentication, Connection, ConnectionId, Contact, Language, Mailbox, Test, TestId, TestState,
    Timestamp,
};
use mailproof::infer;
use mailproof::journal::{Batch, Journal, Space};
use mailproof::report::{Reply, ReplyState, Report};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::FileExt as _;

fn id(number: u32) -> TestId {
    let mut bits = [0; 10];
    bits[..4].copy_from_slice(&number.to_be_bytes());
    TestId::from_bits(bits)
}

/// A result of some octets.
fn result(number: u32, size: usize) -> Report {
    let started = Timestamp::now();
    let (client, address) = ("198.51.100.7", "192.0.2.25");
    let (client, address) = (client.parse().unwrap(), address.parse().unwrap());
    let mut connection = Connection::new(ConnectionId(1), client, address, started);
    let sender: Mailbox = format!("jim{number}@sender.example").parse().unwrap();
    connection.from = Some(Some(sender.clone()));
    connection.oddities = vec!["x".repeat(size)];
    let test = Test {
        id: id(number),
        sender,
        token: None,
        language: Language::English,
        state: TestState::Reported,
        started,
        ended: Some(started),
        addressed: Vec::new(),
        origins: Vec::new(),
        authentication: Authentication::default(),
        message_ids: Vec::new(),
        date: None,
        signatures: Vec::new(),
        proven: false,
        robot: None,
        orders: Vec::new(),
        order_ttl: 60,
        gaps: Vec::new(),
        connections: vec![Contact {
            attempt: 1,
            shared: false,
            foreign: false,
            connection,
        }],
        queries: Vec::new(),
        fetches: Vec::new(),
        tls_reports: Vec::new(),
    };
    Report {
        outbound: infer::outbound(&test),
        test,
        inbound: None,
        reply: Reply {
            state: ReplyState::Sent,
            reason: String::new(),
        },
    }
}

/// Puts so many results into the journal of an appliance that does not run.
fn store(appliance: &Appliance, count: u32, size: usize) {
    let path = appliance.path("journal.redb");
    let (journal, _) = Journal::open(&path, Timestamp::now()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for first in (0..count).step_by(100) {
        let batch = Batch {
            puts: (first..count.min(first + 100))
                .map(|number| {
                    let stored = result(number, size).to_stored().unwrap();
                    (Space::Results, id(number).to_string(), stored)
                })
                .collect(),
            ..Batch::default()
        };
        runtime.block_on(journal.commit(batch)).unwrap();
    }
}

/// The most memory that the appliance ever used, in octets.
fn peak(appliance: &Appliance) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", appliance.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().unwrap() * 1024
}

/// As many results as a busy month has.
const MANY: u32 = 10_000;
/// Octets that each has, and more.
const SIZE: usize = 16_000;

#[test]
fn ten_thousand_results_are_listed_one_at_a_time() {
    let mut appliance = Appliance::new();
    store(&appliance, MANY, SIZE);
    appliance.start();
    let before = peak(&appliance);
    let list = appliance.json(&["tests", "list"]);
    assert_eq!(list.as_array().unwrap().len(), MANY as usize);
    let grown = peak(&appliance) - before;
    // Rows and their text, and the journal's memory for pages, but not the results.
    assert!(grown < MANY as usize * SIZE * 3 / 4, "{grown} octets");
}

fn reply_to_data(appliance: &Appliance) -> String {
    let mut client = appliance.client();
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        ("MAIL FROM:<jim@sender.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
    ]);
    let reply = client.say("DATA");
    client.quit();
    reply[..9].to_owned()
}

#[test]
fn damage_that_shows_while_it_runs_is_said_and_mail_is_put_off() {
    let mut appliance = Appliance::new();
    // More than the journal keeps in memory, so that the first ones are not there when all have been read.
    store(&appliance, 300, 100_000);
    appliance.start();
    assert_eq!(reply_to_data(&appliance), "451 4.7.0");
    appliance.json(&["tests", "list"]);
    assert_eq!(appliance.json(&["status"])["journal"], "ok");
    let path = appliance.path("journal.redb");
    let octets = fs::read(&path).unwrap();
    let name = b"jim7@sender.example";
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // Pages that are free may hold it as well.
    for (at, part) in octets.windows(name.len()).enumerate() {
        if part == name {
            file.write_all_at(b"J", at as u64).unwrap();
        }
    }

    let shown = appliance.run(&["tests", "show", id(7).as_str()]);
    let error = String::from_utf8(shown.stderr).unwrap();
    assert_eq!(shown.status.code(), Some(1), "{error}");
    assert!(error.contains("damaged"), "{error}");
    // Who reads something else goes on.
    for number in [0, 6, 8, 299] {
        let shown = appliance.json(&["tests", "show", id(number).as_str()]);
        assert_eq!(shown["sender"], format!("jim{number}@sender.example"));
    }
    let list = appliance.json(&["tests", "list"]);
    let rows = list.as_array().unwrap().iter();
    assert_eq!(rows.filter(|row| row["state"] == "reported").count(), 299);
    assert_eq!(reply_to_data(&appliance), "452 4.3.1");
    let told = appliance.json(&["status"])["journal"].take();
    assert!(told.as_str().unwrap().contains("damaged"), "{told}");
    assert_eq!(appliance.json(&["status"])["running"], Value::Bool(true));
    crate::dns::serial(appliance.ports.dns, "et.example.org");
    appliance.stop();
    assert!(appliance.log().contains("damaged"), "{}", appliance.log());

    // The next start says it as well, and writes nothing over.
    let left = fs::read(&path).unwrap();
    let refused = appliance.run(&["serve"]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(
        error.contains("journal.redb") && error.contains("restore a backup"),
        "{error}"
    );
    assert!(fs::read(&path).unwrap() == left, "untouched");
}
