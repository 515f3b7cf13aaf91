//! Killed and started again: tests go on, and have their result. What is lost under load is for `tests/soak`.

use crate::appliance::{Appliance, wait_for};
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
    let old = serials(&appliance);
    appliance.kill();
    assert!(appliance.control().exists(), "nobody removed the socket");
    assert_eq!(appliance.json(&["status"])["running"], false);

    appliance.start();
    assert!(client.reply().is_empty() && halfway.reply().is_empty());
    for (after, before) in serials(&appliance).into_iter().zip(old) {
        assert!(after > before, "{after} after {before}");
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

/// Attempts in clear text within which a sender that never starts TLS is acknowledged.
const ATTEMPTS: usize = 6;

#[test]
fn a_result_is_made_although_the_appliance_died_after_its_250() {
    let mut appliance = Appliance::started();
    let accepted = (0..ATTEMPTS).find_map(|_| {
        let mut client = appliance.client();
        client.converse(&ENVELOPE);
        let data = client.say("DATA");
        let reply = if data.starts_with("354") {
            client.say(MESSAGE)
        } else {
            data
        };
        client.quit();
        if reply.starts_with("250") {
            return Some(reply);
        }
        assert!(reply.starts_with("451"), "{reply}");
        // Longer than the gap between attempts as well.
        appliance.wait_for_window();
        None
    });
    let reply = accepted.expect("never acknowledged");
    appliance.kill();
    appliance.start();
    let test = wait_for("a result", || {
        let test = appliance.test_of(SENDER);
        (test["state"] == "reported").then_some(test)
    });
    let id = test["id"].as_str().unwrap();
    assert_eq!(
        reply,
        format!("250 2.0.0 Accepted; the result follows by mail, test {id}")
    );
    assert_eq!(test["outbound"]["policy"], "none");
    assert_eq!(
        test["reply"]["state"], "withheld",
        "SPF cannot be looked up"
    );
    let last = statuses(&test).pop().unwrap();
    assert!(last.starts_with("1 Acked "), "{last}");
    appliance.stop();
    appliance.start();
    assert_eq!(appliance.test_of(SENDER), test, "once, and for good");
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
