//! Postfix and Exim with many settings go through whole tests and read their answers: each on an appliance with one shared
//! address, and on one whose servers have addresses of their own.

use super::lab::{Host, Lab, wait_for};
use super::mta;
use super::senders::{Outcome, Sender, senders};
use super::{appliance, dns, expect, sends, table};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const ROOT: u8 = 53;
const MESSAGE: &str = "Subject: How well is my mail protected?\n\nPlease tell me.\n";
/// Only keeps a broken run from hanging.
const LIMIT: Duration = Duration::from_secs(30);
/// Where the tests are exported to.
const EXPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/exports");

/// An appliance that every sender writes to.
struct Side {
    name: &'static str,
    /// Also the domain that its own lie under.
    base: &'static str,
    last: u8,
    /// Those with addresses of their own.
    servers: &'static [(&'static str, u8)],
    outcome: fn(&Sender) -> &Outcome,
}

const SIDES: [Side; 2] = [
    Side {
        name: "shared",
        base: "mp.lab",
        last: 25,
        servers: &[],
        outcome: |sender| &sender.shared,
    },
    Side {
        name: "own",
        base: "own.lab",
        last: 26,
        servers: &[
            ("mx03", 13),
            ("mx04", 14),
            ("mx05", 15),
            ("mx06", 16),
            ("ut", 17),
        ],
        outcome: |sender| &sender.own,
    },
];

impl Side {
    fn host(&self, lab: &mut Lab) -> Host {
        let host = lab.host(self.name, self.last);
        for (_, last) in self.servers {
            host.add_address(*last);
        }
        host
    }

    fn recipients(&self) -> [String; 2] {
        ["et", "ut"].map(|zone| format!("en@{zone}.{}", self.base))
    }

    /// What is wrong with the test, and with the answer in the sender's mailbox; nothing when all is right.
    fn faults(&self, sender: &Sender, host: &Host, test: &Value) -> Vec<String> {
        let log = self.log(sender, host);
        let outcome = (self.outcome)(sender);
        let mut faults = outcome.unmet(test);
        faults.extend(self.unanswered(sender, host, test));
        faults.extend(sightings(sender, host, test));
        let (_, version) = sender.mta.product();
        let id = test["id"].as_str().unwrap_or_default();
        let taken = format!("250 2.0.0 Accepted; the result follows by mail, test {id}");
        faults.extend(expect::unmet_lines(&log, &[version, &taken]));
        faults.extend(expect::unmet_lines(&log, outcome.log));
        let (heard, noted) = (self.put_off(&log), noted(test));
        if heard != noted {
            faults.push(format!(
                "in the window put off {heard} times, noted {noted}"
            ));
        }
        (faults.into_iter())
            .map(|fault| format!("{}, {}: {fault}", sender.name, self.name))
            .collect()
    }

    /// The sender's log, once it is as expected or does not become so: `ut` may follow when the test is over already.
    fn log(&self, sender: &Sender, host: &Host) -> String {
        let start = Instant::now();
        loop {
            let log = sender.mta.log(host);
            let unmet = expect::unmet_lines(&log, (self.outcome)(sender).log);
            if unmet.is_empty() || start.elapsed() > LIMIT {
                return log;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    /// What is wrong with the answer.
    fn unanswered(&self, sender: &Sender, host: &Host, test: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let reason = test["reply"]["reason"].as_str().unwrap_or_default();
        if test["reply"]["state"] != "sent" || !reason.contains("dane") {
            faults.push(format!("not sent and verified by DANE: {}", test["reply"]));
        }
        if test["inbound"]["dane"] != "pass" {
            faults.push(format!("inbound DANE: {}", test["inbound"]["dane"]));
        }
        let mails = self.answers(host);
        let [mail] = &mails[..] else {
            faults.push(format!("{} result mails", mails.len()));
            return faults;
        };
        // Quoted-printable breaks lines anywhere (RFC 2045 6.7).
        let text = mail.replace("=\r\n", "").replace("=\n", "");
        let rating = match (self.outcome)(sender).rating {
            Some(rating) => format!("Rating: {rating}."),
            None => "Rating: none, as the result is undetermined.".to_owned(),
        };
        for part in [
            "Auto-Submitted: auto-replied",
            sender.mta.tls_trace(),
            &rating,
            test["id"].as_str().unwrap_or_default(),
        ] {
            if !text.contains(part) {
                faults.push(format!("the result mail lacks {part:?}"));
            }
        }
        faults
    }

    /// The result mails in a mailbox that come from here.
    fn answers(&self, host: &Host) -> Vec<String> {
        let from = format!("From: emailtest@et.{}", self.base);
        let mut mails = mta::inbox(host);
        mails.retain(|mail| mail.contains(&from));
        mails
    }

    /// How often the sender heard our reply of the window; Exim logs it once for the host, and again for the recipient.
    fn put_off(&self, log: &str) -> usize {
        let here = format!("t.{}", self.base);
        log.lines()
            .filter(|line| line.contains("451 4.7.0 ") && line.contains(&here))
            .filter(|line| !line.contains(" == "))
            .count()
    }
}

impl Outcome {
    /// What the test has otherwise.
    fn unmet(&self, test: &Value) -> Vec<String> {
        let outbound = &test["outbound"];
        let policy = match self.verdict {
            [policy] => policy,
            _ => "undetermined",
        };
        let mut codes: Vec<_> = (outbound["findings"].as_array().into_iter().flatten())
            .filter_map(|finding| finding["code"].as_str())
            .collect();
        codes.retain(|code| !self.may_be_found.contains(code));
        let mut faults = expect::unmet_records(test, self.records);
        for (what, right) in [
            ("policy", outbound["policy"] == policy),
            (
                "candidates",
                outbound["candidates"] == Value::from(self.verdict),
            ),
            ("rating", outbound["rating"] == Value::from(self.rating)),
            ("findings", codes == self.findings),
        ] {
            if !right {
                faults.push(format!("{what}: {}", outbound[what]));
            }
        }
        faults
    }
}

/// What is wrong with the queries and fetches that count as the sender's: others are in its network.
fn sightings(sender: &Sender, host: &Host, test: &Value) -> Vec<String> {
    let address = host.address.to_string();
    let mut faults = Vec::new();
    let mut own = |list: &str, who: &str| {
        let all = test[list].as_array().into_iter().flatten();
        let own: Vec<_> = all.filter(|seen| seen["shared"] == false).collect();
        let foreign = own.iter().filter(|seen| seen[who] != address.as_str());
        faults.extend(foreign.map(|seen| format!("of another: {seen}")));
        own.len()
    };
    let (asked, fetched) = (own("queries", "resolver"), own("fetches", "client"));
    if asked == 0 || (fetched > 0) != sender.mta.fetches() {
        faults.push(format!("{asked} queries and {fetched} fetches"));
    }
    faults
}

/// How often our reply of the window is in the record.
fn noted(test: &Value) -> usize {
    let connections = test["connections"].as_array().into_iter().flatten();
    connections
        .filter(|connection| {
            connection["starttls_offered"] == false && connection["status"] == "Mail"
        })
        .count()
}

/// The attempts of a test, those in the window included.
fn attempts(test: &Value) -> u64 {
    let connections = test["connections"].as_array().into_iter().flatten();
    connections
        .filter_map(|connection| connection["attempt"].as_u64())
        .max()
        .unwrap_or(0)
}

#[test]
fn each_sender_gets_the_right_verdict() {
    let mut lab = Lab::new();
    let mut root = lab.host("root", ROOT);
    let mut appliances = SIDES.each_ref().map(|side| side.host(&mut lab));
    let mut hosts: Vec<Host> = senders()
        .map(|sender| lab.host(sender.name, sender.last))
        .collect();

    let mut records = String::new();
    for (side, host) in SIDES.iter().zip(&appliances) {
        let ds = appliance::prepare(host, side.base, side.servers);
        records.push_str(&appliance::delegation(side.base, &ds, side.last));
    }
    for (sender, host) in senders().zip(&hosts) {
        records.push_str(&mta::records(host, &sender.domain(), sender.last));
    }
    let anchor = dns::serve_root(&mut root, &records);
    for host in &mut appliances {
        dns::resolve(host, &root, &anchor, "");
        appliance::serve(host);
    }
    for (sender, host) in senders().zip(&mut hosts) {
        dns::resolve(host, &root, &anchor, sender.resolver);
        appliance::trust(host, &appliances.each_ref());
        sender.mta.start(host, &sender.domain());
        for side in &SIDES {
            let recipients = side.recipients();
            let recipients = recipients.each_ref().map(String::as_str);
            (sender.mta).submit(host, &sender.mailbox(), &recipients, MESSAGE);
        }
    }

    let mut faults = Vec::new();
    let mut taken = Vec::new();
    for (sender, host) in senders().zip(&hosts) {
        let mut both = table::Attempts::default();
        for ((side, mailproof), taken) in SIDES.iter().zip(&appliances).zip(&mut both) {
            let test = finished(side, mailproof, sender, host);
            *taken = attempts(&test);
            let found = side.faults(sender, host, &test);
            if !found.is_empty() {
                faults.extend(found);
                faults.push(format!("{test:#}\n{}", sender.mta.log(host)));
            }
        }
        taken.push(both);
    }
    let [shared, own] = &appliances;
    faults.extend(commands(shared));
    faults.extend(sends::faults(shared, own));
    for (sender, host) in senders().zip(&hosts) {
        sender.mta.stop(host);
    }
    let table = table::table(&taken);
    eprint!("{table}");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    table::keep(&table);
}

/// The sender's test here, once it is over and its answer had time to arrive; it is exported as well.
fn finished(side: &Side, mailproof: &Host, sender: &Sender, host: &Host) -> Value {
    let what = format!("{} at {}", sender.name, side.base);
    let test = wait_for(&what, Duration::from_secs(240), || {
        appliance::reported(mailproof, &sender.mailbox())
    });
    // The answer is in the mailbox a moment after the appliance heard 250.
    wait_for("the mailbox", Duration::from_secs(20), || {
        (!side.answers(host).is_empty() || test["reply"]["state"] != "sent").then_some(())
    });
    let id = test["id"].as_str().unwrap_or_default();
    let export = appliance::mailproof(mailproof, &["tests", "export", id]);
    fs::create_dir_all(EXPORTS).unwrap();
    let file = format!("{}-{}.json", sender.name, side.name);
    fs::write(Path::new(EXPORTS).join(file), export).unwrap();
    test
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
