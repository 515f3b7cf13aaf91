//! Clients that go away at every stage: what the journal holds of them, looked at after the appliance has stopped.

use crate::appliance::Appliance;
use crate::client::Client;
use mailproof::base::{Connection, Event, Timestamp};
use mailproof::journal::Journal;
use serde_json::Value;
use std::collections::BTreeSet;

const NAME: &str = "out.sender.example";
const HOST: &str = "mx06.et.example.org";
const SENDER: &str = "jim@sender.example";
const EHLO: (&str, &str) = ("EHLO out.sender.example", "250");
const MAIL: (&str, &str) = ("MAIL FROM:<jim@sender.example>", "250");
const RCPT: (&str, &str) = ("RCPT TO:<en@et.example.org>", "250");
const DATA: (&str, &str) = ("DATA", "354");

/// How a client comes to its stage, the record of it in short, and whether that is shared; `None` when there is none.
type Row = (
    &'static str,
    fn(&Appliance) -> Client,
    Option<(&'static str, bool)>,
);

/// After the window, in this order.
const STAGES: [Row; 9] = [
    ("after connecting", Appliance::client, None),
    (
        "after EHLO",
        |appliance| conversed(appliance.client(), &[EHLO]),
        Some(("plain None, server 1, fin", true)),
    ),
    (
        "after STARTTLS",
        |appliance| conversed(appliance.client(), &[EHLO, ("STARTTLS", "220")]),
        Some(("plain None, server 1, fin", true)),
    ),
    (
        "in the handshake",
        |appliance| {
            let mut client = conversed(appliance.client(), &[EHLO, ("STARTTLS", "220")]);
            client.say_hello_of_tls(&appliance.trust(), HOST);
            client
        },
        Some(("plain SniSeen, server 6, fin", true)),
    ),
    (
        "after the handshake",
        |appliance| appliance.secured(NAME, HOST),
        Some(("encrypted TlsStarted, server 6, refused, fin", true)),
    ),
    (
        "after EHLO inside TLS",
        |appliance| conversed(appliance.secured(NAME, HOST), &[EHLO]),
        Some(("encrypted TlsStarted, server 6, fin", true)),
    ),
    (
        "after MAIL",
        |appliance| conversed(appliance.secured(NAME, HOST), &[EHLO, MAIL]),
        Some(("encrypted TlsStarted, server 6, fin", false)),
    ),
    (
        "after RCPT",
        |appliance| conversed(appliance.secured(NAME, HOST), &[EHLO, MAIL, RCPT]),
        Some(("encrypted Mail, server 6, accepted, fin", false)),
    ),
    (
        "in the message",
        |appliance| {
            let lines = [EHLO, MAIL, RCPT, DATA];
            let mut client = conversed(appliance.secured(NAME, HOST), &lines);
            client.send(b"Subject: half a mess");
            client
        },
        Some(("encrypted Mail, server 6, accepted, fin", false)),
    ),
];

fn conversed(mut client: Client, lines: &[(&str, &str)]) -> Client {
    client.converse(lines);
    client
}

#[test]
fn whoever_goes_away_is_recorded_once_and_as_far_as_he_came() {
    let mut appliance = Appliance::started();
    let lines = [EHLO, MAIL, RCPT, ("DATA", "451 4.7.0")];
    conversed(appliance.client(), &lines).quit();
    appliance.wait_for_window();
    let mut expected = vec![("plain Mail, server 1, quit", false)];
    for (name, stage, record) in STAGES {
        eprintln!("{name}");
        stage(&appliance).leave();
        expected.extend(record);
    }
    let lines = [EHLO, MAIL, RCPT];
    let mut last = conversed(appliance.secured(NAME, HOST), &lines);
    expected.push(("encrypted Mail, server 6, accepted, shutdown", false));
    let last = std::thread::spawn(move || {
        let reply = last.reply();
        last.leave();
        reply
    });
    appliance.stop();
    let farewell = last.join().unwrap();
    assert_eq!(farewell, "421 4.3.2 Stopping, please send again");

    let shown = appliance.test_of(SENDER);
    let shown = shown["connections"].as_array().unwrap();
    let journal = connections(&appliance);
    let ids: BTreeSet<_> = journal.iter().map(|record| record.id).collect();
    assert_eq!(
        ids.len(),
        journal.len(),
        "no connection twice: {journal:#?}"
    );
    let told: Vec<_> = journal
        .iter()
        .map(|record| (line(record), is_shared(shown, record)))
        .collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(line, shared)| (line.to_owned(), Some(shared)))
        .collect();
    assert_eq!(told, expected);
    assert_eq!(shown.len(), journal.len(), "{shown:#?}");
}

/// The connections in the journal of a stopped appliance.
fn connections(appliance: &Appliance) -> Vec<Connection> {
    let (journal, _) = Journal::open(&appliance.path("journal.redb"), Timestamp::now()).unwrap();
    let mut connections = Vec::new();
    journal
        .replay(|event| {
            if let Event::Connection(record) = event {
                connections.push(*record);
            }
        })
        .unwrap();
    connections
}

fn line(record: &Connection) -> String {
    assert!(record.ended.is_some(), "{record:#?}");
    let server = record.server.map_or(0, |server| server.number());
    let meaning = match (record.accepted(), record.refused()) {
        (true, _) => ", accepted",
        (_, true) => ", refused",
        _ => "",
    };
    let transport = match record.transport {
        mailproof::base::Transport::Plain => "plain",
        mailproof::base::Transport::Encrypted => "encrypted",
    };
    let close = record.close.as_ref().unwrap();
    format!(
        "{transport} {:?}, server {server}{meaning}, {close}",
        record.status
    )
}

/// Whether the test shows the connection as shared; `None` when it does not show it.
fn is_shared(shown: &[Value], record: &Connection) -> Option<bool> {
    shown
        .iter()
        .find(|shown| shown["id"] == record.id.to_string())
        .map(|shown| shown["shared"].as_bool().unwrap())
}
