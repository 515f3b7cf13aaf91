//! Killed in the middle of a test and started again: the test goes on.

use crate::appliance::Appliance;
use crate::dns;
use serde_json::Value;

const NAME: &str = "out.sender.example";
const SENDER: &str = "jim@sender.example";
const ENVELOPE: [(&str, &str); 3] = [
    ("EHLO out.sender.example", "250"),
    ("MAIL FROM:<jim@sender.example>", "250"),
    ("RCPT TO:<en@et.example.org>", "250"),
];
const MESSAGE: &str = "From: <jim@sender.example>\r\nTo: <en@et.example.org>, <en@ut.example.org>\r\n\
                       Message-ID: <1@sender.example>\r\n\r\nx\r\n.";

#[test]
fn a_test_outlives_the_appliance() {
    let mut appliance = Appliance::started();
    let mut client = appliance.client();
    client.converse(&ENVELOPE);
    client.converse(&[("DATA", "451 4.7.0")]);
    client.quit();
    appliance.wait_for_window();
    let mut client = appliance.secured(NAME, "mx05.et.example.org");
    client.converse(&ENVELOPE);
    client.converse(&[("DATA", "354"), (MESSAGE, "451 4.7.1")]);
    // Still open when the appliance dies: its facts were committed before the 451.
    let mut halfway = appliance.secured(NAME, "mx06.et.example.org");
    halfway.converse(&ENVELOPE);
    let before = appliance.test_of(SENDER);
    let serials = serials(&appliance);
    appliance.kill();

    appliance.start();
    assert!(client.reply().is_empty() && halfway.reply().is_empty());
    for (zone, (after, before)) in self::serials(&appliance)
        .into_iter()
        .zip(serials)
        .enumerate()
    {
        assert!(after > before, "zone {zone}: {after} after {before}");
    }
    let after = appliance.test_of(SENDER);
    for key in [
        "id",
        "started",
        "state",
        "addressed",
        "window",
        "authentication",
        "connections",
    ] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(statuses(&after), ["1 Mail quit", "5 Mail open"]);
    assert_eq!(before["gaps"], Value::Array(Vec::new()));
    let gaps = after["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0]["what"], "connections");

    // The window is done, so STARTTLS is offered at once.
    let mut client = appliance.secured(NAME, "mx06.et.example.org");
    client.converse(&ENVELOPE);
    client.converse(&[("DATA", "354"), (MESSAGE, "451 4.7.1")]);
    client.quit();
    appliance.stop();
    let last = appliance.test_of(SENDER);
    assert_eq!(last["id"], before["id"]);
    assert_eq!(
        statuses(&last),
        ["1 Mail quit", "5 Mail open", "6 Mail quit"]
    );
    assert_eq!(last["state"], "waiting");
    assert_eq!(last["outbound"]["servers"]["5"], "accepted");
    assert_eq!(last["outbound"]["servers"]["6"], "accepted");
}

fn serials(appliance: &Appliance) -> [u32; 2] {
    ["et", "ut"].map(|zone| dns::serial(appliance.ports.dns, &format!("{zone}.example.org")))
}

/// The server met, the status and the ending of each connection; how one ended that a crash cut off is not known.
fn statuses(test: &Value) -> Vec<String> {
    let line = |record: &Value| {
        let status = record["status"].as_str().unwrap();
        let close = record["close"].as_str().unwrap_or("open");
        format!("{} {status} {close}", record["server"])
    };
    let connections = test["connections"].as_array().unwrap();
    connections.iter().map(line).collect()
}
