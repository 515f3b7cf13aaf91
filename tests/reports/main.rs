//! Reports as people and programs get them: `tests/golden/reports/` holds the texts and the JSON.
//!
//! With `MAILPROOF_GOLDEN=write` in the environment the files are written anew instead of compared.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod delivery;
mod dkim;
mod export;
mod mail;
mod scene;

use mailproof::base::{Contact, Language, Policy, TestState, Zone};
use mailproof::report::{Redaction, Report, explain, html, json, subject, text};
use scene::{DANE, MAY, NONE, UNDETERMINED, inbound, report};
use std::path::Path;

fn golden(name: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/reports")
        .join(name);
    if std::env::var("MAILPROOF_GOLDEN").is_ok_and(|wish| wish == "write") {
        std::fs::write(&file, made).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        made == expected,
        "{} differs; this was made:\n{made}",
        file.display()
    );
}

fn scenes() -> [(&'static str, Report, Option<Policy>); 4] {
    let mut open = report(&UNDETERMINED, None);
    open.test.state = TestState::Expired;
    open.test.addressed = vec![Zone::Et];
    open.outbound = mailproof::infer::outbound(&open.test);
    [
        ("dane", report(&DANE, Some(inbound())), Some(Policy::Dane)),
        ("may", report(&MAY, Some(inbound())), Some(Policy::May)),
        ("none", report(&NONE, None), Some(Policy::None)),
        ("undetermined", open, None),
    ]
}

#[test]
fn texts_are_the_golden_ones() {
    for (name, report, policy) in scenes() {
        assert_eq!(report.outbound.policy, policy, "{name}");
        golden(&format!("{name}.txt"), &text(&report));
    }
}

#[test]
fn pages_say_what_the_texts_say() {
    for (name, report, _) in scenes() {
        let page = html(&report);
        assert!(!page.contains("jim@"), "{name}");
        let mut bare = String::new();
        for piece in page.split("<body>").nth(1).unwrap().split('<') {
            bare.push(' ');
            bare.push_str(piece.split_once('>').map_or("", |(_, text)| text));
        }
        let bare = bare.replace("&nbsp;", " ").replace("&amp;", "&");
        let words = |text: &str| -> Vec<String> {
            let plain = text
                .split_whitespace()
                .map(|word| word.trim_end_matches(':'));
            plain
                .filter(|word| !word.is_empty() && *word != "-" && !word.starts_with("=="))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(words(&bare), words(&text(&report)), "{name}");
    }
}

#[test]
fn json_is_the_golden_one() {
    let [(_, report, _), ..] = scenes();
    let mut made = serde_json::to_string_pretty(&json(&report, Redaction::Personal)).unwrap();
    made.push('\n');
    golden("dane.json", &made);
}

#[test]
fn no_line_is_too_long_and_no_address_is_shown() {
    for (name, mut report, _) in scenes() {
        report.test.connections[0].connection.to =
            vec![
                format!("en+{}@et.example.org", "x".repeat(60))
                    .parse()
                    .unwrap();
                9
            ];
        let text = text(&report);
        for line in text.lines() {
            assert!(line.chars().count() <= 78, "{name}: {line}");
            assert_eq!(line.trim_end(), line, "{name}");
        }
        let json = json(&report, Redaction::Personal).to_string();
        for made in [&text, &json] {
            assert!(!made.contains("jim@"), "{name}");
            assert!(!made.contains("xxx"), "{name}: a token is shown");
        }
    }
}

#[test]
fn the_operator_sees_addresses_in_json() {
    let [(_, report, _), ..] = scenes();
    let json = json(&report, Redaction::None);
    assert_eq!(json["sender"], "jim@example.net");
    assert_eq!(json["connections"][3]["from"], "jim@example.net");
}

#[test]
fn the_keys_of_the_json_are_those_of_the_contract() {
    let [(_, report, _), ..] = scenes();
    let json = json(&report, Redaction::None);
    let keys = |value: &serde_json::Value| -> String {
        let map = value.as_object().unwrap();
        let mut keys: Vec<_> = map.keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys.join(" ")
    };
    for (value, expected) in [
        (
            &json,
            "addressed authentication connections ended fetches gaps id inbound language orders origins outbound \
             queries reply sender signatures started state tls_reports token window",
        ),
        (
            &json["outbound"],
            "candidates confidence findings plaintext policy rating reasons servers waiting_for",
        ),
        (&json["authentication"], "arc dkim dmarc spf"),
        (
            &json["connections"][3],
            "address attempt certificate client close domain ehlo ehlo_in_tls ended foreign from hello id oddities parameters ptr server shared \
             sni started starttls_offered status tls to transport via",
        ),
        (
            &json["connections"][3]["hello"],
            "groups signatures suites versions",
        ),
        (&json["connections"][3]["tls"], "cipher version"),
        (
            &json["queries"][0],
            "cd do id name resolver shared time type",
        ),
        (&json["orders"][0], "order serial time"),
        (&json["reply"], "reason state"),
        (
            &json["inbound"],
            "colour dane dmarc domain findings mta_sts mx networks null_mx qualified_transport_encryption spf tlsrpt",
        ),
    ] {
        assert_eq!(keys(value), expected);
    }
    assert_eq!(json["outbound"]["servers"]["3"], "refused");
    assert_eq!(json["connections"][0]["from"], serde_json::Value::Null);
}

#[test]
fn results_are_read_as_they_were_kept() {
    for (name, mut report, _) in scenes() {
        // A null sender is not the same as none.
        report.test.connections[0].connection.from = Some(None);
        let stored = report.to_stored().unwrap();
        assert_eq!(Report::from_stored(&stored), Ok(report), "{name}");
        let mut newer = stored.clone();
        newer[0] = 9;
        let error = Report::from_stored(&newer).unwrap_err().to_string();
        assert!(error.contains("version 9"), "{error}");
        assert!(Report::from_stored(&stored[..stored.len() / 2]).is_err());
        assert!(Report::from_stored(&[]).is_err());
    }
}

#[test]
fn subjects_and_one_line_summaries_say_the_policy() {
    let lines: Vec<_> = scenes()
        .iter()
        .map(|(_, report, _)| format!("{} | {}", subject(report), explain(&report.outbound)))
        .collect();
    golden("lines.txt", &(lines.join("\n") + "\n"));
}

#[test]
fn long_histories_are_cut_in_the_middle() {
    let mut report = report(&DANE, None);
    let one: Contact = report.test.connections[0].clone();
    report.test.connections = vec![one; 150];
    let text = text(&report);
    assert_eq!(text.matches("(Server 1, plain text").count(), 100);
    assert!(text.contains("(50 more in the attached file)"), "{text}");
}

#[test]
fn germans_get_german() {
    for (name, mut report, _) in scenes() {
        report.test.language = Language::German;
        let text = text(&report);
        for line in text.lines() {
            assert!(line.chars().count() <= 78, "{name}: {line}");
        }
        if name == "undetermined" || name == "dane" {
            golden(&format!("{name}.de.txt"), &text);
        }
    }
}
