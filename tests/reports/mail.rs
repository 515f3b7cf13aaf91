//! The result mail as its recipient gets it.

use crate::dkim;
use crate::scene::{DANE, at, inbound, report};
use mailproof::base::ports::Random;
use mailproof::base::{Domain, Mailbox, Robot};
use mailproof::keys::{DkimKey, DkimKeys, DkimKind};
use mailproof::mail::compose::compose;
use mailproof::mail::gate::gate;
use mailproof::report::{Redaction, Report, html, json, text};
use std::sync::{Arc, OnceLock};

struct Bits;

impl Random for Bits {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0xa5);
    }
}

fn keys() -> &'static DkimKeys {
    static KEYS: OnceLock<DkimKeys> = OnceLock::new();
    KEYS.get_or_init(|| DkimKeys {
        keys: DkimKind::ALL
            .map(|kind| Arc::new(DkimKey::generate(kind, kind.prefix(), at(0)).unwrap()))
            .to_vec(),
    })
}

fn records() -> Vec<(String, String)> {
    let keys = keys().keys.iter();
    keys.map(|key| (key.selector.clone(), key.txt())).collect()
}

fn from() -> Mailbox {
    "emailtest@et.example.org".parse().unwrap()
}

fn composed(report: &Report) -> String {
    let mail = compose(report, &from(), keys(), at(3600), &Bits).unwrap();
    String::from_utf8(mail).unwrap()
}

fn head(mail: &str) -> Vec<&str> {
    mail.split("\r\n\r\n")
        .next()
        .unwrap()
        .split("\r\n")
        .collect()
}

#[test]
fn the_head_is_that_of_an_automatic_answer() {
    let mail = composed(&report(&DANE, Some(inbound())));
    let head = head(&mail);
    for line in [
        "From: emailtest@et.example.org",
        "To: jim@example.net",
        "Subject: Auto: Email Security Test of example.net: dane (RFC 7672)",
        "Date: Sat, 27 Aug 2022 23:47:49 +0000",
        "Message-ID: <mpjtb9d5mpjtb9d5.0w3ge1r70w3ge1r7@et.example.org>",
        "In-Reply-To: <1@example.net>",
        "References: <1@example.net>",
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
    ] {
        let count = head.iter().filter(|other| **other == line).count();
        assert_eq!(count, 1, "{line}\n{}", head.join("\n"));
    }
}

#[test]
fn it_holds_the_text_and_the_evidence() {
    let report = report(&DANE, Some(inbound()));
    let mail = composed(&report);
    let parsed = mail_parser::MessageParser::default()
        .parse(mail.as_bytes())
        .unwrap();
    let body = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(body, text(&report));
    let page = parsed.body_html(0).unwrap().replace("\r\n", "\n");
    assert_eq!(page, html(&report));
    let attached = parsed.attachments().next().unwrap();
    let evidence: serde_json::Value = serde_json::from_slice(attached.contents()).unwrap();
    assert_eq!(evidence, json(&report, Redaction::Personal));
    let name = mail_parser::MimeHeaders::attachment_name(attached);
    assert_eq!(name, Some("mailproof-0w3ge1r70w3ge1r7.json"));
    assert_eq!(parsed.attachment_count(), 1);
}

#[test]
fn its_lines_survive_every_server() {
    let mut report = report(&DANE, Some(inbound()));
    // Evidence of 500 connections is too long to be spread over lines.
    report.test.connections = vec![report.test.connections[5].clone(); 500];
    let mail = composed(&report);
    assert!(mail.is_ascii(), "a server without 8BITMIME must take it");
    assert_eq!(mail.matches('\n').count(), mail.matches("\r\n").count());
    assert_eq!(mail.matches('\r').count(), mail.matches("\r\n").count());
    let longest = mail.split("\r\n").map(str::len).max().unwrap();
    assert!(longest <= 998, "{longest}");
    // Verifiers differ on whitespace there.
    assert!(mail.ends_with("--\r\n"), "{:?}", &mail[mail.len() - 80..]);
}

#[test]
fn strange_addresses_and_ids_add_no_header() {
    for (sender, to) in [
        ("\"a b\"@example.net", "To: \"a b\"@example.net"),
        ("o'brien+x@example.net", "To: o'brien+x@example.net"),
    ] {
        let mut report = report(&DANE, None);
        report.test.sender = sender.parse().unwrap();
        report.test.message_ids = vec!["x@y>\r\nBcc: a@example.org".to_owned()];
        let mail = composed(&report);
        let head = head(&mail);
        assert!(head.contains(&to), "{}", head.join("\n"));
        assert!(!head.iter().any(|line| line.starts_with("In-Reply-To:")));
        assert!(!mail.contains("\r\nBcc:"));
    }
}

#[test]
fn both_signatures_hold_and_cover_what_matters() {
    let mail = composed(&report(&DANE, Some(inbound())));
    let records = records();
    let signatures = dkim::signatures(&mail);
    assert_eq!(signatures.len(), 2);
    for (signature, (algorithm, selector)) in signatures
        .iter()
        .zip([("rsa-sha256", "rsa"), ("ed25519-sha256", "ed")])
    {
        assert_eq!(signature.tag("a"), algorithm);
        assert_eq!(signature.tag("s"), selector);
        assert_eq!(signature.tag("d"), "et.example.org");
        assert_eq!(signature.tag("c"), "relaxed/relaxed");
        let signed = signature.tag("h").to_ascii_lowercase();
        let signed: Vec<_> = signed.split(':').collect();
        for header in [
            "from",
            "to",
            "subject",
            "date",
            "message-id",
            "in-reply-to",
            "auto-submitted",
            "mime-version",
            "content-type",
            "cc",
            "reply-to",
        ] {
            assert!(signed.contains(&header), "{header}");
        }
        let (_, record) = records.iter().find(|(name, _)| name == selector).unwrap();
        assert_eq!(signature.verify(&mail, record), Ok(()));
        for (part, other) in [
            ("Subject: Auto", "Subject: Outo"),
            ("To: jim@", "To: tim@"),
            ("Rating", "Roting"),
        ] {
            let changed = mail.replacen(part, other, 1);
            assert_ne!(changed, mail, "{part}");
            assert!(signature.verify(&changed, record).is_err(), "{part}");
        }
        // Relaxed: white space may change on the way.
        let folded = mail.replacen("Auto-Submitted: auto", "auto-submitted:   auto", 1);
        assert_eq!(signature.verify(&folded, record), Ok(()));
    }
}

#[tokio::test]
async fn another_implementation_takes_both_signatures() {
    let mail = composed(&report(&DANE, Some(inbound())));
    let results = dkim::by_mail_auth(&mail, &records()).await;
    assert_eq!(results, ["Pass", "Pass"]);
}

#[test]
fn without_a_key_no_mail_is_made() {
    let none = DkimKeys { keys: Vec::new() };
    let error = compose(&report(&DANE, None), &from(), &none, at(0), &Bits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no active DKIM key to sign with"
    );
}

#[test]
fn the_gate_lets_only_proven_people_through() {
    let own: Vec<Domain> = ["et.example.org", "ut.example.org"]
        .map(|name| name.parse().unwrap())
        .to_vec();
    let usual = report(&DANE, None).test;
    assert_eq!(gate(&usual, &own), Ok(()));
    type Change = fn(&mut mailproof::base::Test);
    let rows: [(Change, &str); 7] = [
        (|test| test.proven = false, "not proven"),
        (|test| test.robot = Some(Robot::List), "mailing list"),
        (|test| test.robot = Some(Robot::AutoSubmitted), "machine"),
        (|test| test.robot = Some(Robot::Report), "report"),
        (|test| test.robot = Some(Robot::Daemon), "mail system"),
        (|test| test.robot = Some(Robot::Loop), "loop"),
        (
            |test| test.sender = "jim@x.et.example.org".parse().unwrap(),
            "et.example.org, which is ours",
        ),
    ];
    for (change, why) in rows {
        let mut test = usual.clone();
        change(&mut test);
        let withheld = gate(&test, &own).unwrap_err().to_string();
        assert!(withheld.contains(why), "{withheld}");
    }
}
