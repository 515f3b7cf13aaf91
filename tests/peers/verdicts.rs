//! Postfix at each security level, and Exim, go through a whole test and read their answers.

use super::lab::{Host, Lab, wait_for};
use super::mta;
use super::senders::{SENDERS, Sender};
use super::{appliance, dns, expect};
use serde_json::Value;
use std::time::Duration;

const ROOT: u8 = 53;
const APPLIANCE: u8 = 25;
const RECIPIENTS: [&str; 2] = ["en@et.mp.lab", "en@ut.mp.lab"];
const MESSAGE: &str = "Subject: How well is my mail protected?\n\nPlease tell me.\n";

impl Sender {
    /// What is wrong with the verdict and the answer; nothing when all is right.
    fn faults(&self, host: &Host, test: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |what: &str, right: bool, found: &dyn std::fmt::Display| {
            if !right {
                faults.push(format!("{}: {what}: {found}", self.name));
            }
        };
        let outbound = &test["outbound"];
        expect(
            "policy",
            outbound["policy"] == self.policy,
            &outbound["policy"],
        );
        expect(
            "rating",
            outbound["rating"] == self.rating,
            &outbound["rating"],
        );
        expect("reply", test["reply"]["state"] == "sent", &test["reply"]);
        let verified = test["reply"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("dane"));
        expect(
            "reply not verified by DANE",
            verified,
            &test["reply"]["reason"],
        );
        expect(
            "inbound DANE",
            test["inbound"]["dane"] == "pass",
            &test["inbound"]["dane"],
        );
        let inbox = mta::inbox(host);
        expect("result mails", inbox.len() == 1, &inbox.len());
        if let Some(mail) = inbox.first() {
            let id = test["id"].as_str().unwrap_or_default();
            for part in [
                "Auto-Submitted: auto-replied",
                "From: emailtest@et.mp.lab",
                self.mta.tls_trace(),
                self.rating,
                id,
            ] {
                expect("the result mail lacks", mail.contains(part), &part);
            }
        }
        let log = self.mta.log(host);
        for fault in expect::unmet_lines(&log, self.log) {
            faults.push(format!("{}: its log: {fault}", self.name));
        }
        for fault in expect::unmet_records(test, self.records) {
            faults.push(format!("{}: the record: {fault}", self.name));
        }
        let (heard, noted) = (put_off(&log), noted(test));
        if heard != noted {
            let name = self.name;
            faults.push(format!(
                "{name}: in the window put off {heard} times, noted {noted}"
            ));
        }
        faults
    }
}

/// How often the sender heard our reply of the window; Exim logs it once for the host, and again for the recipient.
fn put_off(log: &str) -> usize {
    log.lines()
        .filter(|line| line.contains("451 4.7.0 ") && !line.contains(" == "))
        .count()
}

/// How often that is in the record.
fn noted(test: &Value) -> usize {
    let connections = test["connections"].as_array().into_iter().flatten();
    connections
        .filter(|connection| {
            connection["starttls_offered"] == false && connection["status"] == "Mail"
        })
        .count()
}

#[test]
fn each_sender_gets_the_right_verdict() {
    let mut lab = Lab::new();
    let mut root = lab.host("root", ROOT);
    let mut mailproof = lab.host("mp", APPLIANCE);
    let mut hosts: Vec<Host> = SENDERS
        .iter()
        .map(|sender| lab.host(sender.name, sender.last))
        .collect();

    let ds = appliance::prepare(&mailproof);
    let mut records = appliance::delegation(&ds, APPLIANCE);
    for (sender, host) in SENDERS.iter().zip(&hosts) {
        records.push_str(&mta::records(host, &sender.domain(), sender.last));
    }
    let anchor = dns::serve_root(&mut root, &records);
    dns::resolve(&mut mailproof, &root, &anchor, 53);
    appliance::serve(&mut mailproof);
    for (sender, host) in SENDERS.iter().zip(&mut hosts) {
        dns::resolve(host, &root, &anchor, 53);
        sender.mta.start(host, &sender.domain());
        sender
            .mta
            .submit(host, &sender.mailbox(), &RECIPIENTS, MESSAGE);
    }

    let mut faults = Vec::new();
    for (sender, host) in SENDERS.iter().zip(&hosts) {
        let test = wait_for(sender.name, Duration::from_secs(240), || {
            appliance::reported(&mailproof, &sender.mailbox())
        });
        // The answer is in the mailbox a moment after the appliance heard 250.
        wait_for("the mailbox", Duration::from_secs(20), || {
            (!mta::inbox(host).is_empty() || test["reply"]["state"] != "sent").then_some(())
        });
        let found = sender.faults(host, &test);
        if !found.is_empty() {
            faults.extend(found);
            faults.push(format!("{test:#}\n{}", sender.mta.log(host)));
        }
    }
    faults.extend(commands(&mailproof));
    for (sender, host) in SENDERS.iter().zip(&hosts) {
        sender.mta.stop(host);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The commands that go out by themselves, against Postfix hosts; what is wrong with what they print.
fn commands(mailproof: &Host) -> Vec<String> {
    let send = [
        "send",
        "--policy",
        "dane-only",
        "--from",
        "op@operator.lab",
        "--to",
        "jim@pfdane.lab",
    ];
    let mut faults = Vec::new();
    for (arguments, expected) in [
        (&send[..], "authenticated by DANE"),
        (
            &["probe", "pfdane.lab"],
            "SMTP-DANE (RFC 7672)            pass",
        ),
    ] {
        let printed = appliance::mailproof(mailproof, arguments);
        if !printed.contains(expected) {
            faults.push(format!("{arguments:?} lacks {expected:?}:\n{printed}"));
        }
    }
    faults
}
