//! Postfix at each security level goes through a whole test and reads its answer.

use super::lab::{Host, Lab, address, wait_for};
use super::{appliance, dns, postfix};
use serde_json::Value;
use std::time::Duration;

/// What a row sends with, and what has to come of it.
struct Sender {
    name: &'static str,
    last: u8,
    settings: &'static str,
    policy: &'static str,
    /// In the sentence on sending of the result mail.
    rating: &'static str,
}

const SENDERS: [Sender; 5] = [
    Sender {
        name: "pfnone",
        last: 31,
        settings: "smtp_tls_security_level = none",
        policy: "none",
        rating: "bad",
    },
    Sender {
        name: "pfmay",
        last: 32,
        settings: "smtp_tls_security_level = may",
        policy: "may",
        rating: "weak",
    },
    Sender {
        name: "pfencrypt",
        last: 33,
        settings: "smtp_tls_security_level = encrypt",
        policy: "encrypt",
        rating: "fair",
    },
    Sender {
        name: "pfdane",
        last: 34,
        settings: "smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec",
        policy: "dane",
        rating: "very good",
    },
    Sender {
        name: "pfdaneonly",
        last: 35,
        settings: "smtp_tls_security_level = dane-only\nsmtp_dns_support_level = dnssec",
        policy: "dane-only",
        rating: "very good",
    },
];

const ROOT: u8 = 53;
const APPLIANCE: u8 = 25;
const RECIPIENTS: [&str; 2] = ["en@et.mp.lab", "en@ut.mp.lab"];

impl Sender {
    fn domain(&self) -> String {
        format!("{}.lab", self.name)
    }

    fn mailbox(&self) -> String {
        format!("jim@{}", self.domain())
    }

    fn records(&self, digest: &str) -> String {
        let (domain, address) = (self.domain(), address(self.last));
        format!(
            "{domain}. MX 10 mx.{domain}.\n{domain}. TXT \"v=spf1 ip4:{address} -all\"\nmx.{domain}. A {address}\n\
             _25._tcp.mx.{domain}. TLSA 3 1 1 {digest}\n{}.100.51.198.in-addr.arpa. PTR mx.{domain}.\n",
            self.last
        )
    }

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
        let inbox = postfix::inbox(host);
        expect("result mails", inbox.len() == 1, &inbox.len());
        if let Some(mail) = inbox.first() {
            let id = test["id"].as_str().unwrap_or_default();
            for part in [
                "Auto-Submitted: auto-replied",
                "From: emailtest@et.mp.lab",
                "(using TLSv1.3 with cipher",
                self.rating,
                id,
            ] {
                expect("the result mail lacks", mail.contains(part), &part);
            }
        }
        faults
    }
}

#[test]
fn postfix_gets_the_right_verdict_at_every_level() {
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
        records.push_str(&sender.records(&postfix::certificate(host, &sender.domain())));
    }
    let anchor = dns::serve_root(&mut root, &records);
    dns::resolve(&mut mailproof, &root, &anchor, 53);
    appliance::serve(&mut mailproof);
    for (sender, host) in SENDERS.iter().zip(&mut hosts) {
        dns::resolve(host, &root, &anchor, 53);
        postfix::start(host, &sender.domain(), sender.settings);
        postfix::submit(host, &sender.mailbox(), &RECIPIENTS);
    }

    let mut faults = Vec::new();
    for (sender, host) in SENDERS.iter().zip(&hosts) {
        let test = wait_for(sender.name, Duration::from_secs(240), || {
            appliance::reported(&mailproof, &sender.mailbox())
        });
        // The answer is in the mailbox a moment after the appliance heard 250.
        wait_for("the mailbox", Duration::from_secs(20), || {
            (!postfix::inbox(host).is_empty() || test["reply"]["state"] != "sent").then_some(())
        });
        let found = sender.faults(host, &test);
        if !found.is_empty() {
            faults.extend(found);
            faults.push(format!("{test:#}\n{}", postfix::log(host)));
        }
    }
    faults.extend(commands(&mailproof));
    for host in &hosts {
        postfix::stop(host);
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
