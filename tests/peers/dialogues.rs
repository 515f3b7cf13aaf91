//! What is said between the appliance and Postfix, Exim and swaks, by their own logs, and what is recorded of it.

use super::appliance::BASE;
use super::lab::{Host, Lab};
use super::mta::{self, Mta};
use super::swaks::Dialogue;
use super::{appliance, dns, expect, swaks};
use std::time::{Duration, Instant};

const ROOT: u8 = 53;
const APPLIANCE: u8 = 25;
const OPERATOR: u8 = 60;
const CLIENT: u8 = 61;
const STRAY: u8 = 62;
/// Only keeps a broken run from hanging.
const LIMIT: Duration = Duration::from_secs(90);
/// The subjects of what is handed on to the operator.
const RELAYED: [&str; 4] = ["bare", "by Exim", "by Postfix", "taken"];

/// What the operator's Postfix refuses, and how.
const OPERATOR_MTA: Mta = Mta::Postfix(
    "smtpd_sender_restrictions = check_sender_access inline:{ {full@opfull.lab = 552 5.2.2 The mailbox is full}, {busy@opbusy.lab = 450 4.2.0 Come back tomorrow} }\n\
     header_checks = regexp:{ {/^Subject: *unwanted/ REJECT Not wanted here} }",
);

/// A mail server that is given messages, and what has to be in its log afterwards.
struct Sender {
    name: &'static str,
    /// Of its address.
    last: u8,
    mta: Mta,
    messages: &'static [Message],
    log: &'static [&'static str],
}

struct Message {
    /// The local part of its sender.
    from: &'static str,
    to: &'static [&'static str],
    /// After From and To.
    rest: &'static str,
    /// How many long lines follow.
    lines: usize,
    /// In its sender's test.
    records: &'static [&'static str],
}

const LONG_LINE: &str = "0123456789012345678901234567890123456789012345678901234567890123456789\n";

const SENDERS: &[Sender] = &[
    // The session is kept open after our 451: another MAIL in it gets 421.
    Sender {
        name: "pfstays",
        last: 71,
        mta: Mta::Postfix(
            "smtp_tls_security_level = none\nsmtp_connection_cache_destinations = ut.mp.lab\ndefault_destination_concurrency_limit = 1",
        ),
        messages: &[
            Message {
                from: "jim",
                to: &["en@ut.mp.lab"],
                rest: "\nOne.\n",
                lines: 0,
                records: &["server=7 domain=ut transport=plain status=Mail close=repeat"],
            },
            Message {
                from: "jim",
                to: &["en@ut.mp.lab"],
                rest: "\nTwo.\n",
                lines: 0,
                records: &[],
            },
        ],
        log: &[
            "said: 451 4.7.0 * (in reply to DATA command)",
            "said: 421 4.7.1 Part of the test: please send again in a new connection (in reply to MAIL FROM command)",
        ],
    },
    // Eight bits in message and address, several recipients, the operator.
    Sender {
        name: "pfwide",
        last: 72,
        mta: Mta::Postfix("smtp_tls_security_level = may"),
        messages: &[
            Message {
                from: "jim",
                to: &["en@et.mp.lab", "nobody@et.mp.lab", "de@et.mp.lab"],
                rest: "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n",
                lines: 0,
                records: &[
                    "server=1 starttls_offered=false to=de@et.mp.lab,en@et.mp.lab parameters=SIZE=*,BODY=8BITMIME",
                ],
            },
            Message {
                from: "jürgen",
                to: &["de@ut.mp.lab"],
                rest: "\nHallo\n",
                lines: 0,
                records: &["server=7 from=jürgen@pfwide.lab parameters=SIZE=*,SMTPUTF8"],
            },
            Message {
                from: "op",
                to: &["postmaster@et.mp.lab"],
                rest: "Subject: by Postfix\n\nHello\n",
                lines: 0,
                records: &[],
            },
        ],
        log: &[
            "to=<nobody@et.mp.lab>*status=bounced (host * said: 550 5.1.1 There is no such mailbox (in reply to RCPT TO command))",
            "to=<de@ut.mp.lab>*status=deferred (host * said: 451 4.7.1 *",
            "to=<postmaster@et.mp.lab>*status=deferred (host * said: 451 4.7.0 *",
            "to=<postmaster@et.mp.lab>*status=sent (250 2.0.0 the operator's server took it)",
        ],
    },
    // A certificate refused, then another one taken: which host comes first is not left to the MX.
    Sender {
        name: "pfpicks",
        last: 74,
        mta: Mta::Postfix(
            "smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\ntransport_maps = inline:{ {et.mp.lab = smtp:[mx05.et.mp.lab], [mx04.et.mp.lab]} }",
        ),
        messages: &[Message {
            from: "jim",
            to: &["en@et.mp.lab"],
            rest: "\nHello\n",
            lines: 0,
            records: &[
                "server=5 via=mx05 sni=mx05.et.mp.lab certificate=mx05 status=TlsStarted ehlo_in_tls=false from=null close=quit shared=true",
                "server=4 via=mx04 sni=mx04.et.mp.lab certificate=mx04 status=Mail ehlo_in_tls=true from=jim@pfpicks.lab",
            ],
        }],
        log: &[
            "server certificate verification failed for mx05.et.mp.lab*no matching DANE TLSA records",
            "Verified TLS connection established to mx04.et.mp.lab",
            "relay=mx04.et.mp.lab*said: 451 4.7.1 * (in reply to end of DATA command)",
        ],
    },
    Sender {
        name: "expicks",
        last: 75,
        mta: Mta::Exim("  hosts = mx05.et.mp.lab : mx04.et.mp.lab\n  hosts_override"),
        messages: &[Message {
            from: "jim",
            to: &["en@et.mp.lab"],
            rest: "\nHello\n",
            lines: 0,
            records: &[
                "server=5 via=mx05 sni=mx05.et.mp.lab certificate=mx05 ehlo_in_tls=false from=null close=alert:bad_certificate shared=true",
                "server=4 via=mx04 sni=mx04.et.mp.lab certificate=mx04 status=Mail ehlo_in_tls=true from=jim@expicks.lab",
            ],
        }],
        log: &[
            "DANE attempt failed; TLS connection to mx05.et.mp.lab *The certificate differs",
            "H=mx04.et.mp.lab *after end of data: 451 4.7.1 ",
        ],
    },
    // Exim asks first whether so large a message is taken.
    Sender {
        name: "exlarge",
        last: 73,
        mta: Mta::Exim(""),
        messages: &[
            Message {
                from: "large",
                to: &["en@ut.mp.lab"],
                rest: "\n",
                lines: 4000,
                records: &[],
            },
            Message {
                from: "jim",
                to: &["en@ut.mp.lab", "nobody@ut.mp.lab"],
                rest: "\nHello\n",
                lines: 0,
                records: &["server=7 starttls_offered=false to=en@ut.mp.lab parameters=SIZE=*"],
            },
            Message {
                from: "op",
                to: &["postmaster@ut.mp.lab"],
                rest: "Subject: by Exim\n\nHello\n",
                lines: 0,
                records: &[],
            },
        ],
        log: &[
            "** en@ut.mp.lab *MAIL FROM:<large@exlarge.lab> SIZE=*: 552 5.3.4 At most 262144 octets are taken",
            "** nobody@ut.mp.lab *: 550 5.1.1 There is no such mailbox",
            "=> postmaster@ut.mp.lab *C=\"250 2.0.0 the operator's server took it\"",
        ],
    },
];

#[test]
fn peers_and_record_tell_the_same() {
    let mut lab = Lab::new();
    let mut root = lab.host("root", ROOT);
    let mut mailproof = lab.host("mp", APPLIANCE);
    let mut operator = lab.host("operator", OPERATOR);
    let mut client = lab.host("swaks", CLIENT);
    let mut stray = lab.host("stray", STRAY);
    let mut hosts: Vec<Host> = SENDERS
        .iter()
        .map(|sender| lab.host(sender.name, sender.last))
        .collect();

    let mut records =
        appliance::delegation(BASE, &appliance::prepare(&mailproof, BASE, &[]), APPLIANCE);
    records.push_str(&mta::records(&operator, "operator.lab", OPERATOR));
    records.push_str(&mta::records(&client, "swaks.lab", CLIENT));
    // Its reverse name belongs to another host.
    records.push_str(&format!(
        "{STRAY}.100.51.198.in-addr.arpa. PTR mx.swaks.lab.\n"
    ));
    for (sender, host) in SENDERS.iter().zip(&hosts) {
        records.push_str(&mta::records(host, &sender.domain(), sender.last));
    }
    let anchor = dns::serve_root(&mut root, &records);
    for host in [&mut mailproof, &mut operator, &mut client, &mut stray] {
        dns::resolve(host, &root, &anchor, "");
    }
    appliance::serve(&mut mailproof);
    appliance::trust(&operator, &[&mailproof]);
    OPERATOR_MTA.start(&mut operator, "operator.lab");
    for (sender, host) in SENDERS.iter().zip(&mut hosts) {
        dns::resolve(host, &root, &anchor, "");
        appliance::trust(host, &[&mailproof]);
        sender.mta.start(host, &sender.domain());
        sender.submit(host);
    }

    let mut faults = talks(&mailproof, &client, &stray);
    for (sender, host) in SENDERS.iter().zip(&hosts) {
        faults.extend(sender.faults(host, &mailproof));
        sender.mta.stop(host);
    }
    faults.extend(relayed(&operator));
    OPERATOR_MTA.stop(&operator);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

impl Sender {
    fn domain(&self) -> String {
        format!("{}.lab", self.name)
    }

    fn submit(&self, host: &Host) {
        for message in self.messages {
            let from = format!("{}@{}", message.from, self.domain());
            let rest = format!("{}{}", message.rest, LONG_LINE.repeat(message.lines));
            self.mta.submit(host, &from, message.to, &rest);
        }
    }

    /// What is missing once its log is as expected, or does not become so.
    fn faults(&self, host: &Host, mailproof: &Host) -> Vec<String> {
        let start = Instant::now();
        let mut faults = loop {
            let missing = expect::unmet_lines(&self.mta.log(host), self.log);
            if missing.is_empty() || start.elapsed() > LIMIT {
                break missing;
            }
            std::thread::sleep(Duration::from_millis(500));
        };
        for message in self.messages {
            let sender = format!("{}@{}", message.from, self.domain());
            let test = appliance::test(mailproof, &sender).unwrap_or_default();
            let unmet = expect::unmet_records(&test, message.records);
            if !unmet.is_empty() {
                faults.extend(unmet);
                faults.push(format!("{:#}", test["connections"]));
            }
        }
        if !faults.is_empty() {
            faults.push(self.mta.log(host));
        }
        (faults.iter())
            .map(|fault| format!("{}: {fault}", self.name))
            .collect()
    }
}

/// Has all dialogues of swaks, and says what was not as expected.
fn talks(mailproof: &Host, client: &Host, stray: &Host) -> Vec<String> {
    appliance::trust(client, &[mailproof]);
    client.write("large.txt", &LONG_LINE.repeat(4000));
    client.write("bare-lf.eml", "Subject: x\r\n\r\nHello\nagain\r\n.\r\n");
    let dialogues = Dialogue::all();
    let mut faults = Vec::new();
    let longest = dialogues.iter().map(|dialogue| dialogue.runs.len()).max();
    for index in 0..longest.unwrap_or_default() {
        let runs: Vec<_> = dialogues
            .iter()
            .filter_map(|dialogue| {
                let host = if dialogue.stray { stray } else { client };
                Some((dialogue, dialogue.runs.get(index)?, host))
            })
            .collect();
        for (dialogue, _, host) in runs.iter().filter(|(_, run, _)| run.offered) {
            dialogue.knock(host);
        }
        swaks::outlast_windows(client, index);
        for (dialogue, run, host) in &runs {
            let transcript = dialogue.run(host, run);
            let unmet = expect::unmet_dialogue(&transcript, &run.expected);
            if !unmet.is_empty() {
                faults.push(format!("{}: {unmet:?}\n{transcript}", dialogue.name));
            }
        }
    }
    for dialogue in &dialogues {
        let test = appliance::test(mailproof, &dialogue.sender());
        let unmet = match (&test, &dialogue.records[..]) {
            (found, ["none"]) => Vec::from_iter(found.as_ref().map(|_| "a test".to_owned())),
            (Some(test), records) => expect::unmet_records(test, records),
            (None, _) => vec!["no test".to_owned()],
        };
        if !unmet.is_empty() {
            let found = test.map(|test| format!("{:#}", test["connections"]));
            faults.push(format!(
                "{}: {unmet:?}\n{}",
                dialogue.name,
                found.unwrap_or_default()
            ));
        }
    }
    faults
}

/// What the operator's mailbox has to hold: each message that was answered with 250, once.
fn relayed(operator: &Host) -> Vec<String> {
    let inbox = mta::inbox(operator);
    let mut subjects: Vec<_> = inbox
        .iter()
        .flat_map(|mail| {
            mail.lines()
                .filter_map(|line| line.strip_prefix("Subject:"))
                .map(str::trim)
        })
        .collect();
    subjects.sort_unstable();
    match subjects == RELAYED {
        true => Vec::new(),
        false => vec![format!("the operator got {subjects:?}")],
    }
}
